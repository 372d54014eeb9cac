//! What the daemon takes of the machine's memory and time, as the kernel accounts for it.

use std::{collections::BTreeMap, fs, io, process, time::Duration};

use nix::unistd::{SysconfVar, sysconf};

/// Memory at one moment, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Memory {
    /// Of the process, resident (`VmRSS` of proc(5)). The ring's pages are among them as far as they were read.
    pub rss_bytes: u64,
    /// Of the BPF maps that it holds, each once (`memlock` of their descriptors).
    pub map_bytes: u64,
}

impl Memory {
    /// What process `id` takes.
    ///
    /// # Errors
    /// There is no such process.
    pub(super) fn of(id: u32) -> io::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let kibibytes =
            field(&status, "VmRSS:").and_then(|text| text.split_whitespace().next()?.parse().ok());
        Ok(Self {
            rss_bytes: kibibytes.map_or(0, |kibibytes: u64| kibibytes * 1024),
            map_bytes: maps(id)?.values().sum(),
        })
    }
}

/// The bytes of each map that the process holds a descriptor of, by the map's id.
fn maps(id: u32) -> io::Result<BTreeMap<u64, u64>> {
    let mut maps = BTreeMap::new();
    for descriptor in fs::read_dir(format!("/proc/{id}/fdinfo"))? {
        // A descriptor may be closed meanwhile.
        let Ok(info) = fs::read_to_string(descriptor?.path()) else {
            continue;
        };
        let number = |name| field(&info, name).and_then(|text| text.parse().ok());
        if let (Some(map), Some(bytes)) = (number("map_id:"), number("memlock:")) {
            maps.insert(map, bytes);
        }
    }
    Ok(maps)
}

/// The text behind `name` on its line.
fn field<'text>(text: &'text str, name: &str) -> Option<&'text str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

/// The time that process `id` has run on any CPU, its system calls included.
///
/// # Errors
/// There is no such process.
pub(super) fn cpu_time(id: u32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name, in brackets, may hold blanks; user and system time are the 12th and 13th field behind it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    Ok(ticks_to_time(ticks))
}

/// The bytes of the BPF maps that this process holds.
///
/// # Errors
/// The system does not say.
pub(crate) fn own_map_bytes() -> io::Result<u64> {
    Ok(maps(process::id())?.values().sum())
}

/// The time that this process has run on any CPU.
///
/// # Errors
/// The system does not say.
pub(crate) fn own_cpu_time() -> io::Result<Duration> {
    cpu_time(process::id())
}

/// The kernel's ticks for user space (100 a second on every common machine) as a time.
pub(crate) fn ticks_to_time(ticks: u64) -> Duration {
    let a_second = sysconf(SysconfVar::CLK_TCK)
        .ok()
        .flatten()
        .and_then(|ticks| u32::try_from(ticks).ok())
        .filter(|ticks| *ticks > 0)
        .unwrap_or(100);
    Duration::from_secs(ticks) / a_second
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_has_run() {
        let own = std::process::id();
        let memory = Memory::of(own).unwrap();
        assert!((1 << 20..1 << 32).contains(&memory.rss_bytes), "{memory:?}");
        let before = cpu_time(own).unwrap();
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(300) {
            std::hint::spin_loop();
        }
        let ran = cpu_time(own).unwrap().saturating_sub(before);
        assert!(ran > Duration::ZERO && ran < Duration::from_secs(10), "{ran:?}");
    }
}
