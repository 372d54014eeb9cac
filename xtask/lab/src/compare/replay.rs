//! What `teiten replay` makes of a file.

use std::{path::Path, process::Command};

use super::{Programs, Reading, run};
use crate::daemon::Snapshot;

/// What came of a replay.
pub(super) enum Replayed {
    Read(Reading),
    /// The file is of no kind that the sensor reads; in its own words.
    NotRead(String),
}

/// What the sensor says of files that it does not read at all.
const NOT_READ: [&str; 6] = [
    "link type",
    "is not a capture",
    "which is not read",
    "of version",
    "is packed",
    "is empty",
];

pub(super) fn read(programs: &Programs, file: &Path) -> Result<Replayed, String> {
    let mut command = Command::new(&programs.teiten);
    command
        .args(["replay", "--json", "--regions"])
        .arg(&programs.regions)
        .arg(file);
    let output = run(&mut command)?;
    let said = String::from_utf8_lossy(&output.stderr);
    let snapshot: Snapshot = serde_json::from_slice(&output.stdout).map_err(|error| {
        format!(
            "the replay's JSON is not what is documented ({error}); it said: {}",
            said.trim()
        )
    })?;
    if snapshot.seen == 0
        && let Some(reason) = said
            .lines()
            .find(|line| NOT_READ.iter().any(|words| line.contains(words)))
    {
        let reason = reason.replace(&file.display().to_string(), "the file");
        return Ok(Replayed::NotRead(reason));
    }
    let counts = snapshot
        .ports
        .into_iter()
        .filter(|row| row.transport != "icmp")
        .map(|row| ((row.transport, row.port), row.packets));
    Ok(Replayed::Read(Reading {
        packets: snapshot.seen,
        counts: counts.collect(),
        lying: 0,
    }))
}
