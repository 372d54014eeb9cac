//! Floods within the caps: every sum stays exact through the rest.

use std::sync::Arc;

use sensor_common::Address;
use sensor_keep::{Caps, FoldedPorts, HOUR, Keeper, Settings};
use sensor_records::{
    rows::{CellRow, CoverageRow, DailyCellRow, DailyUniqueRow, NetworkRow, SourceRow, UniqueRow},
    verify,
};
use sensor_sketch::{Distinct, SourceKey};

use crate::support::{BEGIN, cell, interval, rows, settings, source};

fn small(root: &std::path::Path) -> Settings {
    Settings {
        caps: Caps {
            cells: 100,
            sources: 200,
            source_rows: 64,
            folded_ports: 70_000,
            uniques: 10,
        },
        ..settings(root)
    }
}

#[test]
fn a_spoofed_flood_stays_within_the_caps_and_no_packet_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let mut keeper = Keeper::open(small(root), Arc::default()).unwrap();
    let mut sent = 0;
    // Each round has sources and cells of its own, and some that were there before.
    for round in 0..5 {
        let cells: Vec<_> = (0..60).map(|port| cell(round * 40 + port, 3)).collect();
        let sources: Vec<_> = (0..150)
            .map(|host| source(&format!("192.0.{}.{host}", round / 2), 23, 2, BEGIN))
            .collect();
        sent += 60 * 3;
        keeper.commit(&interval(BEGIN, cells, sources), BEGIN).unwrap();
    }
    keeper.maintain(BEGIN + HOUR + 60).unwrap();
    let cells: Vec<CellRow> = rows(root);
    assert_eq!(cells.iter().map(|row| row.packets).sum::<i64>(), sent);
    assert_eq!(cells.iter().map(|row| row.bytes).sum::<i64>(), sent * 40);
    assert_eq!(cells.iter().filter(|row| !row.other).count(), 100);
    let sources: Vec<SourceRow> = rows(root);
    assert_eq!(sources.iter().map(|row| row.packets).sum::<i64>(), 5 * 150 * 2);
    assert_eq!(sources.iter().filter(|row| !row.other).count(), 200);
    let rest: Vec<_> = sources.iter().filter(|row| row.other).collect();
    assert_eq!(rest.len(), 1);
    assert_eq!(
        (rest[0].source.as_deref(), rest[0].first_destination.as_deref()),
        (None, None)
    );
    let coverage: Vec<CoverageRow> = rows(root);
    assert_eq!(coverage.len(), 1);
    assert_eq!((coverage[0].recorded, coverage[0].observed), (sent, sent));
    // Sixty ports of the first round, forty of the second; then 180, 220, … less what was there.
    let other: i64 = cells.iter().filter(|row| row.other).map(|row| row.packets).sum();
    assert_eq!(
        (coverage[0].cells_other, coverage[0].sources_other),
        (other, rest[0].packets)
    );
    assert!(verify(root).unwrap().faults.is_empty());
}

#[test]
fn a_scanner_of_65535_ports_is_64_rows_and_one_that_counts_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let mut keeper = Keeper::open(small(root), Arc::default()).unwrap();
    // Two rounds over all ports: what is folded twice is one port still.
    for _ in 0..2 {
        for block in 0..8 {
            let ports = (block * 8_192).max(1)..(block + 1) * 8_192;
            let scans: Vec<_> = ports.map(|port| source("192.0.2.1", port, 1, BEGIN)).collect();
            keeper.commit(&interval(BEGIN, vec![], scans), BEGIN).unwrap();
        }
    }
    // The pipeline folds as well, before this.
    let folded = SourceRow {
        folded: true,
        port: None,
        tools: Some(1),
        ..source("192.0.2.1", 0, 10, BEGIN)
    };
    let mut again = interval(BEGIN, vec![], vec![folded]);
    again.hours[0].folded_ports.push(FoldedPorts {
        source: "192.0.2.1".to_owned(),
        transport: "tcp".to_owned(),
        class: "scan".to_owned(),
        ports: vec![0, 65_535],
    });
    keeper.commit(&again, BEGIN).unwrap();
    keeper.close_all().unwrap();
    let sources: Vec<SourceRow> = rows(root);
    assert_eq!(sources.len(), 65);
    assert_eq!(
        sources.iter().map(|row| row.packets).sum::<i64>(),
        2 * 65_535 + 10
    );
    let folded: Vec<_> = sources.iter().filter(|row| row.folded).collect();
    assert_eq!(folded.len(), 1);
    assert_eq!(
        (folded[0].ports, folded[0].tools),
        (Some(65_535 - 64 + 1), Some(1))
    );
    assert_eq!((folded[0].port, folded[0].protocol), (None, None));
}

#[test]
fn ports_that_are_not_all_remembered_are_not_counted() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let mut settings = small(root);
    settings.caps.folded_ports = 100;
    let mut keeper = Keeper::open(settings, Arc::default()).unwrap();
    let scans: Vec<_> = (0..1_000)
        .map(|port| source("192.0.2.1", port, 1, BEGIN))
        .collect();
    keeper.commit(&interval(BEGIN, vec![], scans), BEGIN).unwrap();
    keeper.close_all().unwrap();
    let sources: Vec<SourceRow> = rows(root);
    let folded: Vec<_> = sources.iter().filter(|row| row.folded).collect();
    assert_eq!((folded[0].packets, folded[0].ports), (936, None));
}

#[test]
fn the_first_packet_stays_whole_whichever_interval_brings_it() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let mut keeper = Keeper::open(small(root), Arc::default()).unwrap();
    for (seen, ttl) in [(20, 1), (10, 2), (30, 3)] {
        let row = SourceRow {
            first_ttl: Some(ttl),
            destination_bits: 1 << ttl,
            ..source("2001:db8::1", 23, 1, BEGIN + seen)
        };
        keeper
            .commit(&interval(BEGIN, vec![cell(23, 1)], vec![row]), BEGIN)
            .unwrap();
    }
    keeper.close_all().unwrap();
    let sources: Vec<SourceRow> = rows(root);
    assert_eq!(sources.len(), 1);
    let row = &sources[0];
    assert_eq!(
        (row.first_ttl, row.destination_bits, row.packets),
        (Some(2), 0b1110, 3)
    );
    let seconds = |micros: sensor_records::Micros| micros.0 / 1_000_000 - BEGIN;
    assert_eq!((seconds(row.first_seen), seconds(row.last_seen)), (10, 30));
    let cells: Vec<CellRow> = rows(root);
    assert_eq!(cells[0].largest_source_packets, Some(3));
}

/// A sketch of one port's sources.
fn unique(key: &SourceKey, port: i32, hosts: std::ops::Range<u32>) -> UniqueRow {
    let mut sketch = Distinct::default();
    for host in hosts {
        sketch.insert(key.hash(Address::v4(0x0a00_0000 + host)).coupon());
    }
    UniqueRow {
        dimension: "port".to_owned(),
        transport: Some("tcp".to_owned()),
        port: Some(port),
        family: "hll".to_owned(),
        key_id: key.id().to_owned(),
        sketch: sketch.to_bytes(),
        ..UniqueRow::default()
    }
}

#[test]
fn a_flood_over_ports_keeps_every_sum_and_every_source_in_the_rests_of_all_tables() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let key = SourceKey::public();
    let mut keeper = Keeper::open(small(root), Arc::default()).unwrap();
    // 300 ports in six rounds over two hours, each from ten sources of its own and with a sketch of these.
    let mut sent = 0;
    for round in 0..6 {
        let hour = BEGIN + i64::from(round / 3) * HOUR;
        let ports = round * 50..round * 50 + 50;
        let cells: Vec<_> = ports.clone().map(|port| cell(port, 10)).collect();
        sent += 50 * 10;
        let sources: Vec<_> = ports
            .clone()
            .flat_map(|port| {
                (0..10).map(move |host| {
                    source(&format!("10.{}.{}.{host}", port / 256, port % 256), port, 1, hour)
                })
            })
            .collect();
        let mut next = interval(hour, cells, sources);
        next.hours[0].uniques = ports
            .map(|port| {
                let first = u32::try_from(port).unwrap() * 10;
                unique(&key, port, first..first + 10)
            })
            .collect();
        keeper.commit(&next, hour).unwrap();
    }
    keeper.close_all().unwrap();
    for (table, packets) in [
        (
            "cells",
            rows::<CellRow>(root).iter().map(|row| row.packets).sum::<i64>(),
        ),
        (
            "sources",
            rows::<SourceRow>(root).iter().map(|row| row.packets).sum(),
        ),
        (
            "daily_cells",
            rows::<DailyCellRow>(root).iter().map(|row| row.packets).sum(),
        ),
        (
            "networks",
            rows::<NetworkRow>(root).iter().map(|row| row.packets).sum(),
        ),
        (
            "coverage",
            rows::<CoverageRow>(root).iter().map(|row| row.recorded).sum(),
        ),
    ] {
        assert_eq!(packets, sent, "{table}");
    }
    let near = |estimate: f64, truth: f64| (estimate / truth - 1.0).abs() < 0.05;
    let uniques: Vec<UniqueRow> = rows(root);
    for hour in [BEGIN, BEGIN + HOUR] {
        let of_hour = || uniques.iter().filter(|row| row.hour.0 == hour * 1_000_000);
        assert_eq!(of_hour().filter(|row| !row.other).count(), 10);
        assert!(
            of_hour()
                .filter(|row| !row.other)
                .all(|row| near(row.estimate, 10.0))
        );
        // 140 of the 150 ports of the hour have no row: their sources are in the dimension's rest, each once.
        let rest: Vec<_> = of_hour().filter(|row| row.other).collect();
        assert_eq!((rest.len(), rest[0].port), (1, None));
        assert!(near(rest[0].estimate, 1_400.0), "{}", rest[0].estimate);
    }
    let coverage: Vec<CoverageRow> = rows(root);
    let (kept, other): (i64, i64) = coverage
        .iter()
        .map(|row| (row.uniques_rows, row.uniques_other))
        .fold((0, 0), |sums, row| (sums.0 + row.0, sums.1 + row.1));
    assert_eq!(other, 280);
    assert!(kept >= 20, "{kept}");
    let days: Vec<DailyUniqueRow> = rows(root);
    let rest: Vec<_> = days.iter().filter(|row| row.other).collect();
    assert_eq!(rest.len(), 1);
    assert!(near(rest[0].estimate, 2_800.0), "{}", rest[0].estimate);
    assert!(verify(root).unwrap().faults.is_empty());
}
