//! Unique sources: merged over days and sensors, never added up.

use std::ops::Range;

use jiff::civil::date;
use sensor_common::Address;
use sensor_records::{Day, Existing, Writer, rows::DailyUniqueRow};
use sensor_sketch::{Distinct, OpenSet, SourceKey};
use teiten_report::{model::Measure, period};

use super::{Test, World, copies::copy, pages, report, request};

pub(crate) const TESTS: &[Test] = &[
    ("sources_seen_on_two_days_by_two_sensors_are_counted_once", once),
    ("sketches_of_two_keys_give_no_estimate", two_keys),
];

const DAYS: [&str; 4] = ["2022-11-01", "2022-11-02", "2022-11-03", "2022-11-04"];
const SENSORS: [&str; 2] = ["synth-01", "synth-02"];

fn distinct(key: &SourceKey, of: Range<u32>) -> Vec<u8> {
    let mut sketch = Distinct::default();
    for number in of {
        sketch.insert(key.hash(Address::v4(0x0a00_0000 + number)).coupon());
    }
    sketch.to_bytes()
}

fn set(key: &SourceKey, of: Range<u32>) -> Vec<u8> {
    let mut sketch = OpenSet::default();
    for number in of {
        sketch.insert(key.hash(Address::v4(0x0a00_0000 + number)));
    }
    sketch.close().to_bytes()
}

fn row(
    key: &SourceKey,
    dimension: &str,
    region: Option<&str>,
    port: Option<i32>,
    sketch: Vec<u8>,
) -> DailyUniqueRow {
    DailyUniqueRow {
        dimension: dimension.to_owned(),
        transport: port.map(|_| "udp".to_owned()),
        port,
        source_region: region.map(str::to_owned),
        tool: None,
        other: false,
        family: if ["iot_syn", "marked"].contains(&dimension) {
            "theta"
        } else {
            "hll"
        }
        .to_owned(),
        sketch,
        estimate: 0.0,
        key_id: key.id().to_owned(),
        hours: 24,
    }
}

/// Four days of two sensors; on each, 1,000 sources, half of which were there the day before.
fn records(world: &World, keys: [&SourceKey; 2]) -> tempfile::TempDir {
    let tables = ["daily_cells", "coverage", "sensors", "cells"];
    let directory = copy(world, &tables, &DAYS, &SENSORS);
    for (sensor, key) in SENSORS.into_iter().zip(keys) {
        for (day, number) in DAYS.into_iter().zip(0_u32..) {
            let from = number * 500;
            let mut rows = vec![
                row(key, "all", None, None, distinct(key, from..from + 1_000)),
                row(key, "mirai", None, None, distinct(key, from..from + 200)),
                row(
                    key,
                    "mirai_region",
                    Some("JP"),
                    None,
                    distinct(key, from..from + 20),
                ),
                row(key, "port_region", Some("US"), Some(5_060), distinct(key, 0..50)),
                row(key, "iot_syn", None, None, set(key, 0..400)),
                row(key, "marked", None, None, set(key, 0..100)),
            ];
            let begins = Day(day.parse().unwrap()).begins();
            let writer = Writer::open(directory.path(), sensor).unwrap();
            writer.write(begins, &mut rows, &Existing::Refuse).unwrap();
        }
    }
    directory
}

fn asked() -> teiten_report::analysis::Request {
    let mut request = request();
    // Three whole days of UTC, from the second to the fourth, lie within.
    request.period = period::range(date(2022, 11, 2), date(2022, 11, 5)).unwrap();
    request.measure = Measure::Total;
    request
}

/// Estimates of sketches this small are good to 2 %.
fn about(estimate: Option<f64>, truth: f64) {
    let estimate = estimate.expect("an estimate");
    assert!(
        (estimate / truth - 1.0).abs() < 0.02,
        "{estimate} is not about {truth}"
    );
}

fn once(world: &World) {
    let key = SourceKey::public();
    let directory = records(world, [&key, &key]);
    let report = report(directory.path(), &asked()).unwrap();
    // Days of 500..1,500, 1,000..2,000 and 1,500..2,500.
    about(report.overview.sources.after, 2_000.0);
    about(report.mirai.sources.after, 600.0);
    about(report.mirai.domestic_sources.after, 60.0);
    about(report.mirai.unmarked_sources.after, 300.0);
    let daily = &report.mirai.daily_sources;
    let all = daily.lines.iter().find(|line| line.key == "all").unwrap();
    let second = daily.at.iter().position(|at| *at == date(2022, 11, 3)).unwrap();
    about(all.values[second], 200.0);
    let watched = &report.watched[0];
    let us = watched
        .source_regions
        .rows
        .iter()
        .find(|row| row.key.0 == "US")
        .unwrap();
    about(us.sources.after, 50.0);
    for language in pages::LANGUAGES {
        let page = pages::text(&pages::pages(&report, language), ".html");
        pages::check_numbers(&report, &page, "sources");
        assert!(page.contains("2,0") || page.contains("1,9"));
        assert!(page.contains("figure-mirai_daily_sources"));
    }
}

fn two_keys(world: &World) {
    let (public, other) = (SourceKey::public(), SourceKey::new([7; 16]));
    let directory = records(world, [&public, &other]);
    let report = report(directory.path(), &asked()).unwrap();
    assert_eq!(report.overview.sources.after, None);
    assert!(report.mirai.daily_sources.lines.is_empty());
}
