//! Numbers of pages: each stands in a table, and is rounded as it should be.

use std::collections::{BTreeMap, BTreeSet};

use teiten_report::{
    model::Report,
    page::{self, Language},
};

use super::{LANGUAGES, World, html::texts, pages, text};

/// Fields of every table.
fn fields(report: &Report) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    for file in page::tables(report) {
        let text = String::from_utf8(file.bytes).unwrap();
        for line in text.lines().skip(1) {
            fields.extend(line.split(',').map(|field| field.trim_matches('"').to_owned()));
        }
    }
    fields
}

/// Constants of the rules, which are no figures of a period.
const CONSTANTS: [&str; 12] = [
    "10日間",
    "トップ10",
    "Top 10",
    "23、2323、37215、52869、5555、7547、8080、81、60023/TCP",
    "23, 2323, 37215, 52869, 5555, 7547, 8080, 81 and 60023/TCP",
    "1センサー",
    "1アドレス",
    "1日あたり",
    "1時間ごと",
    "100% に近い",
    "報告書",
    "A4",
];

pub(crate) fn check_numbers(report: &Report, page: &str, what: &str) -> usize {
    let fields = fields(report);
    let mut numbers = 0;
    for found in texts(page) {
        let inner = found.around.last().unwrap();
        if inner.name == "data" {
            let value = inner.attribute("value").unwrap();
            assert!(
                fields.contains(&value),
                "{what}: {value} ({}) is in no table",
                found.text
            );
            check_rounding(&value, &found.text);
            numbers += 1;
            continue;
        }
        let is_other = ["svg", "style", "title"].iter().any(|name| found.is_in(name))
            || ["port", "region", "time", "name", "number", "rules", "note"]
                .iter()
                .any(|class| found.is_in_class(class));
        if is_other {
            continue;
        }
        let mut left = found.text.clone();
        for constant in CONSTANTS {
            left = left.replace(constant, "");
        }
        assert!(
            !left.contains(|character: char| character.is_numeric()),
            "{what}: a number that is no figure: {left:?}"
        );
    }
    numbers
}

/// What is shown is the value to as many digits as are shown, as itself or as percent, or a time.
fn check_rounding(value: &str, shown: &str) {
    let value: f64 = value.parse().unwrap();
    let plain: String = shown
        .chars()
        .filter(|character| character.is_ascii_digit() || *character == '.')
        .collect();
    if shown.chars().any(char::is_alphabetic) || shown.starts_with(['<', '>']) {
        return;
    }
    let number: f64 = plain.parse().unwrap();
    let scale = if shown.ends_with('%') { 100.0 } else { 1.0 };
    let digits = plain.split_once('.').map_or(0, |(_, digits)| digits.len());
    let mut unit = 10_f64.powi(-i32::try_from(digits).unwrap());
    if value.fract() != 0.0 && number >= 1_000.0 && plain.ends_with('0') {
        unit = number / 100.0;
    }
    assert!(
        (value.abs() * scale - number).abs() <= unit * 0.500_001,
        "{shown} is not {value}"
    );
}

pub(super) fn numbers(world: &World) {
    for language in LANGUAGES {
        let files = pages(&world.report, language);
        let numbers = check_numbers(&world.report, &text(&files, ".html"), language.tag());
        assert!(numbers > 300, "{numbers}");
    }
}

/// Numbers of a text, without their commas.
fn numbers_in(text: &str) -> Vec<String> {
    let mut numbers = vec![String::new()];
    for character in text.chars() {
        match character {
            '0'..='9' | '.' => numbers.last_mut().unwrap().push(character),
            ',' => {}
            _ => numbers.push(String::new()),
        }
    }
    numbers.retain(|number| number.contains(|digit: char| digit.is_ascii_digit()));
    numbers
}

pub(super) fn alternatives(world: &World) {
    let tables: BTreeMap<String, String> = page::tables(&world.report)
        .into_iter()
        .map(|file| {
            let name = file.path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, String::from_utf8(file.bytes).unwrap())
        })
        .collect();
    let files = pages(&world.report, Language::English);
    let figures: Vec<_> = files
        .iter()
        .filter(|file| file.path.extension().is_some_and(|ending| ending == "svg"))
        .collect();
    assert!(figures.len() >= 6, "{}", figures.len());
    for figure in figures {
        let name = figure.path.file_name().unwrap().to_string_lossy();
        let table = &tables[name.split('.').next().unwrap()];
        let values: Vec<f64> = table
            .lines()
            .skip(1)
            .flat_map(|line| line.split(',').skip(1))
            .filter_map(|field| field.parse().ok())
            .collect();
        let svg = String::from_utf8(figure.bytes.clone()).unwrap();
        let texts = texts(&svg);
        let alt = texts
            .iter()
            .find(|text| text.is_in("desc"))
            .expect("an alternative text");
        let mut lines = 0;
        for line in alt.text.split(": at most ").skip(1) {
            let (most, rest) = line.split_once(" (").unwrap();
            let (_, rest) = rest.split_once("first ").unwrap();
            let (first, rest) = rest.split_once(", last ").unwrap();
            let last = rest.split(". ").next().unwrap();
            for shown in [most, first, last] {
                let number = numbers_in(shown).concat();
                let number = number.trim_end_matches('.');
                let digits = number.split_once('.').map_or(0, |(_, digits)| digits.len());
                let half = 0.5 * 10_f64.powi(-i32::try_from(digits).unwrap());
                let number: f64 = number.parse().unwrap();
                assert!(
                    shown.starts_with('<')
                        || values
                            .iter()
                            .any(|value| (value - number).abs() <= half * 1.000_001),
                    "{name}: {shown}"
                );
            }
            lines += 1;
        }
        assert!(lines > 0, "{name}: {}", alt.text);
    }
}
