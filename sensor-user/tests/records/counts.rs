//! Packets by service, region and hour, by source, and in sum.

use std::{collections::BTreeMap, fs};

use sensor_lab::scenario::Service;
use sensor_records::{
    Table,
    rows::{CellRow, CoverageRow, DailyCellRow, SourceRow},
    verify,
};

use crate::support::{HOURS, capture, count, replay, rows};

/// What a cell is about, as the truth says it.
fn service(protocol: Option<i32>, class: &str, port: Option<i32>) -> Service {
    let class = sensor_common::Class::ALL
        .into_iter()
        .find(|known| known.name() == class);
    Service {
        protocol: protocol.unwrap().try_into().unwrap(),
        class: class.unwrap(),
        port: port.unwrap().try_into().unwrap(),
    }
}

#[test]
fn cells_sources_and_coverage_are_what_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sent.pcap");
    let (truth, by_hour) = capture(&file);
    let replayed = replay(folder.path(), std::slice::from_ref(&file)).unwrap();
    assert!(replayed.errors.is_empty());
    let root = folder.path().join("records");
    assert!(verify(&root).unwrap().faults.is_empty());

    let cells: Vec<CellRow> = rows(&root);
    let mut services: BTreeMap<(Service, String), u64> = BTreeMap::new();
    let mut hours: BTreeMap<i64, u64> = BTreeMap::new();
    for cell in &cells {
        let region = cell.source_region.clone().unwrap();
        // The truth knows three regions; to the table the others are bogons or unknown.
        let region = if ["ZZ", "XB"].contains(&region.as_str()) {
            String::new()
        } else {
            region
        };
        let service = service(cell.protocol, &cell.class, cell.port);
        *services.entry((service, region)).or_default() += count(cell.packets);
        *hours.entry(cell.hour.0 / 1_000_000).or_default() += count(cell.packets);
    }
    let sent: BTreeMap<_, _> = truth
        .service_regions()
        .into_iter()
        .map(|((service, region), packets)| ((service, region.to_owned()), packets.packets))
        .collect();
    assert!(
        sent.len() > 1_000,
        "{} services and regions say little",
        sent.len()
    );
    assert_eq!(services, sent);
    assert_eq!(hours, by_hour);
    assert_eq!(hours.len(), usize::try_from(HOURS).unwrap());

    let sources: Vec<SourceRow> = rows(&root);
    assert_eq!(
        sources.iter().map(|row| count(row.packets)).sum::<u64>(),
        truth.observed()
    );
    let distinct: std::collections::BTreeSet<_> = sources
        .iter()
        .filter_map(|row| row.source.clone())
        .filter(|source| !source.contains(':'))
        .collect();
    assert_eq!(distinct.len(), truth.sources());

    let coverage: Vec<CoverageRow> = rows(&root);
    for (place, packets) in truth.outcomes.iter().enumerate() {
        let written: i64 = coverage.iter().map(|row| row.outcome.0[place]).sum();
        assert_eq!(
            count(written),
            *packets,
            "{}",
            sensor_common::Outcome::ALL[place].name()
        );
    }
    assert!(
        coverage
            .iter()
            .all(|row| row.recorded == row.observed && row.watched_addresses == 256)
    );
    // What the snapshot says of the same run.
    assert_eq!(
        replayed.snapshot.seen,
        coverage.iter().map(|row| count(row.seen)).sum::<u64>()
    );

    let days: Vec<DailyCellRow> = rows(&root);
    assert_eq!(
        days.iter().map(|row| count(row.packets)).sum::<u64>(),
        truth.observed()
    );
    assert!(days.len() < cells.len());
    assert_eq!(
        fs::read_dir(root.join(Table::DailyCells.name())).unwrap().count(),
        2
    );
}

#[test]
fn a_second_replay_into_the_same_records_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sent.pcap");
    capture(&file);
    replay(folder.path(), std::slice::from_ref(&file)).unwrap();
    let root = folder.path().join("records");
    let before = verify(&root).unwrap();
    let refused = replay(folder.path(), std::slice::from_ref(&file)).unwrap_err();
    assert!(refused.to_string().contains("never written over"), "{refused:#}");
    assert_eq!(verify(&root).unwrap(), before);
}
