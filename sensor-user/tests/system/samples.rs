//! Samples: a real scanner recognised, hostile payloads harmless, a flood of samples that costs no count.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use sensor_lab::{
    frames::{Edit as _, Ipv4, Tcp, Udp},
    network::Network,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Test,
    daemon::{BINARY, Daemon},
    exposition::{family, parse},
    network, program, traffic,
};

/// Those that need programs of others: `pip install sipvicious`, and tshark.
pub const FOREIGN_TESTS: [Test; 1] = [(
    "real_sipvicious_is_recognised_sampled_shown_and_read_by_tshark",
    sipvicious,
)];

pub const TESTS: [Test; 2] = [
    (
        "a_flood_that_is_sampled_whole_loses_no_count_and_declares_every_lost_sample",
        flood,
    ),
    ("hostile_payloads_reach_no_label_and_no_terminal", hostile),
];

/// The scanner as its package installs it.
pub const SCANNER: &str = "sipvicious_svmap";

fn sampling<'network>(network: &'network Network, place: &TempDir, more: &str) -> Daemon<'network> {
    let directory = directory(place);
    let tables = format!("[samples]\ndirectory = \"{}\"\n{more}\n", directory.display());
    Daemon::start_configured(network, &tables, &["-i", "rx", "--watch", "198.51.100.0/24"])
}

fn directory(place: &TempDir) -> PathBuf {
    place.path().join("samples")
}

fn metric(daemon: &Daemon<'_>, name: &str) -> u64 {
    family(&parse(&daemon.get("/metrics").body), name, [])[&[]]
}

/// Waits until the thread of samples has told all that the kernel took.
fn settled(daemon: &Daemon<'_>, chosen: u64) {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let all = parse(&daemon.get("/metrics").body);
        let one = |name: &str| family(&all, name, [])[&[]];
        let lost = family(&all, "teiten_samples_lost_total", ["reason"]);
        let (taken, stored) = (one("teiten_samples_total"), one("teiten_samples_stored_total"));
        let disk = lost[&["disk".to_owned()]];
        if one("teiten_samples_chosen_total") >= chosen && taken == stored + disk {
            return;
        }
        assert!(Instant::now() < until, "{taken} taken, {stored} stored");
        thread::sleep(Duration::from_millis(100));
    }
}

fn teiten(arguments: &[&str]) -> String {
    let finished = program::run(Command::new(BINARY).args(arguments), "");
    assert!(finished.status.success(), "{arguments:?}: {}", finished.errors);
    finished.output
}

fn shown(path: &Path) -> Vec<Value> {
    teiten(&["samples", "show", "--json", path.to_str().unwrap()])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn tshark(file: &Path, fields: &[&str]) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-r"])
        .arg(file)
        .args(["-T", "fields", "-E", "separator=/t"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let finished = program::run(&mut command, "");
    assert!(finished.status.success(), "{}", finished.errors);
    let lines = finished.output.lines();
    lines
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

fn sipvicious() {
    let network = network("sipvicious");
    let place = TempDir::new().unwrap();
    let daemon = sampling(&network, &place, "source_burst = 100");
    let mut command = network.sender().command(SCANNER).unwrap();
    command
        .args(["198.51.100.0/28", "--verbose"])
        .env("HOME", place.path());
    // It waits for answers that do not come, and fails without them.
    let finished = program::run(&mut command, "");
    assert!(finished.errors.contains("found nothing"), "{}", finished.errors);
    settled(&daemon, 16);
    let all = parse(&daemon.get("/metrics").body);
    let tools = family(&all, "teiten_sip_samples_total", ["tool"]);
    let recognised = tools[&["sipvicious".to_owned()]];
    // The network's own address is left out, or not, as the scanner pleases.
    assert!((14..=16).contains(&recognised), "{tools:?}");
    assert_eq!(tools.values().sum::<u64>(), recognised, "{tools:?}");
    assert_eq!(metric(&daemon, "teiten_samples_total"), recognised);
    daemon.stop(Signal::SIGTERM).assert_clean();

    let directory = directory(&place);
    let shown_now = shown(&directory);
    assert_eq!(shown_now.len() as u64, recognised);
    for packet in &shown_now {
        assert_eq!(packet["sip"]["tool"], "sipvicious", "{packet}");
        assert_eq!(packet["sip"]["user_agent"], "friendly-scanner", "{packet}");
        let comment = packet["comment"].as_str().unwrap();
        for part in ["interface=rx", "reason=port", "sip=sipvicious", "method=OPTIONS"] {
            assert!(comment.split(' ').any(|word| word == part), "{comment}");
        }
    }
    let text = teiten(&["samples", "show", directory.to_str().unwrap()]);
    println!("{}", text.lines().next().unwrap());
    let listed: u64 = teiten(&["samples", "list", directory.to_str().unwrap()])
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(listed, recognised);

    let exported = place.path().join("exported.pcapng");
    teiten(&[
        "samples",
        "export",
        directory.to_str().unwrap(),
        "--to",
        exported.to_str().unwrap(),
    ]);
    assert_eq!(
        fs::metadata(&exported).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let fields = [
        "ip.src",
        "ip.dst",
        "udp.srcport",
        "udp.dstport",
        "frame.len",
        "sip.Method",
        "sip.User-Agent",
        "sip.From",
        "frame.comment",
    ];
    let read = tshark(&exported, &fields);
    let ours: Vec<Vec<String>> = shown_now
        .iter()
        .map(|packet| {
            let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            vec![
                word(&packet["source"]),
                word(&packet["destination"]),
                word(&packet["source_port"]),
                word(&packet["destination_port"]),
                word(&packet["octets"]),
                word(&packet["sip"]["method"]),
                word(&packet["sip"]["user_agent"]),
                word(&packet["sip"]["from"]),
                word(&packet["comment"]),
            ]
        })
        .collect();
    assert_eq!(read, ours);
    println!(
        "tshark reads the same {} fields of {} packets",
        fields.len(),
        read.len()
    );

    share(&place, recognised);
}

/// What is exported to be shared tells neither payload nor destination.
fn share(place: &TempDir, packets: u64) {
    let directory = directory(place);
    let key = place.path().join("key");
    fs::write(&key, "00112233445566778899aabbccddeeff\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let shared = place.path().join("shared.pcapng");
    let arguments = [
        "samples",
        "export",
        directory.to_str().unwrap(),
        "--to",
        shared.to_str().unwrap(),
        "--anonymise",
        key.to_str().unwrap(),
    ];
    teiten(&arguments);
    let read = tshark(
        &shared,
        &["ip.dst", "udp.length", "frame.comment", "_ws.malformed"],
    );
    assert_eq!(read.len() as u64, packets);
    for packet in &read {
        assert!(!packet[0].starts_with("198.51.100."), "{packet:?}");
        assert_eq!((packet[1].as_str(), packet[3].as_str()), ("8", ""), "{packet:?}");
        assert_eq!(packet[2], "reason=port method=OPTIONS sip=sipvicious");
    }
}

/// Frames of the flood.
const FRAMES: u32 = 200_000;
const PORTS: [u16; 4] = [23, 445, 2_323, 5_555];

fn flood() {
    let network = network("samples-flood");
    let place = TempDir::new().unwrap();
    let budget = 1 << 20;
    let daemon = sampling(
        &network,
        &place,
        "one_in = 1\nrate = 100000\nburst = 100000\nsource_rate = 100000\nsource_burst = 100000\n\
         ring_size = \"64 KiB\"\nbudget = \"1 MiB\"",
    );
    let template = Ipv4::to([198, 51, 100, 1].into()).frame(Tcp::syn(23));
    let mut number = 0_u32;
    let before = network.received().unwrap();
    // A machine that is busy elsewhere stores few samples of a flood: until there were more than the files may hold.
    let (sent, received, snapshot) = loop {
        traffic::flood(&network, FRAMES.into(), |frame| {
            let source = (0x0b00_0000 + number % 5_000).to_be_bytes();
            let port = PORTS[number as usize % PORTS.len()].to_be_bytes();
            number += 1;
            frame.clone_from(&template);
            *frame = std::mem::take(frame).with(26, &source).with(36, &port);
            true
        });
        let received = network.received().unwrap() - before;
        let snapshot = daemon.at_rest(received);
        settled(&daemon, received);
        let removed = family(
            &parse(&daemon.get("/metrics").body),
            "teiten_samples_files_removed_total",
            [],
        )[&[]];
        if removed > 0 || number >= 10 * FRAMES {
            break (u64::from(number), received, snapshot);
        }
    };
    assert_eq!(snapshot.conservation.difference, 0);
    let ports: BTreeMap<u16, u64> = snapshot.ports.iter().map(|row| (row.port, row.packets)).collect();
    assert_eq!(ports.values().sum::<u64>(), received);
    if received == sent {
        for (port, packets) in &ports {
            assert_eq!(*packets, sent / PORTS.len() as u64, "port {port}");
        }
    }
    let all = parse(&daemon.get("/metrics").body);
    let one = |name: &str| family(&all, name, [])[&[]];
    let lost = family(&all, "teiten_samples_lost_total", ["reason"]);
    println!(
        "{received} frames: {} chosen, {} taken, {} stored, lost {lost:?}, {} bytes in files",
        one("teiten_samples_chosen_total"),
        one("teiten_samples_total"),
        one("teiten_samples_stored_total"),
        one("teiten_samples_file_bytes"),
    );
    let of = |reason: &str| lost[&[reason.to_owned()]];
    assert_eq!(
        one("teiten_samples_chosen_total"),
        received,
        "all of it was to be sampled"
    );
    assert_eq!(
        received,
        one("teiten_samples_total") + of("rate") + of("source") + of("ring"),
        "what was not taken is declared"
    );
    assert_eq!(
        one("teiten_samples_total"),
        one("teiten_samples_stored_total") + of("disk")
    );
    assert!(of("ring") + of("rate") + of("source") > 0, "{lost:?}");
    let on_disk: u64 = fs::read_dir(directory(&place))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!((1..=budget).contains(&on_disk), "{on_disk}");
    assert!(one("teiten_samples_files_removed_total") > 0);
    daemon.stop(Signal::SIGTERM).assert_clean();
}

/// Payloads that somebody might send to harm whoever looks.
fn hostile_payloads() -> Vec<Vec<u8>> {
    let request = |agent: &[u8]| [b"OPTIONS sip:a@b SIP/2.0\r\nUser-Agent: ", agent, b"\r\n\r\n"].concat();
    let mut payloads: Vec<Vec<u8>> = (0..=255).map(|octet| request(&[octet])).collect();
    payloads.extend(
        [
            &b"\x1b[2J\x1b]0;pwned\x07"[..],
            "\u{202e}friendly-scanner".as_bytes(),
            b"\"} 1\nevil_metric 1\n",
            b"=cmd|' /C calc'!A0",
            b"\xff\xfe\xc0\x80",
        ]
        .map(request),
    );
    payloads.push([b"OPTIONS sip:a@b SIP/2.0\r\nUser-Agent: ", &[b'A'; 1_300][..]].concat());
    payloads.push(b"OPTIONS sip:a@b SIP/2.0\r\nUser-Agent".to_vec());
    payloads.push(request(&request(b"friendly-scanner")));
    payloads
}

fn hostile() {
    let network = network("samples-hostile");
    let place = TempDir::new().unwrap();
    let daemon = sampling(&network, &place, "source_burst = 1000\nburst = 1000");
    let payloads = hostile_payloads();
    let frames: Vec<_> = payloads
        .iter()
        .map(|payload| Ipv4::to([198, 51, 100, 7].into()).frame(Udp::to(5060, payload)))
        .collect();
    traffic::send(&network, &frames);
    settled(&daemon, frames.len() as u64);
    let before = family(
        &parse(&daemon.get("/metrics").body),
        "teiten_sip_samples_total",
        ["tool"],
    );
    assert_eq!(before.values().sum::<u64>(), frames.len() as u64);
    let probes = sensor_evidence::probe::Probes::default();
    let known: Vec<_> = probes
        .scanners()
        .labels()
        .iter()
        .map(|label| [label.clone()])
        .collect();
    assert!(
        before
            .keys()
            .all(|key| known.contains(key) || key[0] == "unknown"),
        "{before:?}"
    );
    daemon.stop(Signal::SIGTERM).assert_clean();
    let directory = directory(&place);
    let text = teiten(&["samples", "show", directory.to_str().unwrap()]);
    assert_eq!(text.lines().count(), frames.len());
    let plain = |text: &str| {
        text.chars()
            .all(|c| c == '\n' || c == '…' || (' '..='~').contains(&c))
    };
    assert!(plain(&text));
    for packet in shown(&directory) {
        assert!(plain(&packet.to_string()), "{packet}");
    }
}
