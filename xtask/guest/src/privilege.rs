//! What a running daemon may still do, read from `/proc`.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::machine::Machine;

/// The number of `CAP_BPF`.
const CAP_BPF: u32 = 39;
/// From this kernel on descriptors that are open need no capability.
const WITHOUT_CAPABILITIES: (u32, u32) = (6, 1);

/// The processes called `teiten`.
///
/// # Errors
/// `/proc` cannot be read.
pub fn daemons() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir("/proc").context("/proc cannot be read")?;
    Ok(entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| fs::read_to_string(path.join("comm")).is_ok_and(|name| name == "teiten\n"))
        .collect())
}

/// Holds every thread of the one daemon to what this kernel allows: its user, its capabilities in all sets, no new ones
/// and a filter of system calls. Gives how many threads there are.
///
/// # Errors
/// A thread has more.
pub fn hold(machine: &Machine, user: u32) -> Result<usize> {
    let daemons = daemons()?;
    ensure!(daemons.len() == 1, "{} daemons run: {daemons:?}", daemons.len());
    let capabilities = if machine.has(WITHOUT_CAPABILITIES) {
        0
    } else {
        1_u64 << CAP_BPF
    };
    let mut threads = 0;
    for thread in fs::read_dir(daemons[0].join("task")).context("the daemon is gone")? {
        let path = thread?.path().join("status");
        let status =
            fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::trim)
                .with_context(|| format!("no {name} in {status}"))
        };
        for set in ["CapPrm:", "CapEff:"] {
            let held = u64::from_str_radix(field(set)?, 16)?;
            ensure!(
                held == capabilities,
                "{set} {held:x} and not {capabilities:x}: {status}"
            );
        }
        for set in ["CapInh:", "CapAmb:"] {
            ensure!(
                u64::from_str_radix(field(set)?, 16)? == 0,
                "{set} is not empty: {status}"
            );
        }
        for id in field("Uid:")?.split_whitespace() {
            ensure!(id.parse::<u32>()? == user, "another user: {status}");
        }
        ensure!(
            field("NoNewPrivs:")? == "1",
            "new privileges can be had: {status}"
        );
        ensure!(
            field("Seccomp:")? == "2",
            "system calls are not filtered: {status}"
        );
        threads += 1;
    }
    ensure!(threads > 3, "only {threads} threads");
    Ok(threads)
}
