//! A capture replayed, and the same packets over a wire through the live sensor: the same counts.
//!
//! What differs by nature is left out: times, the mode, the interface, and how many records the packets came in.

#![expect(
    clippy::unwrap_used,
    reason = "tests without the standard harness are not recognised as such"
)]

use std::{collections::BTreeMap, fs::File, io::BufWriter, path::Path, process::Command, time::Duration};

use libtest_mimic::{Arguments, Failed, Trial};
use sensor_lab::{
    cases,
    conserve::await_rest,
    daemon::{Daemon, Mode, Settings},
    network::{Lab, Network},
    pcap,
    scenario::{Plan, Scenario},
    sender::{Limit, Pace, Queueing, Sender},
    watched::CASE_PREFIXES,
};
use teiten::{
    kernel::sys,
    pipeline::{
        snapshot::{ConservationRow, InstancesRow, Snapshot, ToolRow, ToolSourcesRow},
        sources::{Estimates, SourcesRow},
    },
};

/// Frames of the scenario; those of the case table come before them.
const SCENARIO_FRAMES: u64 = 60_000;
/// The longest frame that the test network carries.
const LONGEST_BYTES: usize = 1_514;
/// More rows than any list has.
const EVERY_ROW: usize = 1 << 17;

fn main() {
    let mut arguments = Arguments::from_args();
    // They share a network's name.
    arguments.test_threads = Some(1);
    let root = sys::is_root();
    if !root {
        eprintln!("skipped: these tests make a test network and load the sensor, which needs root");
    }
    let tests = [
        (
            "a_replayed_capture_counts_as_the_live_sensor_native",
            Mode::Native,
        ),
        (
            "a_replayed_capture_counts_as_the_live_sensor_generic",
            Mode::Generic,
        ),
    ];
    let trials = tests
        .into_iter()
        .map(|(name, mode)| Trial::test(name, move || replay_equals_live(mode)).with_ignored_flag(!root))
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn replay_equals_live(mode: Mode) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let capture = folder.path().join("sent.pcap");
    let frames = frames();
    write(&capture, &frames)?;

    let replayed = replay(&capture)?;
    let live = observe(mode, &frames)?;
    let sent = frames.len() as u64;
    assert_eq!((replayed.seen, live.seen), (sent, sent));
    assert_eq!(live.interfaces.values().sum::<u64>(), sent);
    assert_eq!(live.xdp_mode, mode.name());
    // The comparison says little unless there is much to compare.
    assert!(replayed.outcomes.values().filter(|packets| **packets > 0).count() > 20);
    assert!(replayed.ports.len() > 1_000 && replayed.source_regions.len() > 1 && !replayed.tools.is_empty());
    assert_eq!(comparable(live), comparable(replayed));
    Ok(())
}

/// Every case of the table that a wire carries, then a scenario.
fn frames() -> Vec<Vec<u8>> {
    let watched = CASE_PREFIXES
        .iter()
        .map(|prefix| prefix.parse().unwrap())
        .collect();
    let mut scenario = Scenario::new(&Plan::new(7, SCENARIO_FRAMES, watched)).unwrap();
    let mut frames: Vec<_> = cases::all()
        .into_iter()
        .filter(|case| case.fits_test_run() && case.frame.len() <= LONGEST_BYTES)
        .map(|case| case.frame)
        .collect();
    let mut buffer = Vec::new();
    while scenario.next_into(&mut buffer) {
        frames.push(buffer.clone());
    }
    frames
}

fn write(path: &Path, frames: &[Vec<u8>]) -> Result<(), Failed> {
    let mut writer = pcap::Writer::begin(BufWriter::new(File::create(path)?), pcap::ETHERNET)?;
    for frame in frames {
        writer.frame(Duration::from_secs(1_700_000_000), frame)?;
    }
    writer.finish()?;
    Ok(())
}

fn replay(capture: &Path) -> Result<Snapshot, Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_teiten"))
        .args(["replay", "--json", "--watch", &CASE_PREFIXES.join(",")])
        .arg(capture)
        .output()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Sends the frames to a real sensor, and asks it what it counted.
fn observe(mode: Mode, frames: &[Vec<u8>]) -> Result<Snapshot, Failed> {
    let network = Network::pair(&Lab::lock()?, "equal")?;
    let settings = Settings {
        interfaces: vec![network.rx().name.to_owned()],
        mode,
        watch: CASE_PREFIXES.map(str::to_owned).into(),
        flush_interval: Some("200ms".to_owned()),
        ..Settings::default()
    };
    let program = Path::new(env!("CARGO_BIN_EXE_teiten"));
    let mut daemon = Daemon::start(network.sensor(), program, &settings)?;
    let mut rest = frames.iter();
    let limit = Limit {
        frames: frames.len() as u64,
        time: Duration::from_mins(1),
    };
    let sent = network.sender().enter(|| {
        Sender::open(network.tx().name, Queueing::Bypass)?.send(
            |buffer| {
                let Some(frame) = rest.next() else { return false };
                buffer.clone_from(frame);
                true
            },
            Pace::Within(Duration::from_secs(2)),
            limit,
        )
    })??;
    assert_eq!(sent.frames, frames.len() as u64);
    await_rest(&mut daemon)?;
    let text = daemon.snapshot_text(EVERY_ROW)?;
    daemon.stop()?;
    Ok(serde_json::from_str(&text)?)
}

/// Without unique sources: a live run has a key of its own, and its hour is not that of the capture.
fn without_sources(mut snapshot: Snapshot) -> Snapshot {
    snapshot.unique_sources = SourcesRow::from(&Estimates::default());
    for row in &mut snapshot.ports {
        row.sources = None;
    }
    for row in &mut snapshot.source_regions {
        row.sources = None;
    }
    for row in &mut snapshot.port_regions {
        row.sources = None;
    }
    for row in &mut snapshot.tools {
        row.sources = None;
    }
    snapshot
}

/// Tools by the packets with their marks. How many of those are *sure* hangs on how packets are grouped to records: a
/// source is known by what its records have shown so far, and a capture's records are single packets. The estimate of
/// Mirai processes goes by the first packet of each record in the same way.
fn without_certainty(mut snapshot: Snapshot) -> Snapshot {
    let mut packets = BTreeMap::<String, u64>::new();
    for row in snapshot.tools.drain(..) {
        *packets.entry(row.tool).or_default() += row.packets;
    }
    snapshot.tools = packets
        .into_iter()
        .map(|(tool, packets)| ToolRow {
            tool,
            certainty: String::new(),
            packets,
            sources: None,
        })
        .collect();
    snapshot.tool_sources = ToolSourcesRow::default();
    snapshot.mirai_instances = InstancesRow::default();
    snapshot
}

/// Without what a replay and a live run cannot have in common. What can is kept, so a new key is compared from the
/// first day.
fn comparable(snapshot: Snapshot) -> Snapshot {
    let snapshot = without_certainty(without_sources(snapshot));
    let conservation = ConservationRow {
        records: 0,
        ..snapshot.conservation
    };
    Snapshot {
        sensor: String::new(),
        from: jiff::Timestamp::default(),
        to: jiff::Timestamp::default(),
        xdp_mode: String::new(),
        interfaces: std::collections::BTreeMap::new(),
        conservation,
        ..snapshot
    }
}
