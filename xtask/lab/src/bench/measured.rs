//! What every sub-command hands over: the findings, with the machine they hold for.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde::Serialize;

use super::{LoadOfOthers, Machine, load_of_others::Watch};
use crate::daemon::family_cpu_time;

/// What others took of the machine meanwhile, and whether that was little enough to believe the figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Belief {
    /// What they took.
    pub others: LoadOfOthers,
    /// Whether the figures are to be believed.
    pub believable: bool,
}

impl Belief {
    /// Measures, and sees what others did meanwhile. For work that this process and its children do on CPUs of their
    /// own account: packets that the kernel takes in at another's expense are not known to be theirs.
    pub(super) fn during<T>(measure: impl FnOnce() -> Result<T>) -> Result<(T, Self)> {
        let (watch, before) = (Watch::start()?, family_cpu_time()?);
        let measured = measure()?;
        let own = family_cpu_time()?.saturating_sub(before);
        Ok((measured, Self::of(watch.finish(own)?)))
    }

    pub(super) fn of(others: LoadOfOthers) -> Self {
        Self {
            others,
            believable: !others.is_too_high(),
        }
    }
}

impl fmt::Display for Belief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.believable {
            return Ok(());
        }
        let LoadOfOthers {
            foreign_cpus,
            stolen_cpus,
            load_average,
        } = self.others;
        writeln!(
            f,
            "the machine was too busy to believe this: others took {foreign_cpus:.2} CPUs, the hypervisor \
             {stolen_cpus:.2}, and the load average was {load_average:.2} before"
        )
    }
}

/// Findings, with what they hold for.
#[derive(Clone, Debug, Serialize)]
pub struct Measured<T> {
    /// The sub-command.
    pub part: &'static str,
    /// Whether fewer rounds were made than the figures that are quoted rest on.
    pub quick: bool,
    /// Where.
    pub machine: Machine,
    /// How long it took, preparation included.
    pub seconds: f64,
    /// What was found.
    pub result: T,
}

impl<T> Measured<T> {
    /// Measures.
    ///
    /// # Errors
    /// Whatever keeps it from being measured.
    pub fn take(part: &'static str, quick: bool, measure: impl FnOnce() -> Result<T>) -> Result<Self> {
        let (machine, begun) = (Machine::this()?, Instant::now());
        let result = measure()?;
        Ok(Self {
            part,
            quick,
            machine,
            seconds: begun.elapsed().as_secs_f64(),
            result,
        })
    }
}

impl<T: fmt::Display> fmt::Display for Measured<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quick = if self.quick { ", few rounds" } else { "" };
        writeln!(f, "{}{quick}: {}", self.part, self.machine)?;
        write!(f, "{}", self.result)
    }
}

/// A time in milliseconds.
pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
