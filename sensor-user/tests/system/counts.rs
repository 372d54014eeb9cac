//! A known mix of frames, counted: every outcome, class, port, protocol and interface, by what its frames hold.

use std::collections::BTreeMap;

use sensor_common::{Class, Outcome};
use sensor_lab::{
    cases::{self, Case},
    network::Network,
    watched::CASE_PREFIXES,
};
use teiten::pipeline::snapshot::Snapshot;

use crate::{Test, daemon::Daemon, network, traffic};

pub const TESTS: [Test; 3] = [
    ("a_known_mix_is_counted_exactly_in_native_mode", native),
    ("a_known_mix_is_counted_exactly_in_generic_mode", generic),
    ("two_interfaces_are_counted_apart_and_together", two_interfaces),
];

/// The longest frame of the cases is 3,400 bytes, and native mode takes no larger MTU in one buffer.
const MTU: u32 = 3_400;

/// What a snapshot has to say, added up from the cases' own expectations.
#[derive(Debug, PartialEq, Eq)]
pub struct Sums {
    outcomes: BTreeMap<String, u64>,
    classes: BTreeMap<String, u64>,
    /// By transport and port: packets, SYN, Mirai.
    ports: BTreeMap<(String, u16), [u64; 3]>,
    protocols: BTreeMap<u8, u64>,
}

impl Sums {
    fn zero() -> Self {
        Self {
            outcomes: Outcome::ALL.map(|outcome| (outcome.name().to_owned(), 0)).into(),
            classes: Class::ALL.map(|class| (class.name().to_owned(), 0)).into(),
            ports: BTreeMap::new(),
            protocols: BTreeMap::new(),
        }
    }

    /// One more frame of a case.
    fn add(&mut self, case: &Case) {
        let expected = &case.expected;
        *self.outcomes.get_mut(expected.outcome.name()).unwrap() += 1;
        if let Some((port, moved)) = expected.port {
            let (transport, packets) = if moved.udp > 0 {
                ("udp", moved.udp)
            } else {
                ("tcp", moved.tcp)
            };
            self.add_port(transport, port, [packets, moved.syn, moved.mirai]);
        }
        let Some(flow) = expected.flow else { return };
        *self.classes.get_mut(flow.kind.class.name()).unwrap() += 1;
        let [kind, _] = flow.kind.port.to_be_bytes();
        match (expected.outcome, kind) {
            // Echo requests (RFC 792, RFC 4443) stand among the ports.
            (Outcome::ObservedIcmp, 8) | (Outcome::ObservedIcmpv6, 128) => {
                self.add_port("icmp", 0, [1, 0, 0]);
            }
            (Outcome::ObservedOther | Outcome::ObservedFragment, _) => {
                *self.protocols.entry(flow.kind.protocol).or_default() += 1;
            }
            _ => {}
        }
    }

    fn add_port(&mut self, transport: &str, port: u16, moved: [u64; 3]) {
        let row = self.ports.entry((transport.to_owned(), port)).or_default();
        for (sum, more) in row.iter_mut().zip(moved) {
            *sum += more;
        }
    }

    fn of(snapshot: &Snapshot) -> Self {
        Self {
            outcomes: snapshot.outcomes.clone(),
            classes: snapshot.classes.clone(),
            ports: snapshot
                .ports
                .iter()
                .map(|row| {
                    (
                        (row.transport.clone(), row.port),
                        [row.packets, row.syn, row.mirai],
                    )
                })
                .collect(),
            protocols: snapshot
                .protocols
                .iter()
                .map(|row| (row.protocol, row.packets))
                .collect(),
        }
    }

    /// Frames to watched addresses.
    fn observed(&self) -> u64 {
        let observed = self
            .outcomes
            .iter()
            .filter(|(name, _)| name.starts_with("observed_"));
        observed.map(|(_, packets)| packets).sum()
    }
}

/// Every case that a packet socket sends, the first once, the second twice, up to `most` times, and again from once.
pub fn mix(most: usize) -> (Vec<Vec<u8>>, Sums) {
    let (mut frames, mut sums) = (Vec::new(), Sums::zero());
    let cases = cases::all().into_iter().filter(Case::fits_test_run);
    for (place, case) in cases.enumerate() {
        for _ in 0..=place % most {
            sums.add(&case);
            frames.push(case.frame.clone());
        }
    }
    assert!(frames.len() >= 200, "{} frames", frames.len());
    (frames, sums)
}

/// Starts a sensor on these interfaces that watches what the cases take as watched.
pub fn sensor<'network>(network: &'network Network, mode: &str, interfaces: &[&str]) -> Daemon<'network> {
    let watch = CASE_PREFIXES.join(",");
    let interfaces: Vec<_> = interfaces.iter().flat_map(|name| ["--interface", name]).collect();
    Daemon::start(
        network,
        &[&["--id", "test", "--mode", mode, "--watch", &watch], &*interfaces].concat(),
    )
}

/// The snapshot says these sums, the law holds, and nothing was lost.
pub fn assert_counted(snapshot: &Snapshot, expected: &Sums, seen: u64) {
    assert_eq!(&Sums::of(snapshot), expected);
    assert_eq!(snapshot.seen, seen);
    let law = &snapshot.conservation;
    assert_eq!(law.difference, 0);
    assert_eq!((law.records_lost, law.packets_lost_detail), (0, 0));
    assert_eq!(law.observed, expected.observed());
    assert_eq!(law.observed_by_kind, law.observed);
    assert_eq!(
        i64::try_from(law.observed).unwrap(),
        i64::try_from(law.drained).unwrap() + law.resident
    );
    assert_eq!(law.derived, law.drained);
    // Sources of no region are a region as well.
    let by_region: u64 = snapshot.source_regions.iter().map(|row| row.packets).sum();
    assert_eq!(by_region, law.observed);
}

fn native() {
    one_interface("native");
}

fn generic() {
    one_interface("generic");
}

fn one_interface(mode: &str) {
    let network = network(&format!("counts-{mode}"));
    network.set_mtu(MTU).unwrap();
    let daemon = sensor(&network, mode, &["rx"]);
    let (frames, expected) = mix(3);
    traffic::send(&network, &frames);
    let seen = frames.len() as u64;
    let snapshot = daemon.at_rest(seen);
    assert_counted(&snapshot, &expected, seen);
    assert_eq!(snapshot.xdp_mode, mode);
    assert_eq!(snapshot.interfaces, BTreeMap::from([("rx".to_owned(), seen)]));
}

fn two_interfaces() {
    let network = network("two");
    network.set_mtu(MTU).unwrap();
    let (sender, sensor_side) = (network.sender(), network.sensor());
    let mtu = MTU.to_string();
    sender
        .ip(&[
            "link",
            "add",
            "name",
            "tx2",
            "mtu",
            &mtu,
            "type",
            "veth",
            "peer",
            "name",
            "rx2",
            "mtu",
            &mtu,
            "netns",
            sensor_side.name(),
        ])
        .unwrap();
    sensor_side.ip(&["link", "set", "dev", "rx2", "up"]).unwrap();
    sender.ip(&["link", "set", "dev", "tx2", "up"]).unwrap();

    let daemon = sensor(&network, "auto", &["rx", "rx2"]);
    let (frames, mut expected) = mix(3);
    let (more, _) = mix(1);
    traffic::send(&network, &frames);
    traffic::send_from(&network, "tx2", &more);
    for case in cases::all().iter().filter(|case| case.fits_test_run()) {
        expected.add(case);
    }
    let (first, second) = (frames.len() as u64, more.len() as u64);
    let snapshot = daemon.at_rest(first + second);
    assert_counted(&snapshot, &expected, first + second);
    let interfaces = BTreeMap::from([("rx".to_owned(), first), ("rx2".to_owned(), second)]);
    assert_eq!(snapshot.interfaces, interfaces);
    let metrics = daemon.get("/metrics").body;
    for (interface, packets) in interfaces {
        for series in [
            format!("teiten_interface_packets_total{{interface=\"{interface}\"}} {packets}\n"),
            format!("teiten_attached{{interface=\"{interface}\"}} 1\n"),
        ] {
            assert!(metrics.contains(&series), "no {series} in {metrics}");
        }
    }
}
