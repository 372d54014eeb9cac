//! How much of the machine others took while something was measured: too much, and the figures mean nothing.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::machine::load_average;
use crate::daemon::ticks_to_time;

/// CPUs that others may take before the figures are doubted.
const TOLERATED_CPUS: f64 = 0.3;

/// What others took, on average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LoadOfOthers {
    /// CPUs that ran programs of others.
    pub foreign_cpus: f64,
    /// CPUs that a hypervisor gave to other machines.
    pub stolen_cpus: f64,
    /// The load average over a minute when the measurement began, which its own load is no part of.
    pub load_average: f64,
}

impl LoadOfOthers {
    /// Whether the machine was too busy to believe what was measured.
    #[must_use]
    pub fn is_too_high(&self) -> bool {
        self.foreign_cpus + self.stolen_cpus > TOLERATED_CPUS
    }
}

/// Begins to watch the machine.
#[derive(Debug)]
pub(super) struct Watch {
    begun: Instant,
    before: Machine,
    load_average: f64,
}

impl Watch {
    pub(super) fn start() -> Result<Self> {
        Ok(Self {
            begun: Instant::now(),
            before: Machine::now()?,
            load_average: load_average()?,
        })
    }

    /// What others took since, when `own` is the time that our own threads and processes ran on all CPUs together.
    pub(super) fn finish(&self, own: Duration) -> Result<LoadOfOthers> {
        let wall = self.begun.elapsed().as_secs_f64();
        let now = Machine::now()?;
        let busy = now.busy.saturating_sub(self.before.busy);
        let stolen = now.stolen.saturating_sub(self.before.stolen);
        Ok(LoadOfOthers {
            foreign_cpus: busy.saturating_sub(own).as_secs_f64() / wall,
            stolen_cpus: stolen.as_secs_f64() / wall,
            load_average: self.load_average,
        })
    }
}

/// Times since the machine started, of all CPUs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Machine {
    busy: Duration,
    stolen: Duration,
}

impl Machine {
    fn now() -> Result<Self> {
        let path = "/proc/stat";
        let text = fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?;
        Self::parse(&text).with_context(|| format!("{path} does not begin with the times of all CPUs"))
    }

    /// The line `cpu  user nice system idle iowait irq softirq steal …` (proc(5)), in ticks.
    fn parse(stat: &str) -> Option<Self> {
        let ticks: Vec<u64> = stat
            .lines()
            .next()?
            .strip_prefix("cpu ")?
            .split_whitespace()
            .map_while(|figure| figure.parse().ok())
            .collect();
        let &[user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = ticks.as_slice() else {
            return None;
        };
        Some(Self {
            busy: ticks_to_time(user + nice + system + irq + softirq),
            stolen: ticks_to_time(steal),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_cpus_are_not_busy() {
        let machine = Machine::parse("cpu  100 20 300 99999 77 1 2 50 0 0\ncpu0 1 2 3\n").unwrap();
        assert_eq!(machine.busy, ticks_to_time(423));
        assert_eq!(machine.stolen, ticks_to_time(50));
        assert_eq!(Machine::parse("intr 1 2 3"), None);
    }

    #[test]
    fn work_of_our_own_is_not_foreign() {
        let watch = Watch::start().unwrap();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(500) {
            std::hint::spin_loop();
        }
        let (counted, ignored) = (
            watch.finish(begun.elapsed()).unwrap(),
            watch.finish(Duration::ZERO).unwrap(),
        );
        assert!(ignored.foreign_cpus > 0.7, "{ignored:?}");
        assert!(
            counted.foreign_cpus <= ignored.foreign_cpus - 0.7,
            "{counted:?} {ignored:?}"
        );
    }
}
