//! What is not there, too little, or damaged: a report that says so, or an error that says what to do.

use std::fs;

use jiff::civil::date;
use sensor_common::Outcome;
use sensor_records::{
    Day, Existing, Micros, Writer,
    rows::{CellRow, CoverageRow},
};
use teiten_report::{
    analysis::{AnalysisError, Silent, analyse},
    model::{Measure, PreviousRank, SensorChoice},
    period::{self, Zone},
    store::Store,
};

use super::{Test, World, copies::copy, pages, report, request};

pub(crate) const TESTS: &[Test] = &[
    ("one_day_has_a_report_of_its_own", one_day),
    ("a_quarter_without_the_one_before_says_so", no_previous),
    (
        "a_time_without_records_is_an_error_that_says_what_there_is",
        nothing,
    ),
    ("a_zone_of_half_hours_is_an_error", half_hours),
    ("sensors_that_are_not_there_are_an_error", no_sensors),
    ("damaged_files_are_passed_over_and_named", damaged),
    (
        "a_directory_without_records_is_an_error_that_says_where_to_look",
        no_records,
    ),
    ("one_sensor_alone_has_a_report_by_every_measure", one_sensor),
    (
        "a_directory_that_is_half_written_gives_what_is_whole",
        half_written,
    ),
    (
        "regions_without_a_name_or_a_database_are_told_by_their_code",
        without_names,
    ),
];

const TABLES: [&str; 4] = ["daily_cells", "coverage", "sensors", "cells"];

fn one_day(world: &World) {
    let mut request = request();
    request.period = period::range(date(2022, 11, 3), date(2022, 11, 3)).unwrap();
    request.measure = Measure::Total;
    let report = report(world.directory.path(), &request).unwrap();
    let daily: u64 = super::truth::domestic(&world.truth.later)
        .iter()
        .flat_map(|sensor| sensor.daily.values())
        .map(|days| days[33])
        .sum();
    assert_eq!(report.overview.scans.after, daily);
    assert!(report.ports.rows.iter().all(|row| row.ten_days.is_none()));
}

fn no_previous(world: &World) {
    let mut request = request();
    request.period = period::quarter("2022Q3", 1).unwrap();
    // A copy that begins within the quarter.
    let directory = copy(
        world,
        &["daily_cells", "coverage", "sensors"],
        &["2022-08-02", "2022-08-03"],
        &["synth-01"],
    );
    let report = report(directory.path(), &request).unwrap();
    assert!(!report.has_previous);
    assert!(
        report
            .ports
            .rows
            .iter()
            .all(|row| row.previous_rank == PreviousRank::NoData)
    );
    assert!(report.coverage.membership.added.is_empty());
    assert_eq!(report.overview.sensors, 1);
}

fn nothing(world: &World) {
    let mut request = request();
    request.period = period::quarter("2021Q1", 1).unwrap();
    let error = report(world.directory.path(), &request).unwrap_err().to_string();
    assert!(
        error.contains("it has records from 2022-06-29 to 2023-01-01"),
        "{error}"
    );
}

fn half_hours(world: &World) {
    let mut request = request();
    request.zone = Zone::named("Asia/Kolkata").unwrap();
    let error = report(world.directory.path(), &request).unwrap_err().to_string();
    assert!(error.contains("whole number of hours"), "{error}");
}

fn no_sensors(world: &World) {
    let mut request = request();
    request.sensors = SensorChoice::Overseas;
    request.domestic = teiten_report::model::Region("DE".to_owned());
    // From Germany, those in Japan are overseas; from nowhere, all are.
    assert!(report(world.directory.path(), &request).is_ok());
    request.sensors = SensorChoice::Domestic;
    request.domestic = teiten_report::model::Region("FR".to_owned());
    let error = report(world.directory.path(), &request).unwrap_err();
    assert!(
        matches!(error, AnalysisError::NoSensor { sensors: 4, .. }),
        "{error}"
    );
}

fn damaged(world: &World) {
    let directory = copy(world, &TABLES, &["2022-11-02", "2022-11-03"], &["synth-01"]);
    let mut request = request();
    request.period = period::range(date(2022, 11, 3), date(2022, 11, 3)).unwrap();
    let store = Store::open(&directory.path().display().to_string()).unwrap();
    let hour = directory
        .path()
        .join("cells/date=2022-11-03/sensor=synth-01/03.parquet");
    let text = fs::read(&hour).unwrap();
    let cuts = [0, 1, 4, text.len() / 2, text.len() - 9, text.len() - 1];
    let noise = (0..text.len()).step_by(97).map(|at| {
        let mut changed = text.clone();
        changed[at] ^= 0xff;
        changed
    });
    for bytes in cuts.iter().map(|cut| text[..*cut].to_vec()).chain(noise) {
        let is_cut = bytes.len() < text.len();
        fs::write(&hour, bytes).unwrap();
        let analysed = analyse(&store, &request, &Silent).unwrap();
        if is_cut {
            assert_eq!(analysed.unreadable.len(), 1, "{:?}", analysed.unreadable);
            assert!(analysed.unreadable[0].place.to_string().ends_with("03.parquet"));
        }
    }
}

fn no_records(_: &World) {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().display().to_string();
    let open = |location: &str| Store::open(location).unwrap_err().to_string();
    assert!(open(&place).contains("holds no records"));
    assert!(open(&format!("{place}/nowhere")).contains("is no directory"));
    assert!(open("ftp://host/records").contains("s3://BUCKET/PREFIX"));
    // A sensor that has just been started has made the folders, and closed no hour yet.
    fs::create_dir_all(directory.path().join("cells/date=2022-11-03/sensor=a")).unwrap();
    let error = report(directory.path(), &request()).unwrap_err().to_string();
    assert!(error.contains("no records at all"), "{error}");
}

fn one_sensor(world: &World) {
    let days = ["2022-11-01", "2022-11-02", "2022-11-03", "2022-11-04"];
    let directory = copy(world, &TABLES, &days, &["synth-02"]);
    for measure in [Measure::Sensor, Measure::Address, Measure::Total, Measure::Median] {
        let mut request = request();
        request.period = period::range(date(2022, 11, 3), date(2022, 11, 4)).unwrap();
        request.measure = measure;
        let report = report(directory.path(), &request).unwrap();
        assert_eq!(report.overview.sensors, 1);
        assert!(report.overseas.is_none());
        let drawn: u64 = world.truth.later.sensors["synth-02"]
            .daily
            .values()
            .map(|days| days[33] + days[34])
            .sum();
        // Of the last day the hours from midnight in Japan on are in a day of UTC that is not there.
        assert!(report.overview.scans.after <= drawn && report.overview.scans.after * 2 > drawn);
        for language in pages::LANGUAGES {
            let page = pages::text(&pages::pages(&report, language), ".html");
            pages::check_numbers(&report, &page, "one sensor");
        }
    }
}

fn half_written(world: &World) {
    let days = ["2022-11-02", "2022-11-03"];
    let directory = copy(world, &TABLES, &days, &["synth-01", "synth-02"]);
    let root = directory.path();
    let mut request = request();
    request.period = period::range(date(2022, 11, 3), date(2022, 11, 3)).unwrap();
    request.measure = Measure::Total;
    let whole = report(root, &request).unwrap();
    // What stands beside whole files while these are written, and what a copy that was cut off leaves behind.
    for (path, text) in [
        (".aside/1.parquet", "PAR1"),
        (".open/synth-01.sqlite", ""),
        ("cells/date=2022-11-03/sensor=synth-01/05.parquet.part", "PAR1"),
        ("cells/date=2022-11-03/notes.txt", "?"),
        ("cells/date=soon/sensor=synth-01/05.parquet", "?"),
        ("daily_cells/date=2022-11-04/sensor=synth-01/.day.parquet.x", ""),
        ("unknown/date=2022-11-03/sensor=synth-01/05.parquet", "?"),
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    // The daily table is made last: without it the hours are summed.
    for day in days {
        fs::remove_file(root.join(format!("daily_cells/date={day}/sensor=synth-02/day.parquet"))).unwrap();
    }
    assert_eq!(
        report(root, &request).unwrap().overview.scans.after,
        whole.overview.scans.after
    );
    // A file of which nothing came yet is passed over, and named.
    let hour = root.join("cells/date=2022-11-03/sensor=synth-02/03.parquet");
    fs::write(&hour, "").unwrap();
    let store = Store::open(&root.display().to_string()).unwrap();
    let analysed = analyse(&store, &request, &Silent).unwrap();
    let named: Vec<_> = analysed
        .unreadable
        .iter()
        .map(|file| file.place.to_string())
        .collect();
    assert_eq!(named, ["cells/date=2022-11-03/sensor=synth-02/03.parquet"]);
    assert!(analysed.report.overview.scans.after < whole.overview.scans.after);
    // So it is where the coverage came and no counts did: nothing was observed of any kind, and nothing divided by it.
    fs::remove_dir_all(root.join("cells")).unwrap();
    fs::remove_dir_all(root.join("daily_cells")).unwrap();
    let report = report(root, &request).unwrap();
    assert_eq!((report.overview.scans.after, report.ports.rows.len()), (0, 0));
    // The law shows it: what was recorded by the coverage is still said.
    assert!(report.coverage.conservation.observed > 0);
    for language in pages::LANGUAGES {
        let page = pages::text(&pages::pages(&report, language), ".html");
        pages::check_numbers(&report, &page, "coverage alone");
        assert!(!page.contains("NaN") && !page.contains("inf"));
    }
}

fn without_names(_: &World) {
    let directory = tempfile::tempdir().unwrap();
    let writer = Writer::open(directory.path(), "a").unwrap();
    let begins = Day(date(2022, 11, 3)).begins();
    for hour in 0..24 {
        let time = begins + hour * 3_600;
        // Codes that no list has, the one of what is unknown, and none at all.
        let regions = [Some("QX"), Some("ZZ"), None];
        let mut cells: Vec<_> = regions
            .into_iter()
            .zip([30, 20, 10])
            .map(|(region, packets)| CellRow {
                hour: Micros::from_seconds(time),
                transport: "tcp".to_owned(),
                protocol: Some(6),
                port: Some(23),
                class: "scan".to_owned(),
                source_region: region.map(str::to_owned),
                packets,
                ..CellRow::default()
            })
            .collect();
        writer.write(time, &mut cells, &Existing::Refuse).unwrap();
        let mut coverage = CoverageRow {
            hour: Micros::from_seconds(time),
            seconds_observed: 3_600.0,
            seen: 60,
            observed: 60,
            recorded: 60,
            xdp_mode: "native".to_owned(),
            ..CoverageRow::default()
        };
        coverage.outcome.0[Outcome::ObservedTcp as usize] = 60;
        writer.write(time, &mut [coverage], &Existing::Refuse).unwrap();
    }
    let mut request = request();
    request.zone = Zone::named("UTC").unwrap();
    request.period = period::range(date(2022, 11, 3), date(2022, 11, 3)).unwrap();
    let report = report(directory.path(), &request).unwrap();
    let ranked: Vec<_> = report
        .source_regions
        .rows
        .iter()
        .map(|row| (row.key.to_string(), row.packets.after))
        .collect();
    assert_eq!(ranked, [("QX".to_owned(), 720), ("ZZ".to_owned(), 480)]);
    assert_eq!(report.overview.scans.after, 1_440);
    assert_eq!(report.provenance.region_databases[0].name, "none");
    for language in pages::LANGUAGES {
        let page = pages::text(&pages::pages(&report, language), ".html");
        pages::check_numbers(&report, &page, "without names");
        assert!(page.contains("QX"));
    }
}
