//! Sketches of unique sources: by hour, as many as there were.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use sensor_lab::pcap;
use sensor_records::rows::{CoverageRow, DailyUniqueRow, SourceRow, UniqueRow};
use teiten::{capture::Capture, pipeline::snapshot::Snapshot, replay::Replayed};

use crate::support::{BEGIN, HOURS, capture, replay, rows};

/// What a row is about.
type Key = (
    String,
    Option<String>,
    Option<i32>,
    Option<String>,
    Option<String>,
);

fn key(row: &UniqueRow) -> Key {
    (
        row.dimension.clone(),
        row.transport.clone(),
        row.port,
        row.source_region.clone(),
        row.tool.clone(),
    )
}

/// The rows of the hour that begins so many hours after the first.
fn of_hour(uniques: &[UniqueRow], number: u64) -> BTreeMap<Key, &UniqueRow> {
    let hour = i64::try_from((BEGIN + number * 3_600) * 1_000_000).unwrap();
    let rows = uniques.iter().filter(|row| row.hour.0 == hour);
    rows.map(|row| (key(row), row)).collect()
}

/// All that the snapshot says of sources, under the names of the table.
fn of_snapshot(snapshot: &Snapshot) -> BTreeMap<Key, u64> {
    let mut found = BTreeMap::new();
    let all = &snapshot.unique_sources;
    for (name, sources) in [
        ("all", all.all),
        ("mirai", all.mirai),
        ("iot_syn", all.iot_port_syn),
    ] {
        found.insert((name.to_owned(), None, None, None, None), sources);
    }
    for row in &snapshot.source_regions {
        let region = Some(row.source_region.clone());
        found.extend(
            row.sources
                .map(|sources| (("region".to_owned(), None, None, region, None), sources)),
        );
    }
    for row in &snapshot.port_regions {
        let (transport, port) = (Some(row.transport.clone()), Some(i32::from(row.port)));
        let region = Some(row.source_region.clone());
        let key = ("port_region".to_owned(), transport, port, region, None);
        found.extend(row.sources.map(|sources| (key, sources)));
    }
    for row in &snapshot.tools {
        let key = (
            format!("tool_{}", row.certainty),
            None,
            None,
            None,
            Some(row.tool.clone()),
        );
        found.extend(row.sources.map(|sources| (key, sources)));
    }
    found
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "estimates of some thousand"
)]
fn whole(estimate: f64) -> u64 {
    estimate.round() as u64
}

#[test]
fn the_last_hour_has_the_sources_that_the_pipeline_itself_saw_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sent.pcap");
    capture(&file);
    // It ends within the last ten minutes of an hour, so what slides is just that hour.
    let replayed = replay(folder.path(), &[file]).unwrap();
    let uniques: Vec<UniqueRow> = rows(&folder.path().join("records"));
    let last = of_hour(&uniques, HOURS - 1);
    let expected = of_snapshot(&replayed.snapshot);
    assert!(expected.len() > 40, "{} rows say little", expected.len());
    for (key, sources) in &expected {
        let Some(row) = last.get(key) else {
            assert_eq!(*sources, 0, "{key:?}");
            continue;
        };
        assert_eq!(whole(row.estimate), *sources, "{key:?}");
        assert_eq!(row.key_id, replayed.snapshot.unique_sources.key_id);
    }
    // Those of ports stand in the snapshot's ports by destination, which have more than scans in them.
    assert!(last.keys().any(|(dimension, ..)| dimension == "port"));
}

#[test]
fn every_hour_and_the_day_have_about_as_many_sources_as_there_were() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sent.pcap");
    capture(&file);
    replay(folder.path(), &[file]).unwrap();
    let root = folder.path().join("records");
    let uniques: Vec<UniqueRow> = rows(&root);
    let mut exact: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for row in rows::<SourceRow>(&root) {
        exact.entry(row.hour.0).or_default().extend(row.source);
    }
    assert_eq!(exact.len(), usize::try_from(HOURS).unwrap());
    let about = |estimate: f64, sources: &BTreeSet<String>| {
        let exact = f64::from(u32::try_from(sources.len()).unwrap());
        // Five standard errors of a sketch of 2^14 registers.
        assert!(
            (estimate / exact - 1.0).abs() < 5.0 * 0.0081,
            "{estimate} of {exact}"
        );
    };
    for (hour, sources) in &exact {
        let all: Vec<_> = uniques
            .iter()
            .filter(|row| row.hour.0 == *hour && row.dimension == "all")
            .collect();
        assert_eq!(all.len(), 1);
        about(all[0].estimate, sources);
    }
    let midnight = i64::try_from((BEGIN + 3 * 3_600) * 1_000_000).unwrap();
    let mut days: Vec<f64> = rows::<DailyUniqueRow>(&root)
        .into_iter()
        .filter(|row| row.dimension == "all" && row.hours == 3)
        .map(|row| row.estimate)
        .collect();
    let mut expected = [BTreeSet::new(), BTreeSet::new()];
    for (hour, sources) in exact {
        expected[usize::from(hour >= midnight)].extend(sources);
    }
    assert_eq!(days.len(), 2);
    days.sort_by(f64::total_cmp);
    expected.sort_by_key(BTreeSet::len);
    for (estimate, sources) in days.into_iter().zip(&expected) {
        about(estimate, sources);
    }
    assert!(
        rows::<CoverageRow>(&root)
            .iter()
            .all(|row| row.uniques_seconds == Some(row.seconds_observed))
    );
}

/// Puts the frames of a capture, from one to another, into a file of their own.
fn cut(from: &Path, to: &Path, frames: std::ops::Range<usize>) {
    let mut capture = Capture::open(from).unwrap();
    let file = std::fs::File::create(to).unwrap();
    let mut writer = pcap::Writer::begin(std::io::BufWriter::new(file), pcap::ETHERNET).unwrap();
    for number in 0..frames.end {
        let frame = capture.next().unwrap().unwrap();
        if number >= frames.start {
            let time = u64::try_from(frame.timestamp.unwrap().nanoseconds()).unwrap();
            writer
                .frame(std::time::Duration::from_nanos(time), frame.bytes)
                .unwrap();
        }
    }
    writer.finish().unwrap();
}

#[test]
fn captures_in_any_order_give_the_same_sources() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sent.pcap");
    capture(&file);
    // Cut in the middle of hours, and the newest first.
    let parts: Vec<_> = [(0, 11_000), (11_000, 26_000), (26_000, 40_000)]
        .into_iter()
        .map(|(from, to)| {
            let part = folder.path().join(format!("{from}.pcap"));
            cut(&file, &part, from..to);
            part
        })
        .collect();
    let estimates = |name: &str, files: &[std::path::PathBuf]| -> BTreeMap<(u64, Key), u64> {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let Replayed { errors, .. } = replay(&folder, files).unwrap();
        assert!(errors.is_empty());
        let uniques: Vec<UniqueRow> = rows(&folder.join("records"));
        // Whether a mark is sure already depends on what came before.
        let plain = |row: &&UniqueRow| row.tool.is_none() && row.dimension != "marked";
        uniques
            .iter()
            .filter(plain)
            .map(|row| {
                (
                    (u64::try_from(row.hour.0).unwrap(), key(row)),
                    row.estimate.to_bits(),
                )
            })
            .collect()
    };
    let forwards = estimates("forwards", &[file]);
    assert!(forwards.len() > 200);
    let backwards = estimates(
        "backwards",
        &[parts[2].clone(), parts[1].clone(), parts[0].clone()],
    );
    assert_eq!(forwards.len(), backwards.len());
    for (key, estimate) in forwards {
        let (found, expected) = (f64::from_bits(backwards[&key]), f64::from_bits(estimate));
        assert!(
            (found / expected - 1.0).abs() < 1e-9,
            "{key:?}: {found} of {expected}"
        );
    }
}
