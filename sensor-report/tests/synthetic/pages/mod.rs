//! The pages: every number is in a table, causes are told with the right figures, and nothing is loaded.

mod browser;
mod html;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use jiff::civil::date;
use teiten_report::{
    model::{Cell, Key, Region, Report, Span},
    page::{self, File, Language},
    period,
};

pub(crate) use self::browser::{NAMES as BROWSER_NAMES, agrees};
use self::html::{Text, texts};
use super::{Test, World, report, request, truth};

pub(crate) const TESTS: &[Test] = &[
    ("every_number_of_a_page_is_in_a_table", numbers),
    (
        "alternative_texts_tell_what_the_tables_of_figures_hold",
        alternatives,
    ),
    (
        "causes_are_told_in_both_languages_with_the_figures_of_the_truth",
        causes,
    ),
    ("a_page_loads_nothing_and_runs_nothing", self_contained),
    ("one_day_is_a_digest_with_bars", one_day),
    ("a_page_without_a_period_before_compares_nothing", no_previous),
    ("notes_stand_in_their_sections_and_events_on_the_figures", notes),
    ("markdown_has_the_same_figures_as_the_page", markdown),
];

pub(crate) const LANGUAGES: [Language; 2] = [Language::Japanese, Language::English];

/// The pages of a report in a language, without notes.
pub(crate) fn pages(report: &Report, language: Language) -> Vec<File> {
    page::pages(report, language, Path::new("/nonexistent")).unwrap()
}

/// A file's text by the end of its path.
pub(crate) fn text(files: &[File], ending: &str) -> String {
    let file = files
        .iter()
        .find(|file| file.path.to_string_lossy().ends_with(ending))
        .unwrap_or_else(|| panic!("no {ending}"));
    String::from_utf8(file.bytes.clone()).unwrap()
}

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

fn check_numbers(report: &Report, page: &str, what: &str) -> usize {
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

fn numbers(world: &World) {
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

fn alternatives(world: &World) {
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

/// Everything that is told of ports and regions, as a reader sees it but for the spaces.
fn stories(page: &[Text]) -> String {
    let told: Vec<&str> = page
        .iter()
        .filter(|text| text.is_in_class("story"))
        .map(|text| text.text.as_str())
        .collect();
    told.concat().replace([' ', '\n', ','], "")
}

fn percent(share: f64) -> String {
    if (0.995..1.0).contains(&share) {
        format!("{:.1}%", share * 100.0)
    } else {
        format!("{:.0}%", share * 100.0)
    }
}

/// The share of Korea's loss that 445/TCP is, over the sensors in both quarters, worked out of the truth.
fn share_of_445(world: &World) -> f64 {
    let rate = |period: &sensor_synth::PeriodTruth, packets: fn(&sensor_synth::SensorTruth) -> u64| {
        let sensors: Vec<_> = ["synth-01", "synth-02"]
            .iter()
            .map(|id| &period.sensors[*id])
            .collect();
        truth::rate(&sensors, packets)
    };
    let change = |packets| rate(&world.truth.later, packets) - rate(&world.truth.earlier, packets);
    change(|sensor| truth::cell(sensor, "KR", "445/tcp")) / change(|sensor| truth::regions(sensor)["KR"])
}

fn causes(world: &World) {
    let share = percent(share_of_445(world));
    let december = truth::of_days(&world.truth.later, "US", &[(0, 61), (61, 92)]);
    let decline = truth::of_days(&world.truth.later, "CN", &[(0, 10), (82, 92)]);
    let tenths = ((1.0 - decline[1] / decline[0]) * 10.0).round();
    for language in LANGUAGES {
        let told = stories(&texts(&text(&pages(&world.report, language), ".html")));
        let has = |japanese: String, english: String| {
            let wanted = if language == Language::Japanese {
                japanese
            } else {
                english
            };
            assert!(
                told.contains(&wanted.replace([' ', ','], "")),
                "{wanted} in {told}"
            );
        };
        has(
            "韓国は前期の5位から".to_owned(),
            "South Korea fell from rank 5".to_owned(),
        );
        has(format!("減少分の{share}"), format!("{share} of the fall"));
        has(
            format!(
                "12月に入って米国からのパケットが増加しました（それまでの平均{:.0}に対し{:.0}",
                december[0], december[1]
            ),
            format!(
                "In December packets from the United States rose (from an average of {:.0} until then to {:.0}",
                december[0], december[1]
            ),
        );
        has(
            "これは81/TCP宛のパケットが増加したことが要因です".to_owned(),
            "The cause is 81/TCP, which went from".to_owned(),
        );
        has(
            format!("中国からのパケットは、期初と比べて期末には（10日間平均で）約{tenths:.0}割減"),
            format!(
                "the average from China fell by {}",
                percent(1.0 - decline[1] / decline[0])
            ),
        );
        has(
            "センサーの追加（Sensor 03）によるもの".to_owned(),
            "sensors that were added (Sensor 03)".to_owned(),
        );
        has(
            "ロシアからカザフスタンに分類が変わった".to_owned(),
            "counts packets as of Kazakhstan that were of Russia".to_owned(),
        );
        has(
            "1個の送信元によるもの".to_owned(),
            "It was made by 1 source".to_owned(),
        );
    }
    // What is held against the truth above is what the report holds.
    let korea = world.report.explanations.iter().find(|found| {
        found.subject == Key::SourceRegion(Region("KR".to_owned())) && found.span == Span::Periods
    });
    assert!(matches!(&korea.unwrap().causes[0].cell, Cell::Port(port) if port.number == 445));
}

fn self_contained(world: &World) {
    for language in LANGUAGES {
        let files = pages(&world.report, language);
        let page = text(&files, ".html");
        for wrong in [
            "<script", "<img", "<link", "src=", "@import", "url(", "<iframe", "<object",
        ] {
            assert!(!page.contains(wrong), "{wrong}");
        }
        for part in page.split("href=\"").skip(1) {
            assert!(part.starts_with("csv/"), "{part:.40}");
        }
        assert!(page.contains("default-src 'none'"));
        let namespace = "http://www.w3.org/2000/svg";
        assert!(
            !page.replace(namespace, "").contains("://"),
            "an address that might be loaded"
        );
        // Ids are of one element each, and what labels a figure is there.
        let ids: Vec<_> = page
            .split(" id=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        for labels in page.split("aria-labelledby=\"").skip(1) {
            for label in labels.split('"').next().unwrap().split(' ') {
                assert!(ids.contains(&label), "{label}");
            }
        }
    }
}

fn one_day(world: &World) {
    let mut request = request();
    request.period = period::range(date(2022, 11, 8), date(2022, 11, 8)).unwrap();
    request.top = 5;
    request.months = false;
    let report = report(world.directory.path(), &request).unwrap();
    for language in LANGUAGES {
        let files = pages(&report, language);
        let page = text(&files, ".html");
        check_numbers(&report, &page, "day");
        assert!(page.contains("class=\"digest\""));
        assert!(
            files
                .iter()
                .any(|file| file.path.ends_with(format!("ports.{}.svg", language.tag())))
        );
        assert!(
            !files
                .iter()
                .any(|file| file.path.to_string_lossy().contains("daily"))
        );
    }
}

fn no_previous(world: &World) {
    let mut request = request();
    request.period = period::range(date(2022, 7, 2), date(2022, 9, 20)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for table in ["daily_cells", "coverage", "sensors"] {
        for day in ["2022-08-02", "2022-08-03"] {
            let place = format!("{table}/date={day}/sensor=synth-01");
            fs::create_dir_all(directory.path().join(&place)).unwrap();
            for file in fs::read_dir(world.directory.path().join(&place))
                .unwrap()
                .map(Result::unwrap)
            {
                fs::copy(file.path(), directory.path().join(&place).join(file.file_name())).unwrap();
            }
        }
    }
    let report = report(directory.path(), &request).unwrap();
    for language in LANGUAGES {
        let page = text(&pages(&report, language), ".html");
        check_numbers(&report, &page, "no previous");
        let said = if language == Language::Japanese {
            "前期との比較はありません"
        } else {
            "nothing is compared with it"
        };
        assert!(page.contains(said));
    }
}

fn notes(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("ports.ja.md", "**ここ**に所見。<script>alert(1)</script>\n");
    write("ports.md", "A *finding*.\n");
    write("publisher.md", "Published by nobody.\n");
    write("references.md", "1. [IANA](https://www.iana.org/)\n");
    write(
        "events.csv",
        "date,ja,en\n2022-11-07,単一の送信元,a single source\n2022-12-01,81/TCP,81/TCP\n",
    );
    let pages = |language| page::pages(&world.report, language, folder.path()).unwrap();
    let (japanese, english) = (pages(Language::Japanese), pages(Language::English));
    let page = text(&japanese, ".html");
    assert!(page.contains("<strong>ここ</strong>") && !page.contains("<script"));
    assert!(text(&english, ".html").contains("<em>finding</em>"));
    assert!(text(&english, ".html").contains("Published by nobody."));
    assert!(text(&japanese, ".md").contains("**ここ**に所見"));
    for (files, words) in [(&japanese, "単一の送信元"), (&english, "a single source")] {
        let tag = if words.is_ascii() { "en" } else { "ja" };
        assert!(text(files, &format!("ports_daily.{tag}.svg")).contains(words));
        texts(&text(files, ".html"));
    }
    write("events.csv", "date,text\nsoon,nothing\n");
    let error = page::pages(&world.report, Language::English, folder.path()).unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}

fn markdown(world: &World) {
    for language in LANGUAGES {
        let files = pages(&world.report, language);
        let page = text(&files, ".md");
        let shown: BTreeSet<String> = texts(&text(&files, ".html"))
            .into_iter()
            .filter(|text| text.around.last().unwrap().name == "data")
            .map(|text| text.text)
            .collect();
        // Markdown leaves out the sides and the law's terms; what it has of ranks and causes is the same.
        for row in &world.report.ports.rows {
            assert!(page.contains(&row.key.to_string()), "{}", row.key);
        }
        let missing: Vec<_> = shown
            .iter()
            .filter(|number| !page.contains(number.as_str()))
            .collect();
        assert!(missing.len() * 4 < shown.len(), "{missing:?}");
        assert!(!page.contains("<data") && !page.contains("undefined"));
        for figure in page.split("](figures/").skip(1) {
            let path = figure.split(')').next().unwrap();
            assert!(
                files
                    .iter()
                    .any(|file| file.path == Path::new("figures").join(path)),
                "{path}"
            );
        }
    }
}
