//! Native and generic: what `auto` takes and why, and what cannot be had.

use sensor_common::Outcome;
use sensor_lab::{
    frames::{Ipv4, Udp},
    network::Network,
};

use crate::{
    Test,
    daemon::{Attached, Daemon, attached, configuration, run},
    network,
    refused::assert_refused,
    traffic,
};

pub const TESTS: [Test; 5] = [
    ("auto_takes_native_where_the_driver_has_it", native_on_veth),
    (
        "auto_takes_generic_on_the_loopback_and_says_why",
        generic_on_loopback,
    ),
    ("generic_is_taken_when_asked_for", generic_on_veth),
    (
        "frames_in_several_buffers_are_counted_in_native_mode",
        large_frames,
    ),
    ("too_few_receive_queues_make_auto_generic", few_queues),
];

const NATIVE: u64 = 1;
const GENERIC: u64 = 2;

/// The mode in the log, the reason beside it, in the snapshot, in the metrics, and what the kernel says.
fn assert_mode(
    network: &Network,
    daemon: &mut Daemon<'_>,
    interface: &str,
    mode: &str,
) -> (String, Attached) {
    let line = daemon.await_log("attached");
    assert_eq!(line["interface"], interface);
    assert_eq!(line["mode"], mode);
    assert_eq!(daemon.await_snapshot(|_| true).xdp_mode, mode);
    let series = format!("teiten_xdp_info{{interface=\"{interface}\",mode=\"{mode}\"}} 1\n");
    let metrics = daemon.get("/metrics").body;
    assert!(metrics.contains(&series), "{metrics}");
    let [program] = <[Attached; 1]>::try_from(attached(network)).unwrap();
    assert_eq!(program.interface, interface);
    let number = if mode == "native" { NATIVE } else { GENERIC };
    assert_eq!(program.mode, number);
    (line["reason"].as_str().unwrap().to_owned(), program)
}

fn native_on_veth() {
    let network = network("auto-native");
    let mut daemon = Daemon::start(&network, &["-i", "rx", "--watch", "198.51.100.0/24"]);
    let (reason, program) = assert_mode(&network, &mut daemon, "rx", "native");
    assert_eq!(reason, "the driver supports it");
    assert_eq!(program.name, "teiten");
}

fn generic_on_loopback() {
    let network = network("auto-generic");
    let lo = ["-i", "lo", "--watch", "198.51.100.0/24"];
    let mut daemon = Daemon::start(&network, &lo);
    let (reason, _) = assert_mode(&network, &mut daemon, "lo", "generic");
    assert!(reason.contains("native is not possible"), "{reason}");
    assert!(reason.contains("Operation not supported"), "{reason}");
    drop(daemon);
    assert_eq!(attached(&network), []);

    let finished = native(&network, &lo);
    let parts = [
        "native XDP is not possible on `lo`",
        "Operation not supported",
        "--mode generic",
        "--mode auto",
    ];
    assert_refused(&network, "lo", &finished, 1, &parts);
}

fn native(network: &Network, arguments: &[&str]) -> crate::program::Finished {
    let file = configuration("level = 'error'");
    let common = [
        "run",
        "--no-pin",
        "--config",
        file.path().to_str().unwrap(),
        "--mode",
        "native",
    ];
    run(network, &[&common, arguments].concat())
}

fn generic_on_veth() {
    let network = network("generic");
    let arguments = ["-i", "rx", "--watch", "198.51.100.0/24", "--mode", "generic"];
    let mut daemon = Daemon::start(&network, &arguments);
    let (reason, _) = assert_mode(&network, &mut daemon, "rx", "generic");
    assert_eq!(reason, "asked for");
}

fn large_frames() {
    let network = network("frags");
    network.set_mtu(9_000).unwrap();
    for choice in ["auto", "native"] {
        let arguments = ["-i", "rx", "--watch", "198.51.100.0/24", "--mode", choice];
        let mut daemon = Daemon::start(&network, &arguments);
        let (reason, program) = assert_mode(&network, &mut daemon, "rx", "native");
        assert!(reason.contains("in several buffers"), "{reason}");
        assert_eq!(program.name, "teiten_frags");
        let large = |payload_bytes: usize| {
            Ipv4::to([198, 51, 100, 7].into()).frame(Udp {
                payload: vec![0x5a; payload_bytes],
                ..Udp::between(40_000, 5_060)
            })
        };
        // Below and above what fits one page, up to the largest.
        traffic::send(&network, &[0, 3_000, 4_000, 8_000, 9_000 - 28].map(large));
        let snapshot = daemon.at_rest(5);
        assert_eq!(snapshot.seen, 5);
        assert_eq!(snapshot.outcomes[Outcome::ObservedUdp.name()], 5);
        assert_eq!(snapshot.conservation.difference, 0);
    }
}

fn few_queues() {
    let network = network("queues");
    // veth wants a receive queue for each that the other end sends by.
    let sender = network.sender();
    let far = network.sensor().name();
    sender
        .ip(&[
            "link",
            "add",
            "name",
            "many",
            "numtxqueues",
            "4",
            "type",
            "veth",
            "peer",
            "name",
            "one",
            "numrxqueues",
            "1",
            "netns",
            far,
        ])
        .unwrap();
    let arguments = ["-i", "one", "--watch", "198.51.100.0/24"];
    let finished = native(&network, &arguments);
    let parts = [
        "native XDP is not possible on `one`",
        "receive queues",
        "--mode generic",
    ];
    assert_refused(&network, "queues", &finished, 1, &parts);
    let mut daemon = Daemon::start(&network, &arguments);
    let (reason, _) = assert_mode(&network, &mut daemon, "one", "generic");
    assert!(reason.contains("receive queues"), "{reason}");
}
