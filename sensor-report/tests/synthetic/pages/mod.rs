//! The pages: every number is in a table, causes are told with the right figures, and nothing is loaded.

mod browser;
mod html;
mod numbers;
mod told;

use std::{collections::BTreeSet, fs, path::Path};

use jiff::civil::date;
use teiten_report::{
    model::Report,
    page::{self, File, Language},
    period,
};

use self::html::texts;
pub(crate) use self::{
    browser::{NAMES as BROWSER_NAMES, agrees},
    numbers::check_numbers,
};
use super::{Test, World, copies::copy, report, request};

pub(crate) const TESTS: &[Test] = &[
    ("every_number_of_a_page_is_in_a_table", numbers::numbers),
    (
        "alternative_texts_tell_what_the_tables_of_figures_hold",
        numbers::alternatives,
    ),
    (
        "causes_are_told_in_both_languages_with_the_figures_of_the_truth",
        told::causes,
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
    let directory = copy(
        world,
        &["daily_cells", "coverage", "sensors"],
        &["2022-08-02", "2022-08-03"],
        &["synth-01"],
    );
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
