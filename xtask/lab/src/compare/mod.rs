//! `teiten replay` held against tshark: packets by destination port, file by file.

pub mod explained;
mod replay;
mod tshark;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde::Serialize;

use self::explained::Rule;

/// How long either program may take for a file, in seconds.
const PATIENCE_SECONDS: u32 = 120;
/// What coreutils' `timeout` ends with when it had to stop a program.
const TIMED_OUT: i32 = 124;

/// Packets by transport (`tcp` or `udp`) and destination port.
pub type Counts = BTreeMap<(String, u16), u64>;

/// The two programs.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The sensor.
    pub teiten: PathBuf,
    /// Its region database: any that is short, because regions are not compared.
    pub regions: PathBuf,
}

/// What one of the two made of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Packets in the file.
    pub packets: u64,
    /// Those of them that have a port.
    pub counts: Counts,
    /// Those of them whose transport header cannot be, where the reader says so of single packets.
    pub lying: u64,
}

/// What came of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// Both count the same.
    Equal {
        /// Packets in the file.
        packets: u64,
        /// Packets with a port.
        with_port: u64,
        /// Packets that neither counts by port, because their transport header cannot be.
        lying: u64,
    },
    /// They count differently.
    Different {
        /// What is known to be the reason, where it is known.
        rule: Option<Rule>,
        /// Packets in the file, as the sensor and as tshark have it.
        packets: (u64, u64),
        /// Ports whose packets differ: `tcp/80: 3 and 4`, the sensor's first.
        ports: Vec<String>,
    },
    /// The sensor does not read this kind of file, and says so.
    NotRead {
        /// In its own words.
        reason: String,
    },
    /// One of them did not end as it should: panic, signal, or not within the time that was given.
    Broken {
        /// Which, and how.
        how: String,
    },
}

impl Verdict {
    /// Whether the file speaks against the sensor, as far as anybody knows.
    #[must_use]
    pub const fn is_defect(&self) -> bool {
        matches!(self, Self::Different { rule: None, .. } | Self::Broken { .. })
    }
}

/// Holds the two readings of a file against each other; `name` is what [`explained`] knows it by.
#[must_use]
pub fn compare(programs: &Programs, name: &str, file: &Path) -> Verdict {
    let ours = match replay::read(programs, file) {
        Ok(replay::Replayed::Read(reading)) => reading,
        Ok(replay::Replayed::NotRead(reason)) => return Verdict::NotRead { reason },
        Err(how) => return Verdict::Broken { how },
    };
    let theirs = match tshark::read(file) {
        Ok(reading) => reading,
        Err(how) => return Verdict::Broken { how },
    };
    if (ours.packets, &ours.counts) == (theirs.packets, &theirs.counts) {
        return Verdict::Equal {
            packets: ours.packets,
            with_port: ours.counts.values().sum(),
            lying: theirs.lying,
        };
    }
    Verdict::Different {
        rule: explained::rule_of(name),
        packets: (ours.packets, theirs.packets),
        ports: differences(&ours.counts, &theirs.counts),
    }
}

fn differences(ours: &Counts, theirs: &Counts) -> Vec<String> {
    let mut ports: Vec<_> = ours.keys().chain(theirs.keys()).collect();
    ports.sort();
    ports.dedup();
    let of = |counts: &Counts, key| counts.get(key).copied().unwrap_or(0);
    ports
        .into_iter()
        .filter(|key| of(ours, key) != of(theirs, key))
        .map(|key| format!("{}/{}: {} and {}", key.0, key.1, of(ours, key), of(theirs, key)))
        .collect()
}

/// Runs a program that may neither hang nor die of a signal.
fn run(command: &mut Command) -> Result<Output, String> {
    let program = Path::new(command.get_program()).display().to_string();
    let mut limited = Command::new("timeout");
    limited
        .arg(PATIENCE_SECONDS.to_string())
        .arg(command.get_program())
        .args(command.get_args());
    let output = limited
        .output()
        .map_err(|error: io::Error| format!("{program}: {error}"))?;
    match output.status.code() {
        Some(TIMED_OUT) => Err(format!("{program} did not end within {PATIENCE_SECONDS} s")),
        // Above 125 `timeout` says that the program could not be started, or died of a signal.
        Some(0..=100) => Ok(output),
        _ => Err(format!(
            "{program} ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(rows: &[(&str, u16, u64)]) -> Counts {
        rows.iter()
            .map(|(transport, port, packets)| (((*transport).to_owned(), *port), *packets))
            .collect()
    }

    #[test]
    fn each_port_that_differs_is_named_once_with_both_counts() {
        let ours = counts(&[("tcp", 80, 3), ("udp", 53, 1)]);
        let theirs = counts(&[("tcp", 80, 4), ("udp", 53, 1), ("udp", 69, 2)]);
        assert_eq!(
            differences(&ours, &theirs),
            ["tcp/80: 3 and 4", "udp/69: 0 and 2"]
        );
        assert!(differences(&ours, &ours).is_empty());
    }

    #[test]
    fn a_program_that_dies_or_is_not_there_is_broken_and_one_that_fails_is_not() {
        let shell = |script: &str| run(Command::new("sh").args(["-c", script]));
        assert!(shell("exit 1").is_ok());
        assert!(shell("kill -9 $$").is_err());
        // What a panic ends with.
        assert!(shell("exit 101").is_err());
        assert!(run(&mut Command::new("/no/such/program")).is_err());
    }
}
