//! Notices of a run: another reader of CSV finds in them the packets of the records, and of whoever sent them.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use sensor_common::Class;
use sensor_evidence::notice::{Filter, Language};
use sensor_lab::scenario::Truth;
use sensor_records::rows::SourceRow;
use teiten::notice::{Form, Question, Told, tell};

use crate::support::{BEGIN, HOURS, capture, count, replay, rows};

/// Transport, class and service port.
type Service = (String, String, String);
/// Source, transport, class and service port.
type Key = (String, String, String, String);

fn question(records: &Path, filter: Filter) -> Question {
    Question {
        records: records.to_owned(),
        since: jiff::Timestamp::from_second(i64::try_from(BEGIN).unwrap()).unwrap(),
        until: None,
        filter,
        systems: None,
        research: None,
        form: Form::Csv,
        language: Language::English,
    }
}

fn notice(question: &Question) -> (String, Told) {
    let mut text = Vec::new();
    let told = tell(question, &mut text).unwrap();
    (String::from_utf8(text).unwrap(), told)
}

/// The rows as Python's own reader has them; `None` where there is no Python.
fn read_csv(text: &str) -> Option<Vec<BTreeMap<String, String>>> {
    const READ: &str = "import csv, json, sys, io\n\
        text = io.StringIO(sys.stdin.buffer.read().decode('utf-8'), newline='')\n\
        print(json.dumps(list(csv.DictReader(text, strict=True))))";
    let mut child = Command::new("python3")
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take().unwrap();
    let text = text.to_owned();
    let writing = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// The service port, from the column in which a class has it.
fn key(row: &BTreeMap<String, String>) -> Key {
    let class = row["tag"].split(';').next().unwrap();
    let port = if class == "backscatter" {
        &row["src_port"]
    } else {
        &row["dst_port"]
    };
    (
        row["src_ip"].clone(),
        row["protocol"].clone(),
        class.to_owned(),
        port.clone(),
    )
}

/// What the records say, row by row, with nothing of the notice's own code.
fn recorded(rows: &[SourceRow]) -> BTreeMap<Key, u64> {
    let mut packets = BTreeMap::new();
    for row in rows {
        let has_port = matches!(row.transport.as_str(), "tcp" | "udp");
        let port = row.port.filter(|_| has_port);
        let key = (
            row.source.clone().unwrap(),
            row.transport.clone(),
            row.class.clone(),
            port.map_or_else(String::new, |port| port.to_string()),
        );
        *packets.entry(key).or_default() += count(row.packets);
    }
    packets
}

/// Packets by protocol and class.
fn without_ports(packets: &BTreeMap<Service, u64>) -> BTreeMap<(&str, &str), u64> {
    let mut sums = BTreeMap::new();
    for ((transport, class, _), count) in packets {
        *sums.entry((transport.as_str(), class.as_str())).or_default() += count;
    }
    sums
}

/// Packets by protocol, class and port as they were sent.
fn sent(truth: &Truth) -> BTreeMap<Service, u64> {
    let mut packets = BTreeMap::new();
    for (service, count) in truth.services() {
        let (transport, port) = match service.protocol {
            6 => ("tcp", service.port.to_string()),
            // A later fragment has no port, and the sensor does not call it UDP.
            17 if service.class == Class::Other && service.port == 0 => continue,
            17 => ("udp", service.port.to_string()),
            1 => ("icmp", String::new()),
            58 => ("icmpv6", String::new()),
            // Fragments and other protocols are told apart by the sensor, and not by the truth.
            _ => continue,
        };
        let key = (transport.to_owned(), service.class.name().to_owned(), port);
        *packets.entry(key).or_default() += count.packets;
    }
    packets
}

#[test]
fn a_notices_packets_are_those_of_the_records_and_of_the_senders() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sent.pcap");
    let (truth, _) = capture(&file);
    replay(folder.path(), &[file]).unwrap();
    let records = folder.path().join("records");
    let (text, told) = notice(&question(&records, Filter::default()));
    assert_eq!((told.packets, told.without_source), (truth.observed(), 0));
    let Some(read) = read_csv(&text) else {
        println!("skipped: needs python3");
        return;
    };
    let mut packets: BTreeMap<Key, u64> = BTreeMap::new();
    for row in &read {
        *packets.entry(key(row)).or_default() += row["count"].parse::<u64>().unwrap();
    }
    let rows: Vec<SourceRow> = rows(&records);
    assert!(packets.len() > 1_000, "{} lines say little", packets.len());
    assert_eq!(packets, recorded(&rows));

    let mut by_service: BTreeMap<Service, u64> = BTreeMap::new();
    for ((_, transport, class, port), count) in packets {
        if !matches!(transport.as_str(), "fragment" | "other") {
            *by_service.entry((transport, class, port)).or_default() += count;
        }
    }
    // A source's ports beyond those that the records keep apart are one line without a port: what the named ones lack.
    let sent = sent(&truth);
    assert_eq!(without_ports(&by_service), without_ports(&sent));
    for (service, count) in &by_service {
        let most = sent.get(service).copied().unwrap_or(0);
        assert!(
            service.2.is_empty() || *count <= most,
            "{service:?}: {count} told, {most} sent"
        );
    }
    assert!(
        by_service
            .keys()
            .any(|(_, class, _)| class == Class::Backscatter.name())
    );

    // Nothing of the watched network is in it, in none of its forms.
    for form in [Form::Csv, Form::Json, Form::Stix, Form::Text] {
        let question = Question {
            form,
            ..question(&records, Filter::default())
        };
        assert!(!notice(&question).0.contains("198.51.100."), "{form:?}");
    }
}

#[test]
fn domestic_mirai_sources_of_an_hour_are_one_question() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sent.pcap");
    let (truth, _) = capture(&file);
    replay(folder.path(), &[file]).unwrap();
    let records = folder.path().join("records");
    let filter = Filter {
        region: Some("JP".to_owned()),
        tool: Some("mirai".to_owned()),
        ..Filter::default()
    };
    let (text, told) = notice(&question(&records, filter.clone()));
    let japan = truth.regions.iter().find(|region| region.region == "JP").unwrap();
    assert_eq!(told.packets, japan.count.mirai);
    let sources: std::collections::BTreeSet<_> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(2).unwrap())
        .collect();
    assert_eq!(sources.len(), japan.mirai_sources());
    // Hours add up to the whole.
    let by_hour: u64 = (0..HOURS)
        .map(|hour| {
            let begin = |hour| {
                let second = BEGIN / 3_600 * 3_600 + hour * 3_600;
                jiff::Timestamp::from_second(i64::try_from(second).unwrap()).unwrap()
            };
            let question = Question {
                since: begin(hour),
                until: Some(begin(hour + 1)),
                ..question(&records, filter.clone())
            };
            notice(&question).1.packets
        })
        .sum();
    assert_eq!(by_hour, japan.count.mirai);
}
