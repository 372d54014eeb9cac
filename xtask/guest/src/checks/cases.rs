//! The table of cases and the differential run: the test program `kernel` of the daemon's crate, one test at a time.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use sensor_lab::cases::{self, Case};
use serde_json::{Value, json};

use super::Finding;
use crate::machine::Machine;

/// The totals take a while to read in an emulated machine, so they are compared after so many cases and not after
/// each.
const CASES_BETWEEN_TOTALS: &str = "100";
/// Mutated frames.
const FRAMES: u32 = 20_000;

/// Each case through the program for frames in one buffer.
pub fn plain(machine: &Machine) -> Result<Finding> {
    table(machine, "every_case_moves_exactly_its_counters_plain")
}

/// Each case through the program for frames in several buffers.
pub fn frags(machine: &Machine) -> Result<Finding> {
    if !machine.has(Machine::FRAGS_AND_LIVE_FRAMES) {
        return Ok(Finding::Absent("from 5.18 on".to_owned()));
    }
    table(machine, "every_case_moves_exactly_its_counters_frags")
}

/// Each case where observed packets are dropped.
pub fn drop(machine: &Machine) -> Result<Finding> {
    table(machine, "every_case_is_dropped_only_when_observed_and_asked")
}

/// Mutated frames through the program and through the host's classifier.
pub fn differential(machine: &Machine) -> Result<Finding> {
    run(machine, "mutated_frames_are_counted_as_by_the_host")?;
    Ok(Finding::passed(
        format!("{FRAMES} frames"),
        [("frames", json!(FRAMES))],
    ))
}

fn table(machine: &Machine, test: &str) -> Result<Finding> {
    let cases = cases::all().into_iter().filter(Case::fits_test_run).count();
    run(machine, test)?;
    Ok(Finding::passed(
        format!("{cases} cases"),
        [("cases", json!(cases))],
    ))
}

/// Runs one test. Its own words go to the console.
fn run(machine: &Machine, test: &str) -> Result<()> {
    let output = Command::new(machine.program("kernel"))
        .args(["--format", "json", "--exact", test])
        .env("TEITEN_CASES_BETWEEN_TOTALS", CASES_BETWEEN_TOTALS)
        .env("TEITEN_DIFFERENTIAL_FRAMES", FRAMES.to_string())
        .stderr(Stdio::inherit())
        .output()
        .context("the test program `kernel` could not be started")?;
    let said = String::from_utf8_lossy(&output.stdout);
    // A test that does not exist is a run of none, which succeeds: so its own line is what counts.
    let end = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["name"] == test && line["event"] != "started");
    match end {
        Some(line) if line["event"] == "ok" && output.status.success() => Ok(()),
        Some(line) => bail!("{test}: {}, {}", line["event"], line["stdout"]),
        None => bail!("{test} did not run ({}): {said}", output.status),
    }
}
