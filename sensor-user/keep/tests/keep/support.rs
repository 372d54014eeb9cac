//! Rows to give, and sums to hold them against.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use sensor_keep::{Addition, Interval, Keeper, Settings, Status};
use sensor_records::{
    Manifest, Micros, Place, Row, Table, read_rows,
    rows::{CellRow, CoverageRow, SourceRow},
};

/// 2022-12-02 00:00 UTC.
pub const BEGIN: i64 = 1_669_939_200;

pub fn settings(root: &Path) -> Settings {
    Settings {
        min_free: 0,
        ..Settings::new(root.to_owned(), "a".to_owned())
    }
}

pub fn open(root: &Path) -> Keeper {
    Keeper::open(settings(root), Arc::new(Status::default())).unwrap()
}

pub fn cell(port: i32, packets: i64) -> CellRow {
    CellRow {
        transport: "tcp".to_owned(),
        protocol: Some(6),
        port: Some(port),
        class: "scan".to_owned(),
        source_region: Some("JP".to_owned()),
        tools: Some(0),
        packets,
        bytes: packets * 40,
        ..CellRow::default()
    }
}

pub fn source(address: &str, port: i32, packets: i64, seen: i64) -> SourceRow {
    SourceRow {
        source: Some(address.to_owned()),
        source_region: Some("JP".to_owned()),
        transport: "tcp".to_owned(),
        protocol: Some(6),
        port: Some(port),
        class: "scan".to_owned(),
        tools: Some(0),
        packets,
        bytes: packets * 40,
        first_seen: Micros::from_seconds(seen),
        last_seen: Micros::from_seconds(seen),
        first_destination: Some("198.51.100.1".to_owned()),
        tcp_flags: 2,
        ..SourceRow::default()
    }
}

pub fn interval(hour: i64, cells: Vec<CellRow>, sources: Vec<SourceRow>) -> Interval {
    let observed = cells.iter().map(|cell| cell.packets).sum();
    Interval {
        hours: vec![Addition {
            hour,
            cells,
            sources,
            coverage: CoverageRow {
                seconds_observed: 10.0,
                observed,
                ..CoverageRow::default()
            },
            ..Addition::default()
        }],
        reached: None,
    }
}

/// All rows of a table's listed files.
pub fn rows<R: Row>(root: &Path) -> Vec<R> {
    let mut rows = Vec::new();
    for path in files(root, R::TABLE) {
        rows.extend(read_rows::<R>(&path).unwrap());
    }
    rows
}

/// The files of a table, each of which its manifest lists.
pub fn files(root: &Path, table: Table) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(dates) = fs::read_dir(root.join(table.name())) else {
        return files;
    };
    for date in dates {
        for sensor in fs::read_dir(date.unwrap().path()).unwrap() {
            let mut manifest = None;
            for file in fs::read_dir(sensor.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let place = Place::parse(path.strip_prefix(root).unwrap()).unwrap();
                let manifest =
                    manifest.get_or_insert_with(|| Manifest::read(root, place.day, &place.sensor).unwrap());
                if manifest.files.contains_key(&place) {
                    files.push(path);
                }
            }
        }
    }
    files.sort();
    files
}
