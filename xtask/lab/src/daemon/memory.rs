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
        Ok(Self {
            rss_bytes: field(&status, "VmRSS:").map_or(0, bytes),
            map_bytes: maps(id)?.values().sum(),
        })
    }
}

/// The pages of BPF maps that are among the resident ones of process `id`, in bytes: they are the kernel's, and
/// [`Memory::map_bytes`] has them already. `Rss` of such a mapping in proc(5)'s `smaps`.
///
/// # Errors
/// There is no such process.
pub(super) fn resident_map_bytes(id: u32) -> io::Result<u64> {
    Ok(resident_maps(&fs::read_to_string(format!("/proc/{id}/smaps"))?))
}

fn resident_maps(smaps: &str) -> u64 {
    let mut of_a_map = false;
    let mut sum = 0;
    for line in smaps.lines() {
        if let Some(size) = line.strip_prefix("Rss:") {
            sum += if of_a_map { bytes(size) } else { 0 };
        } else if line
            .split_whitespace()
            .next()
            .is_some_and(|word| !word.ends_with(':'))
        {
            of_a_map = line.ends_with("anon_inode:bpf-map");
        }
    }
    sum
}

/// What `  1234 kB` stands for.
fn bytes(text: &str) -> u64 {
    let kibibytes = text
        .split_whitespace()
        .next()
        .and_then(|number| number.parse().ok());
    kibibytes.map_or(0, |kibibytes: u64| kibibytes * 1024)
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
pub(crate) fn cpu_time(id: u32) -> io::Result<Duration> {
    times(id, 2)
}

/// The sum of so many of a process's times: its user and system time, then those of its children that have ended.
fn times(id: u32, many: usize) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name, in brackets, may hold blanks; the first of the times is the 12th field behind it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(many)
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

/// The time that this process has run on any CPU, and its children that have ended.
///
/// # Errors
/// The system does not say.
pub(crate) fn family_cpu_time() -> io::Result<Duration> {
    times(process::id(), 4)
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
    fn pages_of_bpf_maps_are_told_from_the_others() {
        let smaps = "7f00-7f10 rw-s 00001000 00:0e 1057 anon_inode:bpf-map\nSize: 64 kB\nRss:  20 kB\nVmFlags: rd wr\n\
                     7f10-7f20 rw-p 00000000 00:00 0\nRss: 7 kB\nVmFlags: rd\n\
                     7f30-7f40 r--s 00000000 00:0e 1057 anon_inode:bpf-map\nRss:  4 kB\n";
        assert_eq!(resident_maps(smaps), 24 * 1024);
        assert_eq!(resident_maps(""), 0);
    }

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
