//! Addresses that lists know, and networks that made a change: against rows that are written here.

use std::{fmt::Write as _, fs, path::Path};

use jiff::civil::date;
use sensor_common::{Address, ToolSet};
use sensor_records::{
    Day, Existing, Micros, Writer,
    rows::{NetworkRow, SourceRow, UniqueRow},
};
use sensor_sketch::{Distinct, SourceKey};
use teiten_report::{
    lists::Lists,
    model::{Cell, Key, Region, Report, Span},
    period,
};

use super::{Test, World, copies::copy, pages, report, request};

pub(crate) const TESTS: &[Test] = &[
    (
        "domestic_sources_with_the_mark_are_looked_up_in_a_list_of_devices",
        devices,
    ),
    ("the_share_of_research_is_told_by_scanner_and_port", research),
    (
        "a_change_that_one_network_made_is_told_with_its_figures",
        networks,
    ),
    (
        "the_sources_of_a_surge_are_merged_over_its_hours_and_sensors",
        surge_sources,
    ),
];

const SENSORS: [&str; 2] = ["synth-01", "synth-02"];
const TABLES: [&str; 4] = ["daily_cells", "coverage", "sensors", "cells"];

/// Both pages of a report: each number in them is in a table.
fn checked_pages(report: &Report, what: &str) -> [String; 2] {
    pages::LANGUAGES.map(|language| {
        let page = pages::text(&pages::pages(report, language), ".html");
        pages::check_numbers(report, &page, what);
        // Spaces and elements stand between words and numbers.
        page.replace(',', "")
    })
}

fn source(address: String, region: &str, marked: bool) -> SourceRow {
    let mark = i32::from(ToolSet::MIRAI.0);
    SourceRow {
        source: Some(address),
        source_region: Some(region.to_owned()),
        transport: "tcp".to_owned(),
        port: Some(23),
        class: "scan".to_owned(),
        tools: Some(if marked { mark } else { 0 }),
        packets: 3,
        ..SourceRow::default()
    }
}

fn devices(world: &World) {
    let directory = copy(world, &TABLES, &["2022-11-02", "2022-11-03"], &SENSORS);
    for sensor in SENSORS {
        let writer = Writer::open(directory.path(), sensor).unwrap();
        // Two hours within the day in Japan, and one after it.
        for (hour, hosts) in [(0, 0..10), (1, 5..20), (16, 20..40)] {
            let time = Day(date(2022, 11, 3)).begins() + hour * 3_600;
            let mut rows: Vec<_> = hosts
                .clone()
                .map(|host| source(format!("192.0.2.{host}"), "JP", true))
                .chain(
                    hosts
                        .clone()
                        .map(|host| source(format!("198.51.100.{host}"), "JP", false)),
                )
                .chain(hosts.map(|host| source(format!("203.0.113.{host}"), "US", true)))
                .map(|row| SourceRow {
                    hour: Micros::from_seconds(time),
                    ..row
                })
                .collect();
            writer.write(time, &mut rows, &Existing::Refuse).unwrap();
        }
    }
    let list = directory.path().join("devices.csv");
    let mut text = "ip,vendor,model\n".to_owned();
    for host in 0..8 {
        let model = if host < 6 { "DVR" } else { "Router" };
        writeln!(text, "192.0.2.{host},Example,{model}").unwrap();
    }
    // After the day, without the mark, abroad, and unknown.
    text +=
        "192.0.2.30,Example,DVR\n198.51.100.1,Example,DVR\n203.0.113.1,Example,DVR\n192.0.2.99,Example,DVR\n";
    fs::write(&list, text).unwrap();
    let mut request = request();
    request.period = period::range(date(2022, 11, 3), date(2022, 11, 3)).unwrap();
    request.lists = Lists::read(Some(&list), None).unwrap();
    let report = report(directory.path(), &request).unwrap();
    let found = report.mirai.devices.as_ref().unwrap();
    assert_eq!((found.listed, found.matched), (12, 8));
    assert!((found.sources - 20.0).abs() < 0.1, "{}", found.sources);
    let kinds: Vec<_> = found
        .kinds
        .iter()
        .map(|kind| (kind.model.as_str(), kind.sources))
        .collect();
    assert_eq!(kinds, [("DVR", 6), ("Router", 2)]);
    // A digest leaves the devices out: the same over two days has them.
    request.period = period::range(date(2022, 11, 2), date(2022, 11, 3)).unwrap();
    let report = super::report(directory.path(), &request).unwrap();
    let [japanese, english] = checked_pages(&report, "devices");
    assert!(japanese.contains("機器が確認できました") && english.contains("are known devices"));
    assert!(english.contains(">40%<") && english.contains("Router"));
    fs::write(&list, "ip,vendor\n").unwrap();
    let error = Lists::read(Some(&list), None).unwrap_err().to_string();
    assert!(error.contains("line 1"), "{error}");
}

fn network(network: &str, system: Option<i64>, region: &str, port: i32, packets: i64) -> NetworkRow {
    NetworkRow {
        network: Some(network.to_owned()),
        system,
        source_region: Some(region.to_owned()),
        transport: "tcp".to_owned(),
        port: Some(port),
        class: "scan".to_owned(),
        packets,
        sources: Some(1),
        ..NetworkRow::default()
    }
}

/// Days of UTC that lie within four days in Japan: three, and three before these.
const BEFORE: [&str; 3] = ["2022-11-02", "2022-11-03", "2022-11-04"];
const NOW: [&str; 3] = ["2022-11-06", "2022-11-07", "2022-11-08"];

/// Writes the same networks on every day of a side.
fn write_networks(root: &Path, days: &[&str], rows: &[NetworkRow]) {
    for sensor in SENSORS {
        let writer = Writer::open(root, sensor).unwrap();
        for day in days {
            let begins = Day(day.parse().unwrap()).begins();
            writer
                .write(begins, &mut rows.to_vec(), &Existing::Refuse)
                .unwrap();
        }
    }
}

fn with_networks(world: &World) -> tempfile::TempDir {
    let days = [
        "2022-11-01",
        "2022-11-02",
        "2022-11-03",
        "2022-11-04",
        "2022-11-05",
        "2022-11-06",
        "2022-11-07",
        "2022-11-08",
    ];
    let directory = copy(world, &TABLES, &days, &SENSORS);
    let rest = NetworkRow {
        transport: "tcp".to_owned(),
        class: "scan".to_owned(),
        other: true,
        packets: 1_000_000,
        ..NetworkRow::default()
    };
    let backscatter = NetworkRow {
        class: "backscatter".to_owned(),
        ..network("162.142.125.0/24", None, "US", 80, 5_000)
    };
    let censys = network("162.142.125.0/24", Some(398_324), "US", 22, 10);
    write_networks(
        directory.path(),
        &BEFORE,
        &[
            rest.clone(),
            censys.clone(),
            network("192.0.2.0/24", None, "LT", 40_404, 1),
        ],
    );
    write_networks(
        directory.path(),
        &NOW,
        &[
            rest,
            backscatter,
            NetworkRow {
                packets: 20,
                ..censys.clone()
            },
            network("162.142.125.0/24", Some(398_324), "US", 443, 4),
            // Two networks of one system made the surge of these days.
            network("192.0.2.0/24", Some(64_500), "LT", 40_404, 150),
            network("198.51.100.0/24", Some(64_500), "LT", 40_404, 50),
        ],
    );
    directory
}

fn four_days() -> teiten_report::analysis::Request {
    let mut request = request();
    request.period = period::range(date(2022, 11, 6), date(2022, 11, 9)).unwrap();
    request
}

fn research(world: &World) {
    let directory = with_networks(world);
    let list = directory.path().join("research.toml");
    let text = "[[scanner]]\nname = \"example\"\nsource = \"its page\"\nnetworks = [\"198.51.100.0/24\"]\n";
    fs::write(&list, text).unwrap();
    let mut request = four_days();
    request.lists = Lists::read(None, Some(&list)).unwrap();
    let report = report(directory.path(), &request).unwrap();
    let found = report.research.as_ref().unwrap();
    // Two sensors, three days.
    assert_eq!(
        (found.packets.before, found.packets.after),
        (60, 6 * (20 + 4 + 50))
    );
    let scanners: Vec<_> = found
        .scanners
        .iter()
        .map(|scanner| {
            (
                scanner.name.as_str(),
                scanner.packets.before,
                scanner.packets.after,
            )
        })
        .collect();
    assert_eq!(scanners, [("example", 0, 300), ("censys", 60, 144)]);
    let of_22 = found.ports.iter().find(|port| port.key.number == 22).unwrap();
    let all = report.ports.rows.iter().find(|row| row.key.number == 22).unwrap();
    assert_eq!(of_22.packets.after, 120);
    #[expect(
        clippy::cast_precision_loss,
        reason = "the same arithmetic as a person would do"
    )]
    let share = 120.0 / all.packets.after as f64;
    assert!((of_22.share.after.unwrap() - share).abs() < 1e-12);
    let [japanese, english] = checked_pages(&report, "research");
    assert!(japanese.contains("調査目的") && english.contains("censys"));
    request.lists = Lists::default();
    assert!(
        super::report(directory.path(), &request)
            .unwrap()
            .research
            .is_none()
    );
}

fn networks(world: &World) {
    let directory = with_networks(world);
    let mut request = four_days();
    let found = |report: &Report| {
        let explanations = report.explanations.iter();
        let lithuania = Key::SourceRegion(Region("LT".to_owned()));
        explanations
            .filter(|found| found.subject == lithuania && found.span == Span::Periods)
            .flat_map(|found| found.causes.clone())
            .find(|cause| matches!(cause.cell, Cell::Network(_)))
    };
    let report = report(directory.path(), &request).unwrap();
    let cause = found(&report).expect("a network");
    assert_eq!(cause.cell, Cell::Network("AS64500".to_owned()));
    assert!((cause.rate.before - 0.0).abs() < 1e-9);
    assert!((cause.rate.after - 200.0).abs() < 1e-9, "{}", cause.rate.after);
    assert!(cause.share > 0.5, "{}", cause.share);
    let [japanese, english] = checked_pages(&report, "networks");
    for page in [japanese, english] {
        assert!(page.contains("AS64500"));
    }
    request.networks = false;
    assert!(found(&super::report(directory.path(), &request).unwrap()).is_none());
}

fn surge_sources(world: &World) {
    let (_, found) = surge(&world.report);
    assert_eq!(found, None, "without sketches");
    // The burst begins on 7 November in Japan: hours of its second day, each with half of the sources of the one before.
    let october = (24..=31).map(|day| format!("2022-10-{day}"));
    let days: Vec<String> = october
        .chain((1..=9).map(|day| format!("2022-11-{day:02}")))
        .collect();
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    let directory = copy(world, &TABLES, &days, &SENSORS);
    let key = SourceKey::public();
    for (sensor, offset) in SENSORS.into_iter().zip([0, 100]) {
        let writer = Writer::open(directory.path(), sensor).unwrap();
        for hour in 0..8_u32 {
            let time = Day(date(2022, 11, 8)).begins() + i64::from(hour) * 3_600;
            let mut sketch = Distinct::default();
            for number in 0..200 {
                let address = Address::v4(0x0a00_0000 + offset + hour * 100 + number);
                sketch.insert(key.hash(address).coupon());
            }
            let row = |dimension: &str, transport: Option<&str>, port| UniqueRow {
                hour: Micros::from_seconds(time),
                dimension: dimension.to_owned(),
                transport: transport.map(str::to_owned),
                port,
                family: "hll".to_owned(),
                sketch: sketch.to_bytes(),
                key_id: key.id().to_owned(),
                ..UniqueRow::default()
            };
            let mut rows = vec![
                row("all", None, None),
                row("port", Some("tcp"), Some(40_404)),
                row("port", Some("udp"), Some(40_404)),
            ];
            rows[2].sketch = Distinct::default().to_bytes();
            writer.write(time, &mut rows, &Existing::Refuse).unwrap();
        }
    }
    let mut request = request();
    request.period = period::range(date(2022, 10, 25), date(2022, 11, 9)).unwrap();
    let report = report(directory.path(), &request).unwrap();
    let (at, sources) = surge(&report);
    // Addresses 0 to 899 on the one sensor, and 100 to 999 on the other.
    let sources = sources.expect("an estimate");
    assert!((sources / 1_000.0 - 1.0).abs() < 0.02, "{sources} at {at}");
    checked_pages(&report, "surges");
}

/// When the planted burst was found to begin, and its sources.
fn surge(report: &Report) -> (&str, Option<f64>) {
    let port = Key::Port("40404/tcp".parse().unwrap());
    let surge = report.surges.iter().find(|surge| surge.subject == port).unwrap();
    (&surge.from, surge.sources)
}
