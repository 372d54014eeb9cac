//! A ring of records that is far too small: detail is lost and declared, no count is, and the kernel says so.

use nix::sys::signal::Signal;
use sensor_lab::{
    frames::{Edit as _, Ipv4, Tcp},
    network::Network,
};

use crate::{
    Test,
    daemon::{Daemon, STOP_PATIENCE},
    network, traffic,
};

pub const TESTS: [Test; 3] = [
    ("a_full_ring_loses_records_but_no_counts_and_says_so", full_ring),
    (
        "a_stop_empties_caches_that_are_larger_than_the_ring",
        stop_with_full_caches,
    ),
    ("a_silenced_kernel_program_says_nothing", silenced),
];

/// Frames, each from a source of its own.
const FRAMES: u32 = 200_000;
/// Ports that they go to in turn.
const PORTS: [u16; 4] = [23, 445, 2_323, 5_555];
const WARNING: &str = "the ring of records is full";

/// A sensor with the smallest ring.
fn small<'network>(network: &'network Network, more: &[&str]) -> Daemon<'network> {
    let small = ["-i", "rx", "--watch", "198.51.100.0/24", "--ring-size", "4KiB"];
    Daemon::start(network, &[&small, more].concat())
}

/// Sends the flood; gives what the sensor's end received of it.
fn flood(network: &Network) -> u64 {
    let template = Ipv4::to([198, 51, 100, 1].into()).frame(Tcp::syn(23));
    let mut number = 0_u32;
    let before = network.received().unwrap();
    traffic::flood(network, FRAMES.into(), |frame| {
        let source = (0x0b00_0000 + number).to_be_bytes();
        let port = PORTS[number as usize % PORTS.len()].to_be_bytes();
        number += 1;
        frame.clone_from(&template);
        *frame = std::mem::take(frame).with(26, &source).with(36, &port);
        true
    });
    network.received().unwrap() - before
}

fn full_ring() {
    let network = network("ring");
    let mut daemon = small(&network, &["--flow-slots", "1024"]);
    let received = flood(&network);
    let snapshot = daemon.at_rest(received);
    let law = &snapshot.conservation;
    assert_eq!((snapshot.seen, law.observed), (received, received));
    assert_eq!(law.difference, 0);
    assert!(law.lost_ring > 0 && law.records_lost > 0, "{law:?}");
    assert_eq!(law.observed, law.drained + law.lost_ring, "{law:?}");
    assert_eq!(snapshot.classes["scan"], received);
    let ports: u64 = snapshot.ports.iter().map(|row| row.packets).sum();
    assert_eq!((ports, snapshot.ports.len()), (received, PORTS.len()));
    if received == u64::from(FRAMES) {
        for row in &snapshot.ports {
            assert_eq!(row.packets, u64::from(FRAMES) / PORTS.len() as u64, "{row:?}");
        }
    }
    let line = daemon.await_log(WARNING);
    assert_eq!(line["level"], "WARN");
    let lost = line["message"].as_str().unwrap();
    assert!(lost.ends_with("16 records lost on this CPU so far"), "{lost}");
}

fn stop_with_full_caches() {
    let network = network("full-caches");
    // 16,384 records to a CPU, through a ring that holds 56. Nothing leaves by time before the stop.
    let daemon = small(&network, &["--flow-slots", "16384", "--flush-interval", "1h"]);
    let received = flood(&network);
    let stopped = daemon.stop(Signal::SIGTERM);
    assert_eq!(stopped.status.code(), Some(0));
    assert!(stopped.took < STOP_PATIENCE, "{:?}", stopped.took);
    let totals = stopped.last_totals();
    let of = |key: &str| totals[key].as_u64().unwrap();
    assert_eq!(of("difference"), 0);
    assert_eq!((of("seen"), of("observed")), (received, received));
    assert_eq!(of("resident"), 0, "{totals}");
    assert_eq!(of("observed"), of("drained") + of("lost_ring"), "{totals}");
}

fn silenced() {
    let network = network("silent");
    let daemon = small(&network, &["--flow-slots", "1024", "--kernel-log", "off"]);
    let received = flood(&network);
    let snapshot = daemon.at_rest(received);
    assert_eq!(snapshot.seen, received);
    assert!(snapshot.conservation.lost_ring > 0);
    let stopped = daemon.stop(Signal::SIGTERM);
    let said = stopped.log.iter().any(|line| line.to_string().contains(WARNING));
    assert!(!said, "{:?}", stopped.log);
    assert_eq!(stopped.last_totals()["difference"], 0);
}
