//! The lists of `docs/definitions.md` and the keys of `docs/snapshot.md` against the code.

use std::collections::BTreeSet;

use sensor_common::{Class, Outcome, class::UDP_REPLY_PORTS};
use serde_json::Value;
use teiten::export::budget::Limits;

use crate::{
    page::{first_cells, text},
    state::flooded,
};

const DEFINITIONS: &str = "docs/definitions.md";

/// The part of a page under a heading, up to the next of the same depth.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n{heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

#[test]
fn every_outcome_is_defined_in_the_order_of_the_numbers() {
    let page = text(DEFINITIONS);
    let defined: Vec<_> = first_cells(section(&page, "## Outcomes")).collect();
    assert_eq!(defined, Outcome::ALL.map(Outcome::name));
}

#[test]
fn every_class_is_defined() {
    let page = text(DEFINITIONS);
    let defined: Vec<_> = first_cells(section(&page, "## Classes")).collect();
    assert_eq!(defined, Class::ALL.map(Class::name));
}

#[test]
fn the_icmp_types_of_each_class_are_those_that_are_written() {
    let page = text(DEFINITIONS);
    for (column, of) in [(4, Class::of_icmp as fn(u8) -> Class), (5, Class::of_icmpv6)] {
        for class in [Class::Scan, Class::Backscatter] {
            let row = format!("| `{}` |", class.name());
            let line = section(&page, "## Classes")
                .lines()
                .find(|line| line.starts_with(&row))
                .unwrap();
            let written = numbers(line.split('|').nth(column).unwrap());
            let decided: BTreeSet<_> = (0..=u8::MAX)
                .filter(|kind| of(*kind) == class)
                .map(u16::from)
                .collect();
            assert_eq!(written, decided, "{line}");
        }
    }
}

#[test]
fn the_ports_of_udp_replies_are_those_that_are_written() {
    let page = text(DEFINITIONS);
    let (_, rest) = page.split_once("port of 1024 or above: ").unwrap();
    let (list, _) = rest.split_once('.').unwrap();
    assert_eq!(numbers(list), BTreeSet::from(UDP_REPLY_PORTS));
}

/// Numbers between commas, and ranges such as `1 to 4`.
fn numbers(written: &str) -> BTreeSet<u16> {
    let mut all = BTreeSet::new();
    for range in written.split(',').map(str::trim) {
        let (first, last) = range.split_once(" to ").unwrap_or((range, range));
        all.extend(first.parse::<u16>().unwrap()..=last.parse().unwrap());
    }
    all
}

#[test]
fn every_key_of_the_snapshot_is_described() {
    let state = flooded(
        &Limits {
            listed_ports: 16,
            interfaces: 1,
            region_files: 0,
        },
        1,
    );
    let page = text("docs/snapshot.md");
    let written: BTreeSet<_> = code_words(&page).collect();
    let snapshot = serde_json::to_value(&state.snapshot).unwrap();
    let mut keys = BTreeSet::new();
    collect_keys(&snapshot, &mut keys);
    assert!(keys.len() > 30, "{keys:?}");
    for key in keys {
        assert!(
            written.contains(key.as_str()),
            "docs/snapshot.md does not describe `{key}`"
        );
    }
    // The first table is the object itself, key by key.
    let described: BTreeSet<_> = first_cells(page.split("\n`conservation`:").next().unwrap()).collect();
    let there: BTreeSet<_> = snapshot.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(described, there);
}

/// What stands between backquotes.
fn code_words(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

/// The keys of objects and of the rows of lists, but not those of outcomes, classes and interfaces: they are values.
fn collect_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                keys.insert(key.clone());
                if !["outcomes", "classes", "interfaces"].contains(&key.as_str()) {
                    collect_keys(value, keys);
                }
            }
        }
        Value::Array(rows) => rows.iter().for_each(|row| collect_keys(row, keys)),
        _ => {}
    }
}
