//! Look-ups agree with the whole of Debian's database, in both formats.
//!
//! Where the package `tor-geoipdb` is not installed the tests are reported as ignored, with the reason.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

#[path = "region/numbers.rs"]
mod numbers;
#[expect(dead_code, reason = "shared with the tests on small files")]
#[path = "region/reference.rs"]
mod reference;

use std::fs;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use maxminddb::Reader;
use sensor_lab::mmdb::country;
use teiten::region::{RegionSources, RegionTable};

use crate::numbers::Numbers;
use crate::reference::{Reference, answer, compare, random_addresses};

const RANDOM: usize = 1_000_000;

fn main() -> ExitCode {
    let trials = vec![
        trial("the_whole_text_gives_what_reading_it_line_by_line_gives", text),
        trial(
            "the_whole_text_as_an_mmdb_file_gives_what_its_own_reader_gives",
            mmdb_file,
        ),
        trial("addresses_of_known_places_are_found_there", known_places),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial(name: &'static str, check: fn(&RegionSources)) -> Trial {
    Trial::ignorable_test(name, move || {
        let sources = RegionSources::debian();
        match sources.regions.iter().find(|path| !path.is_file()) {
            None => {
                check(&sources);
                Ok(Completion::Completed)
            }
            Some(path) => {
                let reason = format!("{} is missing: apt-get install tor-geoipdb", path.display());
                println!("skipped: {reason}");
                Ok::<_, Failed>(Completion::ignored_with(reason))
            }
        }
    })
}

fn read(sources: &RegionSources) -> Reference {
    let mut reference = Reference::default();
    for path in &sources.regions {
        reference.read(&fs::read_to_string(path).unwrap());
    }
    assert!(reference.v4.len() > 100_000 && reference.v6.len() > 50_000);
    reference
}

fn text(sources: &RegionSources) {
    let table = RegionTable::load(sources).unwrap();
    let reference = read(sources);
    let ranges = reference.v4.len() + reference.v6.len();
    let code = |address| reference.code(address);
    let edges = compare(&table, reference.edges(), code);
    assert!(edges > 4 * ranges - 4, "{edges} edges of {ranges} ranges");
    let mut numbers = Numbers(31);
    let random = random_addresses(&mut numbers, &reference, RANDOM);
    assert_eq!(compare(&table, random, code), 2 * RANDOM);
    let info = table.info();
    assert_eq!(info.regions[0].ranges_v4, reference.v4.len() as u64);
    assert_eq!(info.regions[1].ranges_v6, reference.v6.len() as u64);
}

fn mmdb_file(sources: &RegionSources) {
    let reference = read(sources);
    let bytes = reference.mmdb(28, country);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("database");
    fs::write(&path, &bytes).unwrap();
    let table = RegionTable::load(&RegionSources {
        regions: vec![path],
        systems: None,
    })
    .unwrap();
    let reader = Reader::from_source(bytes.as_slice()).unwrap();
    let code = |address| answer(&reader, address);
    compare(&table, reference.edges(), code);
    let mut numbers = Numbers(32);
    let random = random_addresses(&mut numbers, &reference, RANDOM);
    assert_eq!(compare(&table, random, code), 2 * RANDOM);
}

fn known_places(sources: &RegionSources) {
    let table = RegionTable::load(sources).unwrap();
    for (address, code) in [
        ("133.11.0.1", "JP"),
        ("8.8.8.8", "US"),
        ("193.0.6.139", "NL"),
        ("192.0.2.1", "XB"),
        ("2001:db8::1", "XB"),
    ] {
        assert_eq!(
            table.lookup_ip(address.parse().unwrap()).code(),
            code,
            "{address}"
        );
    }
}
