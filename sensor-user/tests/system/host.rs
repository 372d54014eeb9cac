//! `--watch-host`: a host that does other work as well, and a scan of it.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;
use sensor_lab::{
    frames::{Content, Icmp, Ipv4, Tcp, Udp},
    network::{Network, SENDER_ADDRESS},
};

use crate::{
    Test,
    daemon::{Daemon, run},
    network, traffic,
};

pub const TESTS: [Test; 4] = [
    ("of_a_host_at_work_only_the_scan_is_observed", at_work),
    (
        "errors_about_own_flows_and_own_networks_are_not_dark",
        errors_and_networks,
    ),
    ("a_watched_host_is_never_dropped_from", refused),
    ("ports_of_sockets_of_both_families_are_known", both_families),
];

/// The host's own address, in the network of the other end.
const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// What an sshd says first.
const BANNER: &[u8] = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n";
const DOWNLOAD_BYTES: usize = 4 << 20;
const QUERIES: u16 = 50;
const LOGINS: usize = 10;
/// Sources of the scan, none of them anybody's.
const SCANNERS: u32 = 20;
const SCANNED_PORTS: [u16; 6] = [23, 80, 445, 2323, 3389, 37_215];

/// A network whose sensor's end has an address and a way back.
fn host_network(name: &str) -> Network {
    let network = network(name);
    let sensor = network.sensor();
    sensor
        .ip(&["address", "add", &format!("{HOST}/24"), "dev", "rx"])
        .unwrap();
    network
}

fn start<'network>(network: &'network Network, more: &[&str]) -> Daemon<'network> {
    Daemon::start(network, &[&["-i", "rx", "--watch-host"], more].concat())
}

/// Listens at the sender's end and hands out a download, once.
fn serve_download(network: &Network) -> SocketAddr {
    let listener = network
        .sender()
        .enter(|| TcpListener::bind((SENDER_ADDRESS, 0)).unwrap())
        .unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(&vec![7; DOWNLOAD_BYTES]).unwrap();
    });
    address
}

/// Answers each datagram at the sender's end, as a name server would.
fn serve_names(network: &Network) -> SocketAddr {
    let socket = network
        .sender()
        .enter(|| UdpSocket::bind((SENDER_ADDRESS, 53)).unwrap())
        .unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut query = [0; 512];
        for _ in 0..QUERIES {
            let Ok((length, client)) = socket.recv_from(&mut query) else {
                return;
            };
            socket.send_to(&query[..length], client).unwrap();
        }
    });
    address
}

/// An sshd as far as its greeting, on the host. It listens for as long as what is given is held.
fn serve_logins(network: &Network) -> (SocketAddr, TcpListener) {
    let listener = network.enter(|| TcpListener::bind((HOST, 22)).unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let held = listener.try_clone().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().take(LOGINS) {
            let mut client = client.unwrap();
            client.write_all(BANNER).unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).unwrap();
        }
    });
    (address, held)
}

fn log_in(network: &Network, address: SocketAddr) {
    let session = || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut banner = vec![0; BANNER.len()];
        stream.read_exact(&mut banner).unwrap();
        assert_eq!(banner, BANNER);
        stream.write_all(b"SSH-2.0-Test\r\n").unwrap();
    };
    network.sender().enter(session).unwrap();
}

fn ask_names(network: &Network, server: SocketAddr) {
    let questions = || {
        for number in 0..QUERIES {
            let socket = UdpSocket::bind((HOST, 0)).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            // Half of the clients connect their socket, as resolvers do.
            let mut answer = [0; 2];
            if number % 2 == 0 {
                socket.connect(server).unwrap();
                socket.send(&number.to_be_bytes()).unwrap();
                socket.recv(&mut answer).unwrap();
            } else {
                socket.send_to(&number.to_be_bytes(), server).unwrap();
                socket.recv_from(&mut answer).unwrap();
            }
            assert_eq!(u16::from_be_bytes(answer), number);
        }
    };
    network.enter(questions).unwrap();
}

fn download(network: &Network, server: SocketAddr) {
    let fetch = || {
        let mut stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut content = Vec::new();
        stream.read_to_end(&mut content).unwrap();
        assert_eq!(content.len(), DOWNLOAD_BYTES);
    };
    network.enter(fetch).unwrap();
}

/// SYNs and a few datagrams, from sources that no host has: the host's answers to them go nowhere.
fn scan() -> Vec<Vec<u8>> {
    let source = |number: u32| Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(203, 0, 113, 1)) + number);
    let mut frames = Vec::new();
    for number in 0..SCANNERS {
        let probe = Ipv4 {
            source: source(number),
            ..Ipv4::to(HOST)
        };
        frames.extend(SCANNED_PORTS.map(|port| probe.frame(Tcp::syn(port))));
        frames.push(probe.frame(Udp::to(5_060, b"OPTIONS sip:100")));
    }
    frames
}

fn at_work() {
    let network = host_network("host-at-work");
    let daemon = start(&network, &[]);
    let ((logins, _listens), names, file) = (
        serve_logins(&network),
        serve_names(&network),
        serve_download(&network),
    );
    let scanned = scan();
    thread::scope(|scope| {
        scope.spawn(|| (0..LOGINS).for_each(|_| log_in(&network, logins)));
        scope.spawn(|| ask_names(&network, names));
        scope.spawn(|| download(&network, file));
        scope.spawn(|| {
            scanned
                .chunks(7)
                .for_each(|frames| traffic::send(&network, frames));
        });
    });
    let expected = scanned.len() as u64;
    daemon.at_rest(expected);
    daemon.next_tick();
    let snapshot = daemon.snapshot();
    assert_eq!(snapshot.conservation.observed, expected, "{snapshot:#?}");
    assert_eq!(snapshot.classes["scan"], expected);
    let ports: Vec<_> = snapshot.ports.iter().map(|row| (row.port, row.packets)).collect();
    let mut wanted: Vec<_> = SCANNED_PORTS.map(|port| (port, u64::from(SCANNERS))).to_vec();
    wanted.push((5_060, u64::from(SCANNERS)));
    assert_eq!(ports, wanted, "{snapshot:#?}");
    // The work was seen, and was more than the scan.
    let work = snapshot.outcomes["not_dark"];
    assert!(work > 2 * LOGINS as u64 + u64::from(QUERIES), "{work}");
    let known: u64 = ["not_dark", "not_watched", "not_ip"]
        .iter()
        .map(|name| snapshot.outcomes[*name])
        .sum();
    assert_eq!(known + expected, snapshot.seen);
    assert_eq!(snapshot.conservation.difference, 0);
    // A scan of the port that is served is the socket's business as well: it takes it.
    let probe = Ipv4 {
        source: Ipv4Addr::new(203, 0, 113, 200),
        ..Ipv4::to(HOST)
    };
    traffic::send(&network, &[probe.frame(Tcp::syn(22))]);
    daemon.await_snapshot(|snapshot| snapshot.outcomes["not_dark"] > work);
    assert_eq!(daemon.snapshot().conservation.observed, expected);
    daemon.stop(Signal::SIGTERM).assert_clean();
}

/// What a router says about a packet that the host sent from this port of its.
fn unreachable(local_port: u16) -> Vec<u8> {
    let quoted = Ipv4 {
        source: HOST,
        ..Ipv4::to(Ipv4Addr::new(203, 0, 113, 80))
    }
    .packet(Udp {
        source: local_port,
        ..Udp::to(53, b"question")
    });
    let router = Ipv4 {
        source: Ipv4Addr::new(203, 0, 113, 254),
        ..Ipv4::to(HOST)
    };
    // Port unreachable, with four unused octets before the quotation (RFC 792).
    router.frame(Content::Icmp(Icmp {
        rest: [&[0; 4][..], &quoted].concat(),
        ..Icmp::of(3, 3)
    }))
}

fn errors_and_networks() {
    let network = host_network("host-errors");
    let daemon = start(&network, &["--own-network", "203.0.113.64/26,2001:db8::/32"]);
    let own = network.enter(|| UdpSocket::bind((HOST, 0)).unwrap()).unwrap();
    let port = own.local_addr().unwrap().port();
    // About a flow of the host, and about one that it never had.
    traffic::send(&network, &[unreachable(port), unreachable(port ^ 1)]);
    daemon.await_snapshot(|snapshot| {
        snapshot.outcomes["not_dark"] == 1 && snapshot.outcomes["observed_icmp"] == 1
    });
    let from = |last| {
        let source = Ipv4Addr::new(203, 0, 113, last);
        Ipv4 {
            source,
            ..Ipv4::to(HOST)
        }
        .frame(Tcp::syn(23))
    };
    // The operator's network ends here and begins there.
    traffic::send(&network, &[from(63), from(64), from(127), from(128)]);
    let snapshot = daemon.await_snapshot(|snapshot| snapshot.seen >= 6);
    assert_eq!(
        (snapshot.outcomes["not_dark"], snapshot.outcomes["observed_tcp"]),
        (3, 2)
    );
}

fn refused() {
    let network = host_network("host-refused");
    for (arguments, part) in [
        (
            &["--watch-host", "--verdict", "drop"][..],
            "`--watch-host` never drops",
        ),
        (&["--watch-host", "--watch", "198.51.100.0/24"], "--watch"),
        (
            &["--own-network", "198.51.100.0/24", "--watch", "198.51.100.0/24"],
            "--watch-host",
        ),
        (
            &["--watch-host", "--own-network", "198.51.100.1/24"],
            "198.51.100.0/24",
        ),
    ] {
        let finished = run(&network, &[&["run", "-i", "rx"], arguments].concat());
        assert_eq!(
            finished.status.code(),
            Some(2),
            "{arguments:?}: {}",
            finished.errors
        );
        assert!(
            finished.errors.contains(part),
            "{arguments:?}: {}",
            finished.errors
        );
        assert_eq!(crate::daemon::attached(&network), []);
    }
}

/// A socket of IPv6 that takes IPv4 as well, which is what most servers listen on.
fn both_families() {
    let network = host_network("host-families");
    let daemon = start(&network, &[]);
    let any: SocketAddr = "[::]:8022".parse().unwrap();
    let listener = network.enter(|| TcpListener::bind(any)).unwrap();
    let Ok(_listener) = listener else {
        println!("no IPv6 here: {listener:?}");
        return;
    };
    // Of nobody, so that the host's answers come to nobody.
    let probe = Ipv4 {
        source: Ipv4Addr::new(203, 0, 113, 9),
        ..Ipv4::to(HOST)
    };
    let frame = |port| probe.frame(Tcp::syn(port));
    traffic::send(&network, &[frame(8_022), frame(8_023)]);
    let snapshot = daemon.await_snapshot(|snapshot| snapshot.seen >= 2);
    assert_eq!(
        (snapshot.outcomes["not_dark"], snapshot.outcomes["observed_tcp"]),
        (1, 1)
    );
}
