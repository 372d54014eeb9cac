//! What the daemon takes of memory: at rest, and when millions of spoofed sources come.

use std::{
    fmt, thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::complete::{Complete, Place, Programs, await_idle};
use crate::{
    daemon::Daemon,
    live::{Profile, online_cpus},
    network::LabLock,
};

/// How long the daemon is left alone before it counts as at rest.
const SETTLING: Duration = Duration::from_secs(5);
/// How long is watched after the flood: flushes and the writing of records come behind it.
const AFTER: Duration = Duration::from_secs(25);
const LOOK: Duration = Duration::from_millis(50);
/// Frames of one go.
const FRAMES: u64 = 500_000;

/// What is measured.
#[derive(Clone, Debug)]
pub struct MemoryOptions {
    /// Frames, each of another source but for chance.
    pub sources: u64,
    /// What is run.
    pub programs: Programs,
}

/// Memory as the daemon is by default, and with records written beside.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MemoryUses {
    /// Sources that came, in one hour.
    pub sources: u64,
    /// With every default.
    pub defaults: MemoryUse,
    /// With records.
    pub recording: MemoryUse,
}

/// Memory in bytes. Resident without the pages of BPF maps, which are the kernel's.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MemoryUse {
    /// Before anything came.
    pub rest_bytes: u64,
    /// The most while they came and after.
    pub most_bytes: u64,
    /// At the end.
    pub end_bytes: u64,
    /// Of the BPF maps.
    pub map_bytes: u64,
    /// The part of the packets whose detail was lost.
    pub lost_detail: f64,
}

/// Measures.
///
/// # Errors
/// The daemon cannot be started, or ends.
pub fn measure_memory(lock: &LabLock, options: &MemoryOptions) -> Result<MemoryUses> {
    Ok(MemoryUses {
        sources: options.sources,
        defaults: measure(lock, options, false)?,
        recording: measure(lock, options, true)?,
    })
}

fn measure(lock: &LabLock, options: &MemoryOptions, recording: bool) -> Result<MemoryUse> {
    let cpu = *online_cpus()?.first().context("no CPU is online")?;
    let place = Place::make(lock, "bench", &options.programs, &[cpu])?;
    let mut complete = Complete::new(place.network.rx().name)?;
    if !recording {
        complete.settings.configuration = None;
    }
    let daemon = Daemon::start(
        place.network.sensor(),
        &options.programs.daemon,
        &complete.settings,
    )?;
    thread::sleep(SETTLING);
    let rest_bytes = daemon.resident_without_maps()?;
    let mut most_bytes = rest_bytes;
    let mut sent = 0;
    while sent < options.sources {
        let frames = FRAMES.min(options.sources - sent);
        place
            .generator
            .generate(Profile::Uniform, frames, &[cpu], |_| ())?;
        most_bytes = most_bytes.max(daemon.resident_without_maps()?);
        // Every record is to be taken in: losing them takes no memory.
        await_idle(|| Ok(daemon.cpu_time()?))?;
        sent += frames;
    }
    let end = Instant::now() + AFTER;
    while Instant::now() < end {
        most_bytes = most_bytes.max(daemon.resident_without_maps()?);
        thread::sleep(LOOK);
    }
    let totals = place.settled(&daemon)?;
    let lost = totals.conservation.lost_ring + totals.conservation.lost_queue;
    let memory = daemon.memory()?;
    let end_bytes = daemon.resident_without_maps()?;
    daemon.stop()?;
    Ok(MemoryUse {
        rest_bytes,
        most_bytes,
        end_bytes,
        map_bytes: memory.map_bytes,
        lost_detail: part(lost, totals.seen),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn part(of: u64, whole: u64) -> f64 {
    of as f64 / whole as f64
}

impl fmt::Display for MemoryUses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibytes = |bytes: u64| bytes >> 20;
        writeln!(f, "MiB resident without maps, {} sources:", self.sources)?;
        for (name, memory) in [("by default", self.defaults), ("with records", self.recording)] {
            writeln!(
                f,
                "  {name:<14} {} at rest, at most {}, {} at the end; maps in the kernel {}; {:.4} of the detail was lost",
                mebibytes(memory.rest_bytes),
                mebibytes(memory.most_bytes),
                mebibytes(memory.end_bytes),
                mebibytes(memory.map_bytes),
                memory.lost_detail
            )?;
        }
        Ok(())
    }
}
