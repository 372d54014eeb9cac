//! Whether the program attaches to an interface in a mode, and sees there exactly what was sent.

use std::{
    fs,
    net::{Ipv4Addr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use sensor_common::Outcome;
use serde_json::json;
use teiten::kernel::{Mode, ModeChoice, Object};

use super::{Finding, sensor::Plan};
use crate::{
    link::{Pair, set_up},
    load::send,
    machine::Machine,
};

/// How many packets each check sends.
const PACKETS: u64 = 1000;
/// How long they may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// In the driver of a virtual Ethernet end.
pub fn native_veth(_: &Machine) -> Result<Finding> {
    let pair = Pair::make()?;
    let object = Object::embedded();
    let plan = Plan::of(&object);
    let sends = || send(pair.tx, PACKETS);
    sees_all(&plan, pair.rx, ModeChoice::Native, Outcome::ObservedTcp, sends)
}

/// In the driver of a virtual machine's network card; another card of this machine is on the same link.
pub fn native_virtio_net(_: &Machine) -> Result<Finding> {
    let mut cards: Vec<_> = fs::read_dir("/sys/class/net")
        .context("the interfaces cannot be listed")?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Machine::is_driven_by(name, "virtio_net"))
        .collect();
    cards.sort_unstable();
    let [rx, tx] = cards.as_slice() else {
        anyhow::bail!(
            "two cards of virtio_net are needed, and there are {}",
            cards.len()
        );
    };
    set_up(rx)?;
    set_up(tx)?;
    let object = Object::embedded();
    let plan = Plan::of(&object);
    let sends = || send(tx, PACKETS);
    sees_all(&plan, rx, ModeChoice::Native, Outcome::ObservedTcp, sends)
}

/// In the network stack, on an interface that has no driver.
pub fn generic_lo(_: &Machine) -> Result<Finding> {
    let object = Object::embedded();
    let plan = Plan {
        watch: &["127.0.0.0/8"],
        ..Plan::of(&object)
    };
    let sends = || {
        let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        sender.connect(receiver.local_addr()?)?;
        for _ in 0..PACKETS {
            sender.send(b"probe")?;
        }
        Ok(())
    };
    sees_all(&plan, "lo", ModeChoice::Generic, Outcome::ObservedUdp, sends)
}

/// Attaches, sends, and compares.
fn sees_all(
    plan: &Plan<'_>,
    interface: &str,
    choice: ModeChoice,
    outcome: Outcome,
    sends: impl FnOnce() -> Result<()>,
) -> Result<Finding> {
    let mut sensor = plan.load()?;
    let counters = sensor.take_counters()?;
    let attachments = sensor.attach(&[interface.to_owned()], choice)?;
    let mode = attachments.first().map(|attachment| attachment.mode);
    let expected = if choice == ModeChoice::Generic {
        Mode::Generic
    } else {
        Mode::Native
    };
    ensure!(mode == Some(expected), "attached in {mode:?} mode");
    sends()?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = counters.read(&[])?.outcome(outcome);
        if seen >= PACKETS || Instant::now() > deadline {
            ensure!(seen == PACKETS, "{seen} of {PACKETS} packets were seen");
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    sensor.detach();
    Ok(Finding::passed(
        format!("{PACKETS} packets"),
        [("packets", json!(PACKETS))],
    ))
}
