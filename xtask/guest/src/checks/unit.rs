//! The systemd unit for real: started, watched over, reloaded and stopped by systemd itself.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use teiten::kernel::attach::interface_index;

use super::Finding;
use crate::{link::Pair, load::send, machine::Machine, privilege};

pub(super) const UNIT: &str = "teiten.service";
const ADDRESS: &str = "127.0.0.1:10023";
const PACKETS: u64 = 2_000;
/// The machine is emulated.
const PATIENCE: Duration = Duration::from_mins(2);
/// The watchdog's interval for this test: the unit's own is longer than anybody waits here.
const DROP_IN: &str = "[Service]\nWatchdogSec=20s\n";

/// From start to stop.
pub fn life(machine: &Machine) -> Result<Finding> {
    let pair = Pair::make()?;
    let folder = format!("/run/systemd/system/{UNIT}.d");
    fs::create_dir_all(&folder)?;
    fs::write(format!("{folder}/watchdog.conf"), DROP_IN)?;
    systemctl(&["daemon-reload"])?;
    // Returns once the sensor says that it is ready, or has failed.
    if let Err(error) = systemctl(&["start", UNIT]) {
        bail!("{error:#}; the journal says:\n{}", journal());
    }
    let user = user_id()?;
    let threads = privilege::hold(machine, user)?;
    let mode = fs::metadata("/var/lib/teiten").context("no state directory")?;
    ensure!(
        std::os::unix::fs::MetadataExt::uid(&mode) == user,
        "the state directory is not the sensor's own"
    );

    send(pair.tx, PACKETS)?;
    await_observed(PACKETS)?;
    systemctl(&["reload", UNIT])?;
    ensure!(show("ActiveState")? == "active", "a reload ended it");

    // A sensor that hangs is started anew.
    let before = show("MainPID")?;
    run(Command::new("kill").args(["-STOP", &before]))?;
    await_that("the hanging sensor was not started anew", || {
        Ok(show("NRestarts")? == "1" && show("ActiveState")? == "active" && show("MainPID")? != before)
    })?;
    privilege::hold(machine, user)?;

    systemctl(&["stop", UNIT])?;
    ensure!(
        show("Result")? == "success",
        "it did not stop well: {}",
        show("Result")?
    );
    ensure!(privilege::daemons()?.is_empty(), "it still runs");
    interface_index(pair.rx)?;
    let exposure = exposure()?;
    fs::remove_dir_all(&folder)?;
    systemctl(&["daemon-reload"])?;
    run(Command::new("teiten").args(["detach", "--config", "/etc/teiten/teiten.toml"]))?;
    Ok(Finding::passed(
        format!("started, reloaded, restarted by the watchdog, stopped; exposure {exposure}"),
        [
            ("threads", json!(threads)),
            ("packets", json!(PACKETS)),
            ("exposure", json!(exposure)),
        ],
    ))
}

pub(super) fn run(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{command:?} could not be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {}", said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

pub(super) fn systemctl(arguments: &[&str]) -> Result<String> {
    run(Command::new("systemctl").args(arguments))
}

pub(super) fn show(property: &str) -> Result<String> {
    systemctl(&["show", "--value", "--property", property, UNIT])
}

fn journal() -> String {
    run(Command::new("journalctl").args(["--no-pager", "--lines=20", "--unit", UNIT]))
        .unwrap_or_else(|error| format!("{error:#}"))
}

fn user_id() -> Result<u32> {
    run(Command::new("id").args(["-u", "teiten"]))?
        .parse()
        .context("the user has no number")
}

/// The figure at the end of `systemd-analyze security`.
fn exposure() -> Result<f64> {
    let said = run(Command::new("systemd-analyze").args(["security", "--no-pager", UNIT]))?;
    let line = said.lines().last().unwrap_or_default();
    let figure = line.split_whitespace().find_map(|word| word.parse().ok());
    figure.with_context(|| format!("no figure in {line:?}"))
}

fn await_that(otherwise: &str, holds: impl Fn() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds()? {
        ensure!(
            Instant::now() < deadline,
            "{otherwise}; the journal says:\n{}",
            journal()
        );
        thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

pub(super) fn await_observed(packets: u64) -> Result<()> {
    await_that("the packets were not counted", || {
        let law = snapshot()?["conservation"].clone();
        // A sensor before this one, as before an upgrade, has taken in what it had read.
        let derived = ["derived", "derived_earlier"].map(|key| law[key].as_u64().unwrap_or(0));
        Ok(law["observed"] == packets && derived.iter().sum::<u64>() == packets && law["difference"] == 0)
    })
}

fn snapshot() -> Result<Value> {
    let mut stream = TcpStream::connect(ADDRESS).context("the sensor does not serve")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /api/v1/snapshot HTTP/1.1\r\nHost: {ADDRESS}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no HTTP")?;
    serde_json::from_str(body).with_context(|| format!("no snapshot: {body}"))
}
