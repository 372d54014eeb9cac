//! Stopping: cleanly, in time, with the last totals, whatever else goes on.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;
use sensor_lab::{
    frames::{Ipv4, Tcp},
    network::Network,
};

use crate::{
    Test,
    daemon::{Daemon, attached},
    network, traffic,
};

pub const TESTS: [Test; 4] = [
    ("an_interrupted_sensor_says_its_last_totals", interrupted),
    ("a_terminated_sensor_says_its_last_totals", terminated),
    (
        "a_sensor_stopped_under_load_accounts_for_every_packet",
        under_load,
    ),
    (
        "clients_that_hold_connections_do_not_hold_the_sensor",
        held_connections,
    ),
];

const RUN: [&str; 4] = ["-i", "rx", "--watch", "198.51.100.0/24"];

fn interrupted() {
    stopped_by(&network("interrupt"), Signal::SIGINT);
}

fn terminated() {
    stopped_by(&network("terminate"), Signal::SIGTERM);
}

fn stopped_by(network: &Network, signal: Signal) {
    // The tick never comes by itself in this test: what the totals hold comes from the stop alone.
    let daemon = Daemon::start(network, &[&RUN[..], &["--flush-interval", "1h"]].concat());
    assert_eq!(attached(network).len(), 1);
    let watched = Ipv4::to([198, 51, 100, 1].into()).frame(Tcp::syn(23));
    let elsewhere = Ipv4::to([203, 0, 113, 1].into()).frame(Tcp::syn(23));
    traffic::send(network, &[vec![watched; 12], vec![elsewhere; 4]].concat());
    let stopped = daemon.stop(signal);
    stopped.assert_clean();
    let totals = stopped.last_totals();
    for (key, packets) in [
        ("seen", 16),
        ("observed", 12),
        ("drained", 12),
        ("resident", 0),
        ("lost_ring", 0),
        ("lost_queue", 0),
    ] {
        assert_eq!(totals[key], packets, "{key} in {totals}");
    }
    assert_eq!(attached(network), []);
}

fn under_load() {
    for mode in ["native", "generic"] {
        stopped_under_load(&network(&format!("load-{mode}")), mode);
    }
}

fn stopped_under_load(network: &Network, mode: &str) {
    let daemon = Daemon::start(network, &[&RUN[..], &["--mode", mode]].concat());
    let sending = AtomicBool::new(true);
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut number = 0_u32;
            traffic::flood(network, 100_000_000, |frame| {
                // Many flows, so that records are on every part of their way when the end comes.
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let source = Ipv4 {
                    source: (0x0b00_0000 | number >> 12).into(),
                    ..Ipv4::to([198, 51, 100, 1].into())
                };
                *frame = source.frame(Tcp::syn(23));
                sending.load(Ordering::Relaxed)
            })
        });
        let snapshot = daemon.await_snapshot(|snapshot| snapshot.seen > 20_000);
        assert_eq!(snapshot.conservation.difference, 0);
        let stopped = daemon.stop(Signal::SIGTERM);
        sending.store(false, Ordering::Relaxed);
        sender.join().unwrap();
        stopped.assert_clean();
        let totals = stopped.last_totals();
        let of = |key: &str| totals[key].as_i64().unwrap();
        assert!(of("observed") > 20_000, "{totals}");
        assert_eq!(
            of("observed"),
            of("drained") + of("resident") + of("lost_ring"),
            "{totals}"
        );
        assert_eq!(of("resident"), 0, "{totals}");
        assert_eq!(attached(network), []);
    });
}

fn held_connections() {
    let network = network("held");
    let daemon = Daemon::start(&network, &RUN);
    daemon.await_snapshot(|_| true);
    let address = daemon.address();
    let connect = |request: &'static [u8]| {
        let mut stream = network.enter(|| TcpStream::connect(address)).unwrap().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(request).unwrap();
        stream
    };
    let silent = connect(b"");
    let half = connect(b"GET /metrics HTTP/1.1\r\nHost:");
    // An answer of which only the first octets are ever read.
    let mut slow = connect(b"GET /metrics HTTP/1.1\r\nHost: sensor\r\n\r\n");
    slow.read_exact(&mut [0; 15]).unwrap();
    // A connection kept for the next request.
    let mut kept = connect(b"GET /healthz HTTP/1.1\r\nHost: sensor\r\n\r\n");
    kept.read_exact(&mut [0; 15]).unwrap();
    let stopped = daemon.stop(Signal::SIGTERM);
    stopped.assert_clean();
    drop((silent, half, slow, kept));
    assert_eq!(attached(&network), []);
}
