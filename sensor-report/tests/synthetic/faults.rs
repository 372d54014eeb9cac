//! What is not there, too little, or damaged: a report that says so, or an error that says what to do.

use std::fs;

use jiff::civil::date;
use teiten_report::{
    analysis::{AnalysisError, Silent, analyse},
    model::{Measure, PreviousRank, SensorChoice},
    period::{self, Zone},
    store::Store,
};

use super::{Test, World, report, request};

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
];

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
    let directory = tempfile::tempdir().unwrap();
    // A copy that begins within the quarter.
    for table in ["daily_cells", "coverage", "sensors"] {
        for day in ["2022-08-02", "2022-08-03"] {
            let from = world
                .directory
                .path()
                .join(table)
                .join(format!("date={day}/sensor=synth-01"));
            let to = directory
                .path()
                .join(table)
                .join(format!("date={day}/sensor=synth-01"));
            fs::create_dir_all(&to).unwrap();
            for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
                fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        }
    }
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
    let directory = tempfile::tempdir().unwrap();
    for table in ["daily_cells", "coverage", "sensors", "cells"] {
        for day in ["2022-11-02", "2022-11-03"] {
            let from = world
                .directory
                .path()
                .join(table)
                .join(format!("date={day}/sensor=synth-01"));
            let to = directory
                .path()
                .join(table)
                .join(format!("date={day}/sensor=synth-01"));
            fs::create_dir_all(&to).unwrap();
            for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
                fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        }
    }
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
