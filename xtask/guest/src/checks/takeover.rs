//! Daemons that are killed and replaced while frames come: the kernel counts on, and the next one knows what was lost.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use sensor_lab::{
    artefacts,
    conserve::{Terms, await_rest},
    daemon::{Daemon, Settings},
    live::Truth,
    network::{DARK_PREFIX, Lab, Network},
};
use serde_json::json;

use super::Finding;
use crate::{load, machine::Machine};

const PIN_DIRECTORY: &str = "/sys/fs/bpf/teiten";
/// Daemons that are killed; each second one has another program.
const KILLS: u64 = 4;
/// How long each works.
const WORKS: Duration = Duration::from_millis(1_500);
/// Frames to a burst, and the time between two: an emulated machine has to get to the daemon as well.
const BURST: u64 = 500;
const PAUSE: Duration = Duration::from_millis(50);
/// Differences from what was generated, and not from what arrived: port by port nothing was counted here.
const OF_THE_GENERATOR: [&str; 4] = ["arrival", "observation", "mirai", "each_port"];

/// Kills and replaces the daemon under load, and holds every count against what arrived.
pub fn daemon(_: &Machine) -> Result<Finding> {
    let lock = Lab::lock()?;
    let network = Network::pair(&lock, "takeover")?;
    let other = Path::new("/tmp/other.o");
    let mut bytes = fs::read(artefacts::object("sensor.o")?)?;
    // What comes behind the sections nobody reads, but it makes another digest.
    bytes.extend([0; 64]);
    fs::write(other, bytes)?;
    let settings = |number: u64| Settings {
        interfaces: vec![network.rx().name.to_owned()],
        watch: vec![DARK_PREFIX.to_owned()],
        flush_interval: Some("500ms".to_owned()),
        pin_directory: Some(PIN_DIRECTORY.into()),
        object: (number % 2 == 1).then(|| other.to_owned()),
        ..Settings::default()
    };
    let start = |number| {
        Daemon::start(network.sensor(), &artefacts::daemon()?, &settings(number)).map_err(anyhow::Error::from)
    };
    let first = start(0)?;
    let (sent, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let before = network.received()?;
    let last = thread::scope(|scope| {
        let sending = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                network
                    .sender()
                    .enter(|| load::send(network.tx().name, BURST))??;
                sent.fetch_add(BURST, Ordering::Relaxed);
                thread::sleep(PAUSE);
            }
            anyhow::Ok(())
        });
        let replace = || {
            let mut daemon = first;
            for number in 1..=KILLS {
                thread::sleep(WORKS);
                daemon.kill()?;
                daemon = start(number)?;
            }
            anyhow::Ok(daemon)
        };
        let last = replace();
        stop.store(true, Ordering::Relaxed);
        match sending.join() {
            Ok(sending) => sending?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        last
    });
    let mut last = last?;
    await_rest(&mut last)?;
    let truth = Truth {
        frames_by_cpu: vec![sent.load(Ordering::Relaxed)],
        ..Truth::default()
    };
    let terms = Terms::new(&truth, network.received()? - before, &last.whole_snapshot()?);
    let adopted = last.log().contains("adopted from the daemon before");
    last.stop()?;
    remove(Path::new(PIN_DIRECTORY)).context("the pins cannot be removed")?;
    ensure!(adopted, "the last daemon adopted nothing");
    ensure!(terms.arrived > 0, "no frame arrived: {terms:?}");
    let wrong: Vec<_> = terms
        .differences()
        .into_iter()
        .filter(|difference| difference.value != 0 && !OF_THE_GENERATOR.contains(&difference.key))
        .collect();
    ensure!(wrong.is_empty(), "the law does not hold: {wrong:?} of {terms:?}");
    Ok(Finding::passed(
        format!(
            "{KILLS} kills, {} upgrades: {} packets = {} known + {} lost with a daemon + {} in the ring",
            KILLS, terms.observed, terms.derived, terms.lost_crash, terms.lost_ring
        ),
        [
            ("kills", json!(KILLS)),
            ("packets", json!(terms.observed)),
            ("derived", json!(terms.derived)),
            ("lost_crash", json!(terms.lost_crash)),
            ("lost_ring", json!(terms.lost_ring)),
            ("difference", json!(0)),
        ],
    ))
}

/// Removes the pins of the one sensor of this machine. A BPF file system has no files but pins.
fn remove(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    Ok(fs::remove_dir(folder)?)
}
