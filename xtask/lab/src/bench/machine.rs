//! The machine that was measured on, in terms that tell another reader what to expect and nothing more.

use std::{fmt, fs};

use anyhow::{Context as _, Result};
use nix::sys::utsname::uname;
use serde::Serialize;

use crate::live::online_cpus;

/// A machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// What its CPUs call themselves.
    pub cpu: String,
    /// How many of them are online.
    pub cores: usize,
    /// Memory, in whole GiB.
    pub memory_gib: u64,
    /// Version and patch level of Linux: `6.18`.
    pub kernel: String,
    /// Whether a hypervisor says that it is there.
    pub virtual_machine: bool,
    /// The load average over a minute when this was asked.
    pub load_average: f64,
}

impl Machine {
    /// This one.
    ///
    /// # Errors
    /// The system does not say.
    pub fn this() -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).with_context(|| format!("{path} cannot be read"));
        let cpus = read("/proc/cpuinfo")?;
        let memory = field(&read("/proc/meminfo")?, "MemTotal")
            .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        let release = uname().context("the kernel does not say its version")?;
        Ok(Self {
            cpu: field(&cpus, "model name").unwrap_or("unknown").to_owned(),
            cores: online_cpus()?.len(),
            memory_gib: memory.unwrap_or(0).div_ceil(1 << 20),
            kernel: version(&release.release().to_string_lossy()),
            virtual_machine: field(&cpus, "flags")
                .is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor")),
            load_average: load_average()?,
        })
    }
}

/// The load average over a minute.
pub(super) fn load_average() -> Result<f64> {
    let path = "/proc/loadavg";
    let text = fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?;
    let first = text.split_whitespace().next();
    Ok(first.and_then(|figure| figure.parse().ok()).unwrap_or(0.0))
}

/// The first two numbers of a release: what stands behind them says who built it.
fn version(release: &str) -> String {
    let numbers = release.split(|letter: char| !letter.is_ascii_digit());
    numbers.take(2).collect::<Vec<_>>().join(".")
}

/// The text behind `name` and a colon on its line.
fn field<'text>(text: &'text str, name: &str) -> Option<&'text str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.virtual_machine {
            "virtual machine"
        } else {
            "machine"
        };
        write!(
            f,
            "{kind} with {} cores ({}), {} GiB, Linux {}; load average {:.2}",
            self.cores, self.cpu, self.memory_gib, self.kernel, self.load_average
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_cut_to_what_says_nothing_of_its_builder() {
        for (release, expected) in [
            ("6.18.44-fc-v657", "6.18"),
            ("6.1.0-28-amd64", "6.1"),
            ("7.3-rc1", "7.3"),
        ] {
            assert_eq!(version(release), expected);
        }
    }

    #[test]
    fn this_machine_says_what_it_is() {
        let machine = Machine::this().unwrap();
        assert!(machine.cores > 0 && machine.memory_gib > 0, "{machine:?}");
    }
}
