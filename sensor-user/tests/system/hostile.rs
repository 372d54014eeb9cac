//! Hostile clients over HTTP: none of them ends the sensor, keeps it from counting, or keeps another client out.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use fastrand::Rng;
use nix::sys::signal::Signal;
use sensor_lab::{
    authority::{Authority, TLS},
    frames::{Ipv4, Tcp},
    network::Network,
};

use crate::{Test, daemon::Daemon, network, program, traffic};

pub const TESTS: [Test; 2] = [
    ("ten_thousand_hostile_requests_delay_no_count", in_the_clear),
    ("hostile_tls_clients_delay_no_count", encrypted),
];

/// Clients at a time: more than one address gets places for.
const CLIENTS: u64 = 40;
/// Frames of one round of sending.
const ROUND: usize = 2_000;
/// Long enough for an answer, short enough for a client that waits for one which never comes.
const ANSWER_PATIENCE: Duration = Duration::from_millis(100);

fn in_the_clear() {
    let network = network("hostile");
    let daemon = Daemon::start(&network, &["-i", "rx", "--watch", "198.51.100.0/24"]);
    withstand(&network, daemon, 10_000, "http");
}

fn encrypted() {
    let network = network("hostile-tls");
    let authority = Authority::make().unwrap();
    let web = authority.write(TLS).unwrap();
    let arguments = [
        "-i",
        "rx",
        "--watch",
        "198.51.100.0/24",
        "--web.config.file",
        &web,
    ];
    let daemon = Daemon::start(&network, &arguments);
    withstand(&network, daemon, 2_000, "https");
}

/// Attacks with so many inputs while frames come, and asks politely from another address meanwhile.
fn withstand(network: &Network, mut daemon: Daemon<'_>, inputs: u64, scheme: &str) {
    daemon.next_look();
    let address = daemon.address();
    let frames = vec![Ipv4::to([198, 51, 100, 1].into()).frame(Tcp::syn(23)); ROUND];
    let done = AtomicBool::new(false);
    let (rounds, answered) = thread::scope(|scope| {
        let attackers: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || {
                    network
                        .enter(|| attack(address, client, inputs / CLIENTS))
                        .unwrap();
                })
            })
            .collect();
        let polite = scope.spawn(|| {
            let mut answered = 0;
            while !done.load(Ordering::Relaxed) {
                assert_eq!(ask_politely(network, scheme, address), "200");
                answered += 1;
            }
            answered
        });
        let mut rounds = 0;
        while attackers.iter().any(|attacker| !attacker.is_finished()) {
            traffic::send(network, &frames);
            rounds += 1;
        }
        for attacker in attackers {
            attacker.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        (rounds, polite.join().unwrap())
    });
    println!("{inputs} inputs, {rounds} rounds of frames, {answered} polite requests");
    assert!(rounds > 0 && answered > 0);
    let stopped = daemon.stop(Signal::SIGTERM);
    stopped.assert_clean();
    let last = stopped.last_totals();
    let sent = rounds * ROUND;
    for key in ["seen", "observed", "drained"] {
        assert_eq!(last[key], sent, "{key}");
    }
    for key in ["lost_ring", "lost_queue", "difference"] {
        assert_eq!(last[key], 0, "{key}");
    }
}

/// From an address of its own, so that the attackers' share of places is not its.
fn ask_politely(network: &Network, scheme: &str, address: SocketAddr) -> String {
    let mut command = network.command("curl").unwrap();
    command
        .args([
            "--silent",
            "--insecure",
            "--interface",
            "127.0.0.2",
            "--max-time",
            "30",
        ])
        .args(["--output", "/dev/null", "--write-out", "%{http_code}"])
        .arg(format!("{scheme}://{address}/healthz"));
    program::run(&mut command, "").output
}

fn attack(address: SocketAddr, client: u64, inputs: u64) {
    let mut random = Rng::with_seed(client);
    // Connections that are left open, so that their places stay taken.
    let mut held = Vec::new();
    for _ in 0..inputs {
        // More than may come are sent away; that is an input as well.
        let Ok(mut stream) = TcpStream::connect(address) else {
            continue;
        };
        stream.set_read_timeout(Some(ANSWER_PATIENCE)).unwrap();
        stream.set_write_timeout(Some(ANSWER_PATIENCE)).unwrap();
        let (bytes, reads) = input(&mut random);
        // A server that has had enough closes meanwhile, which is its right.
        let _ = stream.write_all(&bytes);
        if reads {
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read(&mut [0; 4096]);
        } else {
            held.push(stream);
            if held.len() > 8 {
                held.remove(0);
            }
        }
    }
}

/// What a hostile client sends, and whether it looks at the answer.
fn input(random: &mut Rng) -> (Vec<u8>, bool) {
    let huge = random.usize(20_000..300_000);
    match random.u8(0..12) {
        0 => (some(random, 4_096), true),
        1 => (some(random, 65_536), false),
        2 => (b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-".to_vec(), false),
        3 => (b"GET /metr".to_vec(), true),
        4 => (
            b"GET /api/v1/snapshot?limit=131072 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50),
            false,
        ),
        5 => (
            format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(huge)).into_bytes(),
            true,
        ),
        6 => (
            format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(huge)).into_bytes(),
            false,
        ),
        7 => (
            format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(huge / 8)).into_bytes(),
            true,
        ),
        8 => {
            let head = b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n";
            ([&head[..], &some(random, 9_000)].concat(), true)
        }
        9 => {
            let head =
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n";
            ([&head[..], &some(random, 9_000)].concat(), true)
        }
        // The beginning of a TLS handshake, and nonsense in it.
        10 => (
            [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &some(random, 600)].concat(),
            random.bool(),
        ),
        _ => (Vec::new(), false),
    }
}

fn some(random: &mut Rng, most: usize) -> Vec<u8> {
    let length = random.usize(1..most);
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    bytes
}
