//! Two quarters that never were: what the report says of them, against what was counted while they were drawn.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test without the harness: what is not there fails it"
)]

mod copies;
mod duckdb;
mod events;
mod faults;
mod figures;
mod lists;
mod pages;
mod sources;
mod truth;

use std::{path::Path, sync::Arc};

use libtest_mimic::{Arguments, Trial};
use sensor_synth::{Calendar, Fleet, Plan, Truth};
use teiten_report::{
    analysis::{AnalysisError, Request, Silent, analyse},
    lists::Lists,
    model::{Measure, Region, Report, SensorChoice},
    period::{self, Zone},
    store::Store,
};

/// The records, what is true of them, and what is reported of them.
pub(crate) struct World {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) truth: Truth,
    pub(crate) report: Report,
}

fn main() {
    let arguments = Arguments::from_args();
    let world = if arguments.list {
        None
    } else {
        Some(Arc::new(World::new()))
    };
    let trials = [
        figures::TESTS,
        events::TESTS,
        faults::TESTS,
        lists::TESTS,
        pages::TESTS,
        sources::TESTS,
    ]
    .concat();
    let trials = trials.into_iter().map(|(name, test)| {
        let world = world.clone();
        Trial::test(name, move || {
            test(&world.expect("the world is made unless the tests are listed alone"));
            Ok(())
        })
    });
    let mut trials: Vec<_> = trials.collect();
    let of_duckdb = world.clone();
    trials.push(Trial::ignorable_test(duckdb::NAME, move || {
        duckdb::agrees(&of_duckdb.expect("the world is made unless the tests are listed alone"))
    }));
    for name in pages::BROWSER_NAMES {
        let world = world.clone();
        trials.push(Trial::ignorable_test(name, move || {
            let world = world.expect("the world is made unless the tests are listed alone");
            pages::agrees(&world, name)
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The directory goes with the last owner.
    drop(world);
    conclusion.exit();
}

/// A test's name, which says what it promises, and the test.
pub(crate) type Test = (&'static str, fn(&World));

impl World {
    fn new() -> Self {
        // Writing waits for the disk with every file; in memory it does not.
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() {
            tempfile::Builder::new()
                .prefix("teiten-report-test-")
                .tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let directory = directory.expect("a temporary directory");
        let plan = Plan {
            seed: 7,
            scale: 0.3,
            fleet: Fleet::small(),
            calendar: Calendar::of("2022Q4", 6).expect("a quarter"),
            with_events: true,
            hourly_coverage: false,
        };
        let truth = sensor_synth::write(directory.path(), &plan, &|| {}).expect("records");
        let report = report(directory.path(), &request()).expect("a report");
        Self {
            directory,
            truth,
            report,
        }
    }
}

/// What is asked for unless a test asks for something else.
pub(crate) fn request() -> Request {
    Request {
        period: period::quarter("2022Q4", 1).expect("a quarter"),
        zone: Zone::named("Asia/Tokyo").expect("a zone"),
        measure: Measure::Sensor,
        sensors: SensorChoice::Domestic,
        domestic: Region("JP".to_owned()),
        top: 10,
        watched: vec!["5060/udp".parse().expect("a port")],
        months: true,
        lists: Lists::default(),
        networks: true,
    }
}

pub(crate) fn report(directory: &Path, request: &Request) -> Result<Report, AnalysisError> {
    let store = Store::open(&directory.display().to_string()).expect("a store");
    let analysed = analyse(&store, request, &Silent)?;
    assert_eq!(analysed.unreadable, []);
    Ok(analysed.report)
}
