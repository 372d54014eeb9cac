//! A wall clock that steps. Nobody may step the machine's: a time namespace moves the clock that it is compared with.

use std::{fs, process::Command};

use libtest_mimic::{Completion, Failed};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sensor_lab::{daemon::Daemon, network::LabLock};

use crate::{
    Test,
    place::{Place, await_metric, await_that},
};

pub const TESTS: [(&str, Test); 1] = [("a_clock_step_is_recorded_and_intervals_go_on", stepped)];

/// Seconds between the clocks of the two namespaces.
const STEP: &str = "3600";

fn stepped(lock: &LabLock) -> Result<Completion, Failed> {
    let probe = Command::new("unshare")
        .args(["--time", "--boottime", STEP, "--fork", "true"])
        .status();
    if !probe.is_ok_and(|status| status.success()) {
        return Ok(Completion::ignored_with("needs time namespaces and unshare(1)"));
    }
    let place = Place::make(lock, "clock")?;
    let settings = place.settings();
    let daemon = place.start(&settings)?;
    place.send(5)?;
    await_metric(&daemon, "teiten_clock_steps_total", "0")?;
    daemon.stop()?;
    // For the next daemon the wall clock is an hour behind where the other clock says that it is.
    let folder = tempfile::tempdir()?;
    let wrapped = folder.path().join("teiten");
    let program = sensor_lab::artefacts::daemon()?;
    fs::write(
        &wrapped,
        format!(
            "#!/bin/sh\nexec unshare --time --boottime {STEP} --fork --kill-child '{}' \"$@\"\n",
            program.display()
        ),
    )?;
    super::place::run(Command::new("chmod").arg("755").arg(&wrapped))?;
    let daemon = Daemon::start(place.network.sensor(), &wrapped, &settings)?;
    await_metric(&daemon, "teiten_clock_steps_total", "1")?;
    // The clocks are read one after the other: -3600.0000004 or -3599.9999998.
    let stepped = |daemon: &Daemon<'_>| {
        let log = daemon.log();
        let line = log.lines().find(|line| line.contains("the wall clock stepped"))?;
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        line["seconds"].as_f64()
    };
    let seconds = await_that("the step in the log", || Ok(stepped(&daemon)))?;
    assert!((seconds + 3600.0).abs() < 1.0, "{seconds}");
    // It goes on counting and flushing.
    place.send(5)?;
    await_metric(
        &daemon,
        "teiten_outcome_packets_total{outcome=\"observed_tcp\"}",
        "10",
    )?;
    await_metric(&daemon, "teiten_clock_steps_total", "1")?;
    // The daemon is a child of what was started here.
    let status: serde_json::Value = serde_json::from_slice(&place.teiten(&["status", "--json"])?.stdout)?;
    let process = status["process"]
        .as_i64()
        .and_then(|process| i32::try_from(process).ok());
    kill(Pid::from_raw(process.ok_or("no process")?), Signal::SIGKILL)?;
    drop(daemon);
    await_that("the daemon is gone", || {
        let status = place.teiten(&["status"])?;
        let gone = String::from_utf8_lossy(&status.stdout).contains("does not run");
        Ok(gone.then_some(()))
    })?;
    Ok(Completion::Completed)
}
