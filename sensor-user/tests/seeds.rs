//! What fuzzing begins with is well-formed: a seed that its reader refuses at once leads nowhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{collections::BTreeSet, fs, io::Cursor, path::Path};

use sensor_lab::seeds;
use teiten::{
    capture::Capture,
    pipeline::decode::{Entry, next_entry},
    region::{RegionError, RegionSources, RegionTable},
};

/// The seeds of one target by name.
fn seeds_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut seeds: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect();
    seeds.sort();
    seeds
}

#[test]
fn every_seed_is_read_to_its_end_by_its_reader() {
    let folder = tempfile::tempdir().unwrap();
    let files = seeds::write(folder.path()).unwrap();
    let of = |target| seeds_of(&folder.path().join(target));
    let (captures, records, regions) = (of("capture"), of("records"), of("regions"));
    let others = of("classifier").len() + of("payloads").len();
    assert_eq!(files, others + captures.len() + records.len() + regions.len());

    let mut links = BTreeSet::new();
    for (name, bytes) in captures {
        let mut capture = Capture::from_reader(&name, Cursor::new(bytes)).unwrap();
        let mut frames = 0;
        while let Some(frame) = capture.next().unwrap() {
            links.insert(format!("{:?}", frame.link));
            frames += 1;
        }
        // In pcapng each frame stands in every kind of block.
        let expected = if name.contains("pcapng") { 9 } else { 3 };
        assert_eq!(frames, expected, "{name}");
    }
    assert_eq!(links.len(), 8, "{links:?}");

    let mut markers = 0;
    for (name, bytes) in records {
        let mut rest = bytes.as_slice();
        while let Some(entry) = next_entry(&mut rest) {
            match entry {
                Entry::Record(record) => {
                    assert!(
                        sensor_common::record::FlowKind::unpack(record.key.kind).is_some(),
                        "{name}"
                    );
                }
                Entry::Marker(_) => markers += 1,
            }
        }
        assert!(rest.is_empty(), "{name}");
    }
    assert!(markers > 5);

    for (name, _) in regions {
        let database = folder.path().join("regions").join(&name);
        let countries = folder.path().join("regions/seed-text-both");
        let systems = name.contains("-system-") || name.contains("-asn-");
        let sources = RegionSources {
            regions: vec![if systems { countries } else { database.clone() }],
            systems: systems.then_some(database),
        };
        let loaded = RegionTable::load(&sources);
        if name.contains("empty") {
            // Read to its end as well: only there can it be known that nothing is in it.
            assert!(matches!(loaded, Err(RegionError::Nothing { .. })), "{name}");
        } else {
            let table = loaded.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(table.info().region_count > 0, "{name}");
        }
    }
}
