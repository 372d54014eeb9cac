//! Notices: their packets are the rows' packets, and an independent reader finds every column where it belongs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{collections::BTreeMap, net::IpAddr, process::Command};

use proptest::prelude::*;
use sensor_evidence::{
    event::Sighting,
    notice::{Filter, Language, csv, letter, networks, research::Research, stix},
};

fn row(source: [u8; 4], port: u16, tools: &[&str], packets: u64, seconds: i64) -> Sighting {
    Sighting {
        source: IpAddr::from(source),
        region: if source[0] == 133 { "JP" } else { "US" }.to_owned(),
        system: (source[0] == 133).then_some(2_501),
        transport: "tcp".to_owned(),
        port: Some(port),
        folded_ports: None,
        class: "scan".to_owned(),
        tools: tools.iter().map(|tool| (*tool).to_owned()).collect(),
        packets,
        first: seconds * 1_000_000,
        last: (seconds + 30) * 1_000_000,
        peer_port: Some(40_000),
        destination_bits: u64::MAX,
    }
}

fn rows() -> Vec<Sighting> {
    vec![
        row([133, 11, 0, 1], 23, &["mirai"], 100, 1_793_491_200),
        row([133, 11, 0, 1], 23, &[], 7, 1_793_494_800),
        row([133, 11, 0, 2], 2_323, &["mirai"], 5, 1_793_491_300),
        row([133, 12, 0, 2], 80, &["zmap_old"], 9, 1_793_491_300),
        row([8, 8, 8, 8], 443, &[], 3, 1_793_491_300),
        row([162, 142, 125, 7], 443, &[], 11, 1_793_491_300),
    ]
}

fn research() -> Research {
    Research::with("").unwrap()
}

/// The columns of `event4_honeypot_darknet` as the Shadowserver Foundation documents them (Darknet Events Report, 2023-12-06, and
/// the same but for `severity` in the example that `IntelMQ` tests its parser with).
const SHADOWSERVER: &str = "timestamp,protocol,src_ip,src_port,src_asn,src_geo,src_region,src_city,src_hostname,src_naics,\
    src_sector,device_vendor,device_type,device_model,severity,dst_ip,dst_port,dst_asn,dst_geo,dst_region,dst_city,\
    dst_hostname,dst_naics,dst_sector,public_source,infection,family,tag,application,version,event_id,count";

/// A reader of CSV that shares nothing with the writer: Python's own.
fn read_csv(text: &str) -> Option<Vec<BTreeMap<String, String>>> {
    let script = "import csv,json,sys,io; print(json.dumps(list(csv.DictReader(io.StringIO(sys.stdin.buffer.read().decode('utf-8'), newline=''), strict=True))))";
    let mut child = Command::new("python3")
        .args(["-c", script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .ok()?;
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn an_independent_reader_finds_the_columns_and_the_packets_of_the_rows() {
    let networks = networks(&rows(), &Filter::default(), &research(), None);
    let text = csv(&networks);
    let header = text.lines().next().unwrap();
    assert_eq!(header.replace('"', ""), SHADOWSERVER);
    let Some(read) = read_csv(&text) else {
        println!("skipped: needs python3");
        return;
    };
    assert_eq!(read.len(), 5);
    let counts: u64 = read.iter().map(|row| row["count"].parse::<u64>().unwrap()).sum();
    assert_eq!(counts, rows().iter().map(|row| row.packets).sum::<u64>());
    let first = read.iter().find(|row| row["src_ip"] == "133.11.0.1").unwrap();
    for (column, value) in [
        ("timestamp", "2026-11-01 00:00:00"),
        ("protocol", "tcp"),
        ("src_port", "40000"),
        ("src_asn", "2501"),
        ("src_geo", "JP"),
        ("severity", "high"),
        ("dst_ip", ""),
        ("dst_port", "23"),
        ("infection", "mirai"),
        ("tag", "scan;mirai"),
        ("count", "107"),
    ] {
        assert_eq!(first[column], value, "{column}");
    }
    assert!(read.iter().all(|row| {
        row.keys()
            .all(|key| SHADOWSERVER.split(',').any(|column| column == key))
    }));
    let censys = read.iter().find(|row| row["src_ip"] == "162.142.125.7").unwrap();
    assert_eq!(
        (censys["severity"].as_str(), censys["tag"].as_str()),
        ("info", "scan;research:censys")
    );
}

#[test]
fn filters_take_what_they_say() {
    let packets = |filter: Filter| -> u64 {
        networks(&rows(), &filter, &research(), None)
            .iter()
            .map(|network| network.packets)
            .sum()
    };
    let filter = Filter::default;
    assert_eq!(packets(filter()), 135);
    assert_eq!(
        packets(Filter {
            region: Some("JP".to_owned()),
            ..filter()
        }),
        121
    );
    assert_eq!(
        packets(Filter {
            region: Some("JP".to_owned()),
            tool: Some("mirai".to_owned()),
            ..filter()
        }),
        105
    );
    assert_eq!(
        packets(Filter {
            network: Some("133.11.0.0/24".parse().unwrap()),
            ..filter()
        }),
        112
    );
    assert_eq!(
        packets(Filter {
            system: Some(2_501),
            ..filter()
        }),
        121
    );
    assert_eq!(
        packets(Filter {
            without_research: true,
            ..filter()
        }),
        124
    );
}

#[test]
fn letters_of_both_languages_have_the_figures() {
    let filter = Filter {
        region: Some("JP".to_owned()),
        ..Filter::default()
    };
    let networks = networks(&rows(), &filter, &research(), None);
    assert_eq!(networks.len(), 2);
    // Two sources, one of which scans again an hour later.
    assert_eq!(networks[0].scans.len(), 3);
    assert!(letter(&networks[0], Language::English).contains("(scanning: 2; possibly under attack: 0)"));
    for language in [Language::Japanese, Language::English] {
        let text = letter(&networks[0], language);
        for part in [
            "133.11.0.0/24",
            "112",
            "2026-11-01 00:00:00",
            "tools=mirai",
            "to 23/tcp",
            "to 2323/tcp",
        ] {
            assert!(text.contains(part), "no {part} in {text}");
        }
        assert!(!text.contains(['{', '}']), "a place that was not filled: {text}");
    }
}

/// A row that is no scan over TCP.
fn other_row(transport: &str, class: &str, port: u16, peer_port: Option<u16>) -> Sighting {
    Sighting {
        transport: transport.to_owned(),
        class: class.to_owned(),
        peer_port,
        ..row([133, 11, 0, 9], port, &[], 90, 1_793_491_200)
    }
}

#[test]
fn ports_stand_where_they_stood_in_the_packet() {
    // An attacked service answers from its port; ICMP has type and code, and no port.
    for (transport, class, port, peer, csv_ports, stix_part, letter_part) in [
        (
            "tcp",
            "scan",
            23,
            Some(40_000),
            ("40000", "23"),
            "\"dst_port\":23",
            "to 23/tcp",
        ),
        (
            "tcp",
            "backscatter",
            80,
            Some(51_234),
            ("80", "51234"),
            "\"src_port\":80",
            "from 80/tcp",
        ),
        (
            "udp",
            "backscatter",
            53,
            Some(3_333),
            ("53", "3333"),
            "\"dst_port\":3333",
            "from 53/udp",
        ),
        (
            "icmp",
            "scan",
            0x0800,
            Some(0),
            ("", ""),
            "\"icmp_type_hex\":\"08\"",
            "icmp type 8 code 0",
        ),
        (
            "icmp",
            "backscatter",
            0x0301,
            None,
            ("", ""),
            "\"icmp_code_hex\":\"01\"",
            "icmp type 3 code 1",
        ),
        (
            "other",
            "other",
            0,
            None,
            ("", ""),
            "\"protocols\":[\"ipv4\"]",
            " other other ",
        ),
    ] {
        let rows = [other_row(transport, class, port, peer)];
        let networks = networks(&rows, &Filter::default(), &research(), None);
        let bundle = stix(&networks, "tokyo-1").to_string();
        assert!(bundle.contains(stix_part), "no {stix_part} in {bundle}");
        let text = letter(&networks[0], Language::English);
        assert!(text.contains(letter_part), "no {letter_part} in {text}");
        if let Some(read) = read_csv(&csv(&networks)) {
            let ports = (read[0]["src_port"].as_str(), read[0]["dst_port"].as_str());
            assert_eq!(ports, csv_ports, "{transport} {class}");
        }
    }
}

#[test]
fn scans_and_victims_are_told_with_their_kind_coverage_and_duration() {
    let mut rows = vec![other_row("tcp", "backscatter", 80, Some(51_234))];
    rows[0].last = rows[0].first + 120_000_000;
    rows.extend((1..=11).map(|port| row([133, 11, 0, 1], port, &["nmap"], 4, 1_793_491_200)));
    let networks = networks(&rows, &Filter::default(), &research(), Some(256));
    let json = serde_json::to_value(&networks).unwrap();
    let (scan, victim) = (&json[0]["scans"][0], &json[0]["victims"][0]);
    for (place, value) in [
        ("kind", serde_json::json!("both")),
        ("ports", 11.into()),
        ("destinations", 64.into()),
        ("packets", 44.into()),
        ("duration", 30_000_000.into()),
        ("coverage", 0.25.into()),
        ("aggressive", true.into()),
        ("tools", serde_json::json!(["nmap"])),
    ] {
        assert_eq!(scan[place], value, "{place}");
    }
    assert_eq!(victim["services"], serde_json::json!([["tcp", 80]]));
    assert_eq!(
        (victim["packets"].as_u64(), victim["duration"].as_i64()),
        (Some(90), Some(120_000_000))
    );
    let text = letter(&networks[0], Language::English);
    assert!(
        text.contains("scanned addresses and ports: at least 64 destinations, at least 11 ports"),
        "{text}"
    );
    assert!(
        text.contains("133.11.0.9 may be under attack: 90 answers"),
        "{text}"
    );
}

/// The bundle, read by the reference implementation of OASIS, which refuses what the standard does.
#[test]
fn the_reference_implementation_of_stix_takes_the_bundle() {
    const READ: &str = "
import sys, stix2
bundle = stix2.parse(sys.stdin.read(), allow_custom=False)
kinds = [thing.type for thing in bundle.objects]
observed = sum(thing.number_observed for thing in bundle.objects if thing.type == 'observed-data')
print(len(kinds), kinds.count('network-traffic'), observed)
";
    if std::env::var_os("TEITEN_TEST_FULL").is_none() {
        println!("skipped: installs PyPI's stix2: run with --full");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("bin/python");
    let done = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    if !(done(Command::new("python3").args(["-m", "venv"]).arg(folder.path()))
        && done(Command::new(&python).args(["-m", "pip", "install", "--quiet", "stix2==3.*"])))
    {
        println!("skipped: PyPI's stix2 cannot be installed");
        return;
    }
    let mut rows = rows();
    rows[0].packets = 2_500_000_000;
    rows.push(other_row("icmp", "scan", 0x0800, None));
    rows.push(other_row("udp", "backscatter", 53, Some(3_333)));
    rows.push(other_row("other", "other", 0, None));
    rows.push(Sighting {
        source: "2001:db8::1".parse().unwrap(),
        transport: "icmpv6".to_owned(),
        ..other_row("icmpv6", "scan", 0x8000, None)
    });
    let bundle = stix(&networks(&rows, &Filter::default(), &research(), None), "tokyo-1");
    let read = |text: &str| {
        let file = folder.path().join("bundle");
        std::fs::write(&file, text).unwrap();
        let input = std::fs::File::open(&file).unwrap();
        Command::new(&python)
            .args(["-c", READ])
            .stdin(input)
            .output()
            .unwrap()
    };
    let output = read(&bundle.to_string());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let objects = bundle["objects"].as_array().unwrap();
    let traffic = objects
        .iter()
        .filter(|object| object["type"] == "network-traffic")
        .count();
    let packets: u64 = rows.iter().map(|row| row.packets).sum();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("stix2 reads {said}");
    assert_eq!(said.trim(), format!("{} {traffic} {packets}", objects.len()));
    // It does refuse: ports and numbers beyond those of the standard, and references to nothing.
    for (key, value) in [
        ("dst_port", serde_json::json!(65_536)),
        ("number_observed", 1_000_000_000.into()),
        ("src_ref", "nothing".into()),
    ] {
        let mut broken = bundle.clone();
        let mut objects = broken["objects"].as_array_mut().unwrap().iter_mut();
        let object = objects.find(|object| !object[key].is_null()).unwrap();
        object[key] = value;
        assert!(
            !read(&broken.to_string()).status.success(),
            "{key} is not looked at"
        );
    }
}

proptest! {
    #[test]
    fn no_packet_is_lost_or_made_on_the_way(
        rows in proptest::collection::vec((any::<[u8; 4]>(), 0_u16..4, 0_u64..1_000_000, 0_i64..100_000), 0..50)
    ) {
        let rows: Vec<_> = rows.into_iter().map(|(source, port, packets, at)| row(source, port, &["mirai"], packets, at)).collect();
        let networks = networks(&rows, &Filter::default(), &research(), None);
        let sum: u64 = networks.iter().flat_map(|network| &network.lines).map(|line| line.packets).sum();
        prop_assert_eq!(sum, rows.iter().map(|row| row.packets).sum::<u64>());
        prop_assert_eq!(csv(&networks).lines().count(), 1 + networks.iter().map(|network| network.lines.len()).sum::<usize>());
    }
}
