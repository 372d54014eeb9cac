//! Files of records: what goes in comes out, and what is changed is found.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use sensor_records::{
    Existing, Fault, Micros, Place, RecordsError, Row, Table, Writer, read_rows,
    rows::{CellRow, CoverageRow, SensorRow, SourceRow},
    table_of_file, verify,
};

const HOUR: i64 = 1_669_993_200;

fn cell(port: i32, packets: i64) -> CellRow {
    CellRow {
        hour: Micros::from_seconds(HOUR),
        transport: "tcp".to_owned(),
        protocol: Some(6),
        port: Some(port),
        class: "scan".to_owned(),
        source_region: Some("JP".to_owned()),
        tools: Some(1),
        packets,
        bytes: packets * 40,
        largest_source_packets: Some(1),
        ..CellRow::default()
    }
}

fn cells(count: i32) -> Vec<CellRow> {
    (0..count).map(|port| cell(port, i64::from(port) + 1)).collect()
}

fn filled(root: &Path) -> Writer {
    let writer = Writer::open(root, "a").unwrap();
    for hour in 0..3 {
        writer
            .write(HOUR + hour * 3_600, &mut cells(20), &Existing::Refuse)
            .unwrap();
    }
    writer
}

fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn rows_come_back_as_they_went_sorted() {
    let directory = tempfile::tempdir().unwrap();
    let writer = Writer::open(directory.path(), "a").unwrap();
    let mut shuffled = vec![cell(3, 1), cell(1, 2), cell(2, 1 << 50)];
    shuffled.push(CellRow {
        other: true,
        protocol: None,
        port: None,
        source_region: None,
        tools: None,
        largest_source_packets: None,
        ..cell(0, 9)
    });
    let written = writer.write(HOUR, &mut shuffled, &Existing::Refuse).unwrap();
    assert_eq!(
        written.place.to_string(),
        "cells/date=2022-12-02/sensor=a/15.parquet"
    );
    let read: Vec<CellRow> = read_rows(&directory.path().join(written.place.path())).unwrap();
    let ports: Vec<_> = read.iter().map(|row| (row.port, row.packets)).collect();
    assert_eq!(ports, [(None, 9), (Some(1), 2), (Some(2), 1 << 50), (Some(3), 1)]);
    assert_eq!(read, shuffled);
}

#[test]
fn wide_rows_come_back_too() {
    let directory = tempfile::tempdir().unwrap();
    let writer = Writer::open(directory.path(), "a").unwrap();
    let mut coverage = CoverageRow {
        hour: Micros::from_seconds(HOUR),
        seconds_observed: 3_599.75,
        program_digest: "ab".to_owned(),
        region_database_built: Some(Micros(-5)),
        ..CoverageRow::default()
    };
    for (place, packets) in coverage.outcome.0.iter_mut().enumerate() {
        *packets = 1 << place;
    }
    let source = SourceRow {
        source: Some("192.0.2.1".to_owned()),
        first_seen: Micros(1),
        last_seen: Micros(2),
        destination_bits: -1,
        ..SourceRow::default()
    };
    let sensor = SensorRow {
        operator: Some("国".to_owned()),
        ..SensorRow::default()
    };
    let read = |written: sensor_records::Written| directory.path().join(written.place.path());
    let written = writer
        .write(HOUR, &mut [coverage.clone()], &Existing::Refuse)
        .unwrap();
    assert_eq!(read_rows::<CoverageRow>(&read(written)).unwrap(), [coverage]);
    let written = writer
        .write(HOUR, &mut [source.clone()], &Existing::Refuse)
        .unwrap();
    assert_eq!(read_rows::<SourceRow>(&read(written)).unwrap(), [source]);
    let written = writer
        .write(HOUR, &mut [sensor.clone()], &Existing::Refuse)
        .unwrap();
    assert_eq!(
        written.place.to_string(),
        "sensors/date=2022-12-02/sensor=a/day.parquet"
    );
    assert_eq!(read_rows::<SensorRow>(&read(written)).unwrap(), [sensor]);
}

/// The file of an hour's coverage has one row of more than sixty columns, and each column's meaning beside it.
#[test]
fn a_file_of_one_row_takes_little_more_than_what_is_said_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let writer = Writer::open(directory.path(), "a").unwrap();
    let coverage = CoverageRow {
        hour: Micros::from_seconds(HOUR),
        program_digest: "ab".repeat(32),
        ..CoverageRow::default()
    };
    let closing = Existing::SameClosingOrNextPart("0123456789abcdef".to_owned());
    let written = writer.write(HOUR, &mut [coverage.clone()], &closing).unwrap();
    let said: usize = CoverageRow::columns()
        .iter()
        .map(|column| column.documentation.len() + 2 * column.name.len())
        .sum();
    let plain = sensor_records::encode_rows(&[coverage]).unwrap().len();
    println!(
        "one row of coverage: {} bytes, {said} of them the columns' names and meanings; {plain} in the open hour",
        written.bytes
    );
    assert!(
        written.bytes < 20_000 && plain < 10_000,
        "{} {plain}",
        written.bytes
    );
}

#[test]
fn a_file_says_what_it_is_and_what_stands_in_its_columns() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let path = directory.path().join("cells/date=2022-12-02/sensor=a/15.parquet");
    let (table, metadata) = table_of_file(&path).unwrap();
    assert_eq!(table, Table::Cells);
    assert_eq!(metadata["teiten.schema_version"], "1");
    assert_eq!(metadata["teiten.sensor"], "a");
    assert_eq!(metadata["teiten.date"], "2022-12-02");
    for column in CellRow::columns() {
        let documentation = &metadata[&format!("teiten.column.{}", column.name)];
        assert!(documentation.ends_with('.'), "{}: {documentation}", column.name);
    }
}

#[test]
fn files_and_directories_are_their_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    filled(&directory.path().join("records"));
    for file in files(directory.path()) {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{}", file.display());
        let folder = fs::metadata(file.parent().unwrap()).unwrap().permissions().mode();
        assert_eq!(folder & 0o7777, 0o700, "{}", file.display());
    }
}

#[test]
fn what_is_there_is_not_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let writer = filled(directory.path());
    let again = writer.write(HOUR, &mut cells(5), &Existing::Refuse);
    assert!(matches!(again, Err(RecordsError::Exists(_))), "{again:?}");
    // Another closing of the same hour goes beside it; the same one again takes its own file's place.
    let closing = Existing::SameClosingOrNextPart("x".to_owned());
    for _ in 0..3 {
        let written = writer.write(HOUR, &mut cells(5), &closing).unwrap();
        assert_eq!(
            written.place.to_string(),
            "cells/date=2022-12-02/sensor=a/15-1.parquet"
        );
    }
    let verified = verify(directory.path()).unwrap();
    assert_eq!((verified.files, verified.faults.len()), (4, 0));
}

#[test]
fn writers_of_several_sensors_leave_each_other_alone() {
    let root = tempfile::tempdir().unwrap();
    let write = |sensor: &str| {
        for hour in 0..20 {
            // As a daemon does that is started anew.
            let writer = Writer::open(root.path(), sensor).unwrap();
            let written = writer.write(HOUR + hour * 3_600, &mut cells(20), &Existing::Refuse);
            written.unwrap();
        }
    };
    std::thread::scope(|scope| {
        for sensor in ["a", "b", "c", "d"] {
            scope.spawn(move || write(sensor));
        }
    });
    let verified = verify(root.path()).unwrap();
    assert!(verified.is_whole(), "{:?}", verified.faults);
    // The manifests list them, and are none of them.
    assert_eq!(verified.files, 80);
}

#[test]
fn a_file_whose_listing_was_cut_off_is_put_anew() {
    let directory = tempfile::tempdir().unwrap();
    let writer = filled(directory.path());
    // As after a crash between the file's renaming and the manifest's.
    fs::remove_dir_all(directory.path().join("manifest")).unwrap();
    let verified = verify(directory.path()).unwrap();
    assert_eq!((verified.files, verified.faults.len()), (0, 3));
    assert!(verified.is_whole());
    for hour in 0..3 {
        let closing = Existing::SameClosingOrNextPart(hour.to_string());
        writer
            .write(HOUR + hour * 3_600, &mut cells(20), &closing)
            .unwrap();
    }
    let verified = verify(directory.path()).unwrap();
    assert_eq!((verified.files, verified.faults.len()), (3, 0));
}

#[test]
fn a_removed_file_is_missed_by_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let writer = filled(directory.path());
    let place = Place::of(Table::Cells, "a", HOUR);
    assert!(writer.remove(&place, "retention").unwrap());
    assert!(!writer.remove(&place, "retention").unwrap());
    let verified = verify(directory.path()).unwrap();
    assert_eq!(
        (verified.files, verified.removed, verified.faults),
        (2, 1, vec![])
    );
}

#[test]
fn missing_unlisted_and_foreign_files_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let folder = directory.path().join("cells/date=2022-12-02/sensor=a");
    fs::rename(folder.join("15.parquet"), folder.join("01.parquet")).unwrap();
    fs::write(folder.join("notes.txt"), "").unwrap();
    let verified = verify(directory.path()).unwrap();
    let faults: Vec<_> = verified
        .faults
        .iter()
        .map(|(path, fault)| (path.file_name().unwrap().to_str().unwrap(), fault))
        .collect();
    assert_eq!(
        faults,
        [
            ("01.parquet", &Fault::Unlisted),
            ("15.parquet", &Fault::Missing),
            ("notes.txt", &Fault::Foreign),
        ]
    );
    assert!(!verified.is_whole());
}

/// Changes a file of a filled directory, and says whether exactly that change was found and the rest stays readable.
fn damage_is_found(root: &Path, path: &Path, original: &[u8], changed: &[u8]) {
    fs::write(path, changed).unwrap();
    let verified = verify(root).unwrap();
    fs::write(path, original).unwrap();
    let within = path.strip_prefix(root).unwrap();
    let found = verified.faults.iter().filter(|(_, fault)| fault.is_damage());
    let found: Vec<_> = found.map(|(path, _)| path.as_path()).collect();
    assert_eq!(found, [within]);
    // The other files are still vouched for, but for those that a damaged manifest listed.
    let whole = if within.starts_with("manifest") { 0 } else { 2 };
    assert_eq!(verified.files, whole);
}

#[test]
fn ten_thousand_flipped_bits_are_found_each() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    filled(root);
    let files = files(root);
    assert_eq!(files.len(), 4);
    let originals: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..10_000 {
        let number = round % files.len();
        let (path, original) = (&files[number], &originals[number]);
        let mut changed = original.clone();
        let bit = random.usize(0..changed.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        damage_is_found(root, path, original, &changed);
    }
    assert!(verify(root).unwrap().faults.is_empty());
}

#[test]
fn every_truncation_of_a_file_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    filled(root);
    let path = root.join("cells/date=2022-12-02/sensor=a/15.parquet");
    let original = fs::read(&path).unwrap();
    for end in 0..original.len() {
        damage_is_found(root, &path, &original, &original[..end]);
        // What is left of it gives no rows that never were.
        fs::write(&path, &original[..end]).unwrap();
        assert!(read_rows::<CellRow>(&path).is_err(), "cut at {end}");
        fs::write(&path, &original).unwrap();
    }
    assert!(original.len() > 1_000);
}
