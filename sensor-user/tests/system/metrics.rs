//! `/metrics`: what promtool thinks of it, and that it says what the snapshot says.

use std::{collections::BTreeMap, net::IpAddr, process::Command};

use ipnet::IpNet;
use nix::sys::signal::Signal;
use sensor_lab::frames::{Content, Icmp, Ipv4, Tcp, Udp};
use teiten::pipeline::snapshot::Snapshot;

use crate::{
    Test, counts,
    daemon::Daemon,
    exposition::{Series, family, parse},
    network, program, traffic,
};

pub const TESTS: [Test; 4] = [
    ("promtool_finds_nothing_to_say_about_the_metrics", promtool),
    ("the_metrics_say_what_the_snapshot_says", same_as_snapshot),
    ("a_port_that_ranks_gets_a_series_that_begins_at_zero", ranked_port),
    ("no_series_carries_an_address", no_addresses),
];

fn promtool() {
    let network = crate::network("promtool");
    let daemon = counts::sensor(&network, "native", &["rx"]);
    let (frames, _) = mix_that_fits();
    traffic::send(&network, &frames);
    daemon.at_rest(frames.len() as u64);
    // Twice: ranked ports have their series from the first scrape on.
    for _ in 0..2 {
        let answer = daemon.get("/metrics");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.content_type, "text/plain; version=0.0.4");
        let finished = program::run(Command::new("promtool").args(["check", "metrics"]), &answer.body);
        assert_eq!((finished.output.as_str(), finished.errors.as_str()), ("", ""));
        assert!(finished.status.success());
        // The negative control: promtool does look.
        let worse = answer.body.replace("teiten_records_total", "teiten_records");
        let finished = program::run(Command::new("promtool").args(["check", "metrics"]), &worse);
        assert!(!finished.status.success());
        std::thread::sleep(std::time::Duration::from_millis(400));
    }
}

/// The cases whose frames an ordinary MTU lets through, each once.
fn mix_that_fits() -> (Vec<Vec<u8>>, u64) {
    let (mut frames, _) = counts::mix(1);
    frames.retain(|frame| frame.len() <= 1_514);
    let count = frames.len() as u64;
    (frames, count)
}

/// Both, of one and the same state.
fn both(daemon: &Daemon<'_>) -> (Snapshot, BTreeMap<Series, f64>) {
    loop {
        let before = daemon.snapshot();
        let metrics = daemon.get("/metrics").body;
        if daemon.snapshot() == before {
            return (before, parse(&metrics));
        }
    }
}

fn same_as_snapshot() {
    let network = network("same");
    let daemon = counts::sensor(&network, "native", &["rx"]);
    let (frames, count) = mix_that_fits();
    traffic::send(&network, &frames);
    daemon.at_rest(count);
    // Scraped once, so that what comes now is counted in the series of the ports that rank.
    let listed = ports(&parse(&daemon.get("/metrics").body), "packets");
    daemon.next_tick();
    traffic::send(&network, &frames);
    daemon.at_rest(2 * count);
    let (snapshot, metrics) = both(&daemon);

    let named = |names: &BTreeMap<String, u64>| -> BTreeMap<[String; 1], u64> {
        names
            .iter()
            .map(|(name, packets)| ([name.clone()], *packets))
            .collect()
    };
    let outcomes = family(&metrics, "teiten_outcome_packets_total", ["outcome"]);
    assert_eq!(outcomes, named(&snapshot.outcomes));
    let classes = family(&metrics, "teiten_class_packets_total", ["class"]);
    assert_eq!(classes, named(&snapshot.classes));
    let interfaces = family(&metrics, "teiten_interface_packets_total", ["interface"]);
    assert_eq!(interfaces, named(&snapshot.interfaces));

    for (name, column) in [("packets", 0), ("syn_packets", 1), ("mirai_packets", 2)] {
        assert_ports(&snapshot, &ports(&metrics, name), column, &listed);
    }
    let plain = |name: &str| family(&metrics, name, [])[&[]];
    let law = &snapshot.conservation;
    assert_eq!(plain("teiten_conservation_difference_packets"), 0);
    assert_eq!(plain("teiten_records_total"), law.records);
    assert_eq!(
        plain("teiten_resident_packets"),
        u64::try_from(law.resident).unwrap()
    );
    // 198.51.100.0/24, 203.0.113.7/32, 10.99.0.0/16, 192.0.2.128/25.
    assert_eq!(plain("teiten_watched_addresses"), 256 + 1 + 65_536 + 128);
}

/// Ports that have series of their own whatever comes, where nothing else is configured.
const WATCHED_BY_DEFAULT: [(&str, &str); 10] = [
    ("tcp", "22"),
    ("tcp", "23"),
    ("tcp", "80"),
    ("tcp", "445"),
    ("tcp", "2323"),
    ("tcp", "3389"),
    ("tcp", "6379"),
    ("tcp", "37215"),
    ("udp", "5060"),
    ("icmp", "0"),
];

type Ports = BTreeMap<[String; 2], u64>;

fn ports(metrics: &BTreeMap<Series, f64>, name: &str) -> Ports {
    family(
        metrics,
        &format!("teiten_port_{name}_total"),
        ["transport", "port"],
    )
}

/// The same frames came twice. Watched ports have both, those that were `listed` after the first time the second,
/// those that came to be listed since nothing yet, and `other` has all the rest.
fn assert_ports(snapshot: &Snapshot, series: &Ports, column: usize, listed: &Ports) {
    let totals: Ports = snapshot
        .ports
        .iter()
        .map(|row| {
            (
                [row.transport.clone(), row.port.to_string()],
                [row.packets, row.syn, row.mirai][column],
            )
        })
        .collect();
    let (mut ranked, mut own) = (0, 0);
    for (key, packets) in series.iter().filter(|(key, _)| key[0] != "other") {
        let total = totals.get(key).copied().unwrap_or(0);
        let expected = if WATCHED_BY_DEFAULT.contains(&(&key[0], &key[1])) {
            total
        } else if listed.contains_key(key) {
            ranked += 1;
            total / 2
        } else {
            0
        };
        assert_eq!(*packets, expected, "{key:?}");
        own += packets;
    }
    assert!(ranked >= 5, "{series:?}");
    let other = series[&["other".to_owned(), "other".to_owned()]];
    assert_eq!(own + other, totals.values().sum::<u64>());
}

fn ranked_port() {
    let network = network("ranked");
    let tables = "[export]\nwatched_ports = ['23/tcp']\n";
    let daemon = Daemon::start_configured(&network, tables, &["-i", "rx", "--watch", "198.51.100.0/24"]);
    let dark = Ipv4::to([198, 51, 100, 9].into());
    let frames = |tcp: usize, udp: usize| {
        [
            vec![dark.frame(Tcp::syn(23)); tcp],
            vec![dark.frame(Udp::between(40_000, 53_413)); udp],
            vec![dark.frame(Content::Icmp(Icmp::of(8, 0))); udp],
        ]
        .concat()
    };
    let expected = |tcp: u64, udp: u64, icmp: u64, other: u64| {
        Ports::from([
            (["tcp".to_owned(), "23".to_owned()], tcp),
            (["udp".to_owned(), "53413".to_owned()], udp),
            (["icmp".to_owned(), "0".to_owned()], icmp),
            (["other".to_owned(), "other".to_owned()], other),
        ])
    };
    let scraped = |daemon: &Daemon<'_>| ports(&parse(&daemon.get("/metrics").body), "packets");
    traffic::send(&network, &frames(4, 3));
    daemon.at_rest(10);
    // However long nobody scrapes, the series stay at 0, so that no scrape sees a counter begin in the middle.
    traffic::send(&network, &frames(0, 2));
    daemon.at_rest(14);
    assert_eq!(scraped(&daemon), expected(4, 0, 0, 10));
    daemon.next_tick();
    traffic::send(&network, &frames(1, 5));
    daemon.at_rest(25);
    assert_eq!(scraped(&daemon), expected(5, 5, 5, 10));
}

/// Of sources, destinations and watched prefixes of the cases; the last is a destination in hexadecimal digits.
const PARTS_OF_ADDRESSES: [&str; 6] = [
    "198.51.",
    "203.0.113",
    "10.99.",
    "192.0.2.",
    "2001:db8",
    "c6336417",
];

fn no_addresses() {
    let network = network("addresses");
    let daemon = counts::sensor(&network, "native", &["rx"]);
    let (frames, count) = mix_that_fits();
    traffic::send(&network, &frames);
    daemon.at_rest(count);
    daemon.get("/metrics");
    let text = daemon.get("/metrics").body;
    let all = parse(&text);
    assert!((100..2_000).contains(&all.len()), "{} series", all.len());
    for (name, labels) in all.keys() {
        assert!(name.starts_with("teiten_"), "{name}");
        for value in labels.values() {
            let is_address = value.parse::<IpAddr>().is_ok() || value.parse::<IpNet>().is_ok();
            assert!(!is_address, "{name}: {value}");
        }
    }
    // The secret of a telescope is where it is: not in the snapshot, and not in what it logs by default.
    let snapshot = daemon.get("/api/v1/snapshot?limit=131072").body;
    let log = daemon.stop(Signal::SIGTERM).log;
    for part in PARTS_OF_ADDRESSES {
        assert!(!snapshot.contains(part), "{part} in {snapshot}");
        assert!(
            log.iter().all(|line| !line.to_string().contains(part)),
            "{part} in {log:?}"
        );
    }
    // Nor within a label or a help text.
    for line in text.lines() {
        let words = if line.starts_with('#') {
            line
        } else {
            line.rsplit_once(' ').unwrap().0
        };
        for part in PARTS_OF_ADDRESSES {
            assert!(!words.contains(part), "{part} in {line}");
        }
    }
}
