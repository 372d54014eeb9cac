//! CPUs: which there are, staying on one, and how long one had to be waited for.

use std::{fs, time::Duration};

use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};

use super::LiveError;

/// How long the calling thread has waited for a CPU so far; nothing where the kernel does not say. The second figure
/// of `schedstat` (Linux, Documentation/scheduler/sched-stats.rst), in nanoseconds.
pub(super) fn waited_for_cpu() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text
        .split_whitespace()
        .nth(1)
        .and_then(|figure| figure.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// Keeps the calling thread on one CPU.
pub(crate) fn pin(cpu: u32) -> Result<(), LiveError> {
    let mut set = CpuSet::new();
    set.set(cpu as usize)
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
        .map_err(|source| LiveError::Pin { cpu, source })
}

/// The CPUs that are online, by number.
///
/// # Errors
/// The system does not say.
pub fn online_cpus() -> Result<Vec<u32>, LiveError> {
    aya::util::online_cpus().map_err(|(path, source)| LiveError::Cpus {
        path: path.to_owned(),
        source,
    })
}
