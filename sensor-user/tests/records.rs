//! Records of a replay against the truth of whoever made the packets: by service, region and hour, by source, in sum.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufWriter, Write as _},
    net::Ipv4Addr,
    path::Path,
    sync::Arc,
    time::Duration,
};

use sensor_lab::{
    pcap,
    scenario::{Plan, RegionPool, Scenario, Service, Truth},
};
use sensor_records::{
    Manifest, Place, Row, Table, read_rows,
    rows::{CellRow, CoverageRow, DailyCellRow, SourceRow},
    verify,
};
use teiten::{
    region::{RegionSources, RegionTable},
    replay::{Replay, Replayed},
};

/// 2022-12-02 21:00 UTC: three hours of the evening, and three of the day after.
const BEGIN: u64 = 1_670_014_800;
const HOURS: u64 = 6;
const FRAMES: u64 = 40_000;

fn pools() -> Vec<RegionPool> {
    let pool = |region: &str, first: [u8; 4], last: [u8; 4]| RegionPool {
        region: region.to_owned(),
        ranges: vec![(Ipv4Addr::from(first), Ipv4Addr::from(last))],
    };
    // By address, as the database has to be.
    vec![
        pool("US", [8, 0, 0, 0], [8, 255, 255, 255]),
        pool("CN", [36, 0, 0, 0], [36, 63, 255, 255]),
        pool("JP", [133, 0, 0, 0], [133, 255, 255, 255]),
    ]
}

fn regions(folder: &Path) -> Arc<RegionTable> {
    let path = folder.join("geoip");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    for pool in pools() {
        for (first, last) in pool.ranges {
            writeln!(file, "{},{},{}", first.to_bits(), last.to_bits(), pool.region).unwrap();
        }
    }
    file.into_inner().unwrap().sync_all().unwrap();
    let sources = RegionSources {
        regions: vec![path],
        systems: None,
    };
    Arc::new(RegionTable::load(&sources).unwrap())
}

/// Frames in equal steps of time over the hours, and how many packets are observed in each hour.
fn capture(path: &Path) -> (Truth, BTreeMap<i64, u64>) {
    let mut plan = Plan::new(8, FRAMES, vec!["198.51.100.0/24".parse().unwrap()]);
    plan.regions = pools();
    let mut scenario = Scenario::new(&plan).unwrap();
    let mut writer =
        pcap::Writer::begin(BufWriter::new(File::create(path).unwrap()), pcap::ETHERNET).unwrap();
    let mut hours = BTreeMap::new();
    let mut buffer = Vec::new();
    let mut frame = 0;
    let mut before = 0;
    while scenario.next_into(&mut buffer) {
        let time = BEGIN + frame * HOURS * 3_600 / FRAMES;
        writer.frame(Duration::from_secs(time), &buffer).unwrap();
        let observed = scenario.truth().observed();
        *hours
            .entry(i64::try_from(time / 3_600 * 3_600).unwrap())
            .or_default() += observed - before;
        (before, frame) = (observed, frame + 1);
    }
    writer.finish().unwrap();
    (scenario.truth().clone(), hours)
}

fn replay(folder: &Path, capture: &Path) -> anyhow::Result<Replayed> {
    Replay {
        files: vec![capture.to_owned()],
        watch: vec!["198.51.100.0/24".parse()?],
        regions: regions(folder),
        sensor: "lab".to_owned(),
        records: Some(folder.join("records")),
    }
    .run()
}

fn rows<R: Row>(root: &Path) -> Vec<R> {
    let mut rows = Vec::new();
    let folder = root.join(R::TABLE.name());
    for date in fs::read_dir(folder).unwrap() {
        for file in fs::read_dir(date.unwrap().path().join("sensor=lab")).unwrap() {
            let path = file.unwrap().path();
            let place = Place::parse(path.strip_prefix(root).unwrap()).unwrap();
            let manifest = Manifest::read(root, place.day, "lab").unwrap();
            assert!(manifest.files.contains_key(&place), "{place}");
            rows.extend(read_rows::<R>(&path).unwrap());
        }
    }
    rows
}

fn count(packets: i64) -> u64 {
    u64::try_from(packets).unwrap()
}

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
    let replayed = replay(folder.path(), &file).unwrap();
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
    replay(folder.path(), &file).unwrap();
    let root = folder.path().join("records");
    let before = verify(&root).unwrap();
    let refused = replay(folder.path(), &file).unwrap_err();
    assert!(refused.to_string().contains("never written over"), "{refused:#}");
    assert_eq!(verify(&root).unwrap(), before);
}
