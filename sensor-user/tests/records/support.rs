//! Captures whose truth is known, and what their replays wrote.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufWriter, Write as _},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sensor_lab::{
    pcap,
    scenario::{Plan, RegionPool, Scenario, Truth},
};
use sensor_records::{Manifest, Place, Row, read_rows};
use teiten::{
    region::{RegionSources, RegionTable},
    replay::{Replay, Replayed},
};

/// 2022-12-02 21:00 UTC: three hours of the evening, and three of the day after.
pub const BEGIN: u64 = 1_670_014_800;
pub const HOURS: u64 = 6;
pub const FRAMES: u64 = 40_000;

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

pub fn regions(folder: &Path) -> Arc<RegionTable> {
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
pub fn capture(path: &Path) -> (Truth, BTreeMap<i64, u64>) {
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

/// Replays captures into the records of a folder.
pub fn replay(folder: &Path, captures: &[PathBuf]) -> anyhow::Result<Replayed> {
    Replay {
        files: captures.to_vec(),
        watch: vec!["198.51.100.0/24".parse()?],
        regions: regions(folder),
        sensor: "lab".to_owned(),
        records: Some(folder.join("records")),
    }
    .run()
}

/// All rows of a table, each file of which its manifest lists.
pub fn rows<R: Row>(root: &Path) -> Vec<R> {
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

pub fn count(packets: i64) -> u64 {
    u64::try_from(packets).unwrap()
}
