//! Damaged files are refused or read, and never bring the reader down.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use teiten::region::{RegionError, RegionSources, RegionTable};

use super::numbers::Numbers;
use super::reference::Reference;
use sensor_lab::mmdb::{Value, Writer, circle, country, knot};

type Load = fn(&Path, &[u8]) -> Result<RegionTable, RegionError>;

/// Writes and loads a file, and tries a table that comes out of it.
fn load(path: &Path, bytes: &[u8]) -> Result<RegionTable, RegionError> {
    load_as(path, bytes, None)
}

/// As [`load`], and reads the file as a database of autonomous systems besides.
fn load_twice(path: &Path, bytes: &[u8]) -> Result<RegionTable, RegionError> {
    load_as(path, bytes, Some(path.into()))
}

fn load_as(path: &Path, bytes: &[u8], systems: Option<PathBuf>) -> Result<RegionTable, RegionError> {
    // A file that is overwritten, not made anew, is flushed to the disk by some file systems.
    let _may_be_missing = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
    let sources = RegionSources {
        regions: vec![path.into()],
        systems,
    };
    let loaded = RegionTable::load(&sources);
    match &loaded {
        Ok(table) => {
            for address in [
                "1.2.3.4",
                "8.8.8.8",
                "255.255.255.255",
                "::",
                "2a00::1",
                "2a01:1:2:3::4",
            ] {
                let address: IpAddr = address.parse().unwrap();
                let _any_number = table.asn_ip(address);
                assert!(
                    table
                        .lookup_ip(address)
                        .code()
                        .bytes()
                        .all(|byte| byte.is_ascii_uppercase())
                );
            }
        }
        Err(error) => {
            let message = error.to_string();
            assert!(
                !message.contains(char::is_control) && message.len() < 1000,
                "{message}"
            );
        }
    }
    loaded
}

fn small_text() -> Vec<u8> {
    let reference = Reference::random(&mut Numbers(21), 40);
    reference.text(true, true).into_bytes()
}

fn small_mmdb() -> Vec<u8> {
    let reference = Reference::random(&mut Numbers(22), 12);
    reference.mmdb(28, |code| {
        Value::Map(vec![
            (
                "country",
                Value::Map(vec![
                    ("iso_code", Value::text(code)),
                    ("geoname_id", Value::Number(7)),
                ]),
            ),
            ("autonomous_system_number", Value::Number(64_496)),
            (
                "registered_country",
                Value::Map(vec![("iso_code", Value::text(code))]),
            ),
        ])
    })
}

#[test]
fn a_text_cut_anywhere_but_between_lines_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("database");
    let text = small_text();
    assert!(load(&path, &text).is_ok());
    let header = text.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for cut in 0..text.len() {
        let whole_lines = cut > header && text[cut - 1] == b'\n';
        assert_eq!(load(&path, &text[..cut]).is_ok(), whole_lines, "cut at {cut}");
    }
}

#[test]
fn an_mmdb_file_cut_anywhere_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("database");
    let bytes = small_mmdb();
    assert!(load(&path, &bytes).is_ok());
    for cut in 0..bytes.len() {
        assert!(
            load(&path, &bytes[..cut]).is_err(),
            "cut at {cut} of {}",
            bytes.len()
        );
    }
}

#[test]
fn flipped_bits_are_refused_or_read_and_never_panic() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("database");
    let mut numbers = Numbers(23);
    let (text, mmdb) = (small_text(), small_mmdb());
    let cases: [(&[u8], Load); 2] = [(&text, load), (&mmdb, load_twice)];
    for (whole, load) in cases {
        assert!(load(&path, whole).is_ok());
        let (mut refused, mut read) = (0, 0);
        for _ in 0..1_500 {
            let mut bytes = whole.to_vec();
            for _ in 0..=numbers.below(3) {
                let place = numbers.below(bytes.len());
                bytes[place] ^= 1 << numbers.below(8);
            }
            match load(&path, &bytes) {
                Ok(_) => read += 1,
                Err(_) => refused += 1,
            }
        }
        // Both must occur, or the flips missed what they are for.
        assert!(refused > 100 && read > 10, "{refused} refused, {read} read");
    }
}

#[test]
fn replaced_metadata_and_records_are_refused_or_read_and_never_panic() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("database");
    let whole = small_mmdb();
    // Every octet from the data section on, where sizes, types and pointers are.
    let marker = whole
        .windows(3)
        .rposition(|window| window == b"\xab\xcd\xef")
        .unwrap();
    for place in marker - 120..whole.len() {
        for octet in [0x00, 0x1f, 0x20, 0x3f, 0xe5, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] = octet;
            let _either = load_twice(&path, &bytes);
        }
    }
}

#[test]
fn a_tree_with_more_ways_than_time_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("database");
    let started = Instant::now();
    for bytes in [knot(128), knot(64), circle()] {
        let error = load(&path, &bytes).unwrap_err();
        assert!(matches!(error, RegionError::Damaged { .. }), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(5));
    // Sharing as real databases do it is fine.
    assert!(load(&path, &knot(3)).is_ok());
}

#[test]
fn a_tree_of_single_addresses_at_the_full_depth_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(6, 32);
    for step in 0..2_000_u128 {
        let address = 0x2a00 << 112 | step << 2;
        writer.add_v6(
            address,
            address,
            &country(["JP", "US"][usize::from(step % 2 == 1)]),
        );
    }
    let table = load(&directory.path().join("database"), &writer.bytes()).unwrap();
    assert_eq!(table.lookup_ip("2a00::8".parse().unwrap()).code(), "JP");
    assert_eq!(table.lookup_ip("2a00::4".parse().unwrap()).code(), "US");
    assert_eq!(table.lookup_ip("2a00::5".parse().unwrap()).code(), "ZZ");
}
