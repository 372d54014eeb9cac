//! Notices: their packets are the rows' packets, and an independent reader finds every column where it belongs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{collections::BTreeMap, net::IpAddr, process::Command};

use proptest::prelude::*;
use sensor_evidence::{
    event::Sighting,
    notice::{COLUMNS, Filter, Language, csv, letter, networks, research::Research, stix},
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
    let networks = networks(&rows(), &Filter::default(), &research());
    let text = csv(&networks);
    let header = text.lines().next().unwrap();
    let expected: Vec<_> = COLUMNS.iter().map(|column| format!("\"{column}\"")).collect();
    assert_eq!(header, expected.join(","));
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
    assert!(
        read.iter()
            .all(|row| row.keys().all(|key| COLUMNS.contains(&key.as_str())))
    );
    let censys = read.iter().find(|row| row["src_ip"] == "162.142.125.7").unwrap();
    assert_eq!(
        (censys["severity"].as_str(), censys["tag"].as_str()),
        ("info", "scan;research:censys")
    );
}

#[test]
fn filters_take_what_they_say() {
    let packets = |filter: Filter| -> u64 {
        networks(&rows(), &filter, &research())
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
    let networks = networks(&rows(), &filter, &research());
    assert_eq!(networks.len(), 2);
    assert_eq!(networks[0].scanning.len(), 2);
    for language in [Language::Japanese, Language::English] {
        let text = letter(&networks[0], language);
        for part in [
            "133.11.0.0/24",
            "112",
            "2026-11-01 00:00:00",
            "tools=mirai",
            "23/tcp",
            "2323/tcp",
        ] {
            assert!(text.contains(part), "no {part} in {text}");
        }
    }
}

#[test]
fn a_bundle_refers_to_nothing_that_is_not_in_it_and_counts_all_packets() {
    let mut rows = rows();
    rows[0].packets = 2_500_000_000;
    let bundle = stix(&networks(&rows, &Filter::default(), &research()), "tokyo-1");
    let objects = bundle["objects"].as_array().unwrap();
    let identifiers: std::collections::BTreeSet<_> = objects
        .iter()
        .map(|object| object["id"].as_str().unwrap())
        .collect();
    assert_eq!(identifiers.len(), objects.len());
    let mut observed = 0;
    for object in objects {
        assert!(object.as_object().unwrap().values().all(|value| !value.is_null()));
        for reference in object["object_refs"].as_array().into_iter().flatten() {
            assert!(identifiers.contains(reference.as_str().unwrap()));
        }
        let number = object["number_observed"].as_u64().unwrap_or(0);
        assert!(number <= 999_999_999);
        observed += number;
    }
    assert_eq!(observed, rows.iter().map(|row| row.packets).sum::<u64>());
}

proptest! {
    #[test]
    fn no_packet_is_lost_or_made_on_the_way(
        rows in proptest::collection::vec((any::<[u8; 4]>(), 0_u16..4, 0_u64..1_000_000, 0_i64..100_000), 0..50)
    ) {
        let rows: Vec<_> = rows.into_iter().map(|(source, port, packets, at)| row(source, port, &["mirai"], packets, at)).collect();
        let networks = networks(&rows, &Filter::default(), &research());
        let sum: u64 = networks.iter().flat_map(|network| &network.lines).map(|line| line.packets).sum();
        prop_assert_eq!(sum, rows.iter().map(|row| row.packets).sum::<u64>());
        prop_assert_eq!(csv(&networks).lines().count(), 1 + networks.iter().map(|network| network.lines.len()).sum::<usize>());
    }
}
