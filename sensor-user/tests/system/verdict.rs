//! The verdict: what the host gets to see of the packets that the sensor counted.

use sensor_lab::{
    frames::{Edit as _, Ipv4, Tcp},
    tap::Tap,
};
use tempfile::TempDir;

use crate::{Test, daemon::Daemon, network, traffic};

pub const TESTS: [Test; 2] = [
    ("pass_lets_every_packet_through_to_the_host", pass),
    (
        "drop_keeps_watched_packets_from_the_host_and_no_others",
        drop_watched,
    ),
];

fn pass() {
    for mode in ["native", "generic"] {
        reach_the_host(mode, "pass", 30 + 20 + 10);
    }
}

fn drop_watched() {
    for mode in ["native", "generic"] {
        reach_the_host(mode, "drop", 20 + 10);
    }
}

/// Sends 30 packets to a watched address, 20 elsewhere, 10 that cannot be read. What goes on to the host passes its
/// packet sockets, which come behind XDP in both modes.
fn reach_the_host(mode: &str, verdict: &str, expected: u64) {
    let network = network(&format!("{verdict}-{mode}"));
    let arguments = [
        "-i",
        "rx",
        "--watch",
        "198.51.100.0/24",
        "--mode",
        mode,
        "--verdict",
        verdict,
    ];
    let daemon = Daemon::start(&network, &arguments);
    let folder = TempDir::new().unwrap();
    let command = |program: &str| network.command(program);
    let tap = Tap::start(command, "rx", &folder.path().join("host.pcap")).unwrap();
    let watched = Ipv4::to([198, 51, 100, 1].into()).frame(Tcp::syn(23));
    let elsewhere = Ipv4::to([203, 0, 113, 1].into()).frame(Tcp::syn(23));
    // A data offset of zero words: the destination is watched, the packet is counted as broken, and passes.
    let broken = watched.clone().with(14 + 20 + 12, &[0]);
    let frames = [vec![watched; 30], vec![elsewhere; 20], vec![broken; 10]].concat();
    traffic::send(&network, &frames);
    let snapshot = daemon.at_rest(60);
    assert_eq!(snapshot.seen, 60);
    assert_eq!(snapshot.conservation.observed, 30);
    assert_eq!(snapshot.outcomes["bad_tcp_data_offset"], 10);
    assert_eq!(tap.stop().unwrap(), expected, "{mode}, {verdict}");
}
