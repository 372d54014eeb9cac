//! The real daemon under load: the law of conservation, term by term.

use anyhow::{Result, ensure};
use sensor_lab::{
    artefacts,
    conserve::{self, Options, Terms, await_rest},
    daemon::{Daemon, Settings},
    live::{Profile, Truth},
    network::{DARK_PREFIX, Lab, LabLock, Network},
};
use serde_json::json;

use super::Finding;
use crate::{load, machine::Machine};

/// Live frames.
const LIVE_FRAMES: u64 = 300_000;
/// Frames through a socket, which takes longer for each.
const SOCKET_FRAMES: u64 = 50_000;

/// Differences from what was generated, and not from what arrived.
const OF_THE_GENERATOR: [&str; 4] = ["arrival", "observation", "mirai", "each_port"];

/// Floods `teiten run` and holds every count against what was sent.
pub fn daemon(machine: &Machine) -> Result<Finding> {
    let lock = Lab::lock()?;
    let terms = if machine.has(Machine::FRAGS_AND_LIVE_FRAMES) {
        with_live_frames(&lock)?
    } else {
        with_a_socket(&lock)?
    };
    // An emulated machine may drop frames before they arrive at the sensor's end: then what was generated says nothing.
    let all_arrived = terms.arrived == terms.generated;
    let wrong: Vec<_> = terms
        .differences()
        .into_iter()
        .filter(|difference| difference.value != 0)
        .filter(|difference| all_arrived || !OF_THE_GENERATOR.contains(&difference.key))
        .collect();
    ensure!(
        terms.arrived > 0,
        "no frame arrived at the sensor's end: {terms:?}"
    );
    ensure!(wrong.is_empty(), "the law does not hold: {wrong:?} of {terms:?}");
    Ok(Finding::passed(
        format!("{} packets, difference 0", terms.observed),
        [
            ("packets", json!(terms.observed)),
            ("generated", json!(terms.generated)),
            ("arrived", json!(terms.arrived)),
            ("difference", json!(0)),
            ("records", json!(terms.records)),
            ("records_lost", json!(terms.records_lost)),
        ],
    ))
}

fn settings() -> Settings {
    Settings {
        watch: vec![DARK_PREFIX.to_owned()],
        flush_interval: Some("1s".to_owned()),
        ..Settings::default()
    }
}

fn with_live_frames(lock: &LabLock) -> Result<Terms> {
    let options = Options {
        frames: LIVE_FRAMES,
        profile: Profile::Uniform,
        cpus: 2,
        stop: None,
        memory: false,
        daemon: settings(),
        program: artefacts::daemon()?,
        generator: artefacts::object("generator.o")?,
    };
    Ok(conserve::run(lock, &options, &|_| {})?.terms)
}

fn with_a_socket(lock: &LabLock) -> Result<Terms> {
    let network = Network::pair(lock, "conserve")?;
    let before = network.received()?;
    let settings = Settings {
        interfaces: vec![network.rx().name.to_owned()],
        ..settings()
    };
    let mut daemon = Daemon::start(network.sensor(), &artefacts::daemon()?, &settings)?;
    network
        .sender()
        .enter(|| load::send(network.tx().name, SOCKET_FRAMES))??;
    await_rest(&mut daemon)?;
    let truth = Truth {
        frames_by_cpu: vec![SOCKET_FRAMES],
        ..Truth::default()
    };
    let snapshot = daemon.whole_snapshot()?;
    let terms = Terms::new(&truth, network.received()? - before, &snapshot);
    daemon.stop()?;
    Ok(terms)
}
