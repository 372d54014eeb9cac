//! Everything that can go wrong around the daemon: what it promises then, and what reports it. Needs root.

#![expect(
    clippy::unwrap_used,
    reason = "tests without the standard harness are not recognised as such"
)]

mod clock;
mod interfaces;
mod kills;
mod limits;
mod operator;
mod pins;
mod place;

use std::env;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sensor_lab::{
    artefacts,
    network::{Lab, LabLock},
};

type Test = fn(&LabLock) -> Result<Completion, Failed>;

/// Set by `cargo xtask test --full`.
const FULL: &str = "TEITEN_TEST_FULL";

fn main() {
    let mut arguments = Arguments::from_args();
    // Kills under load need the machine for themselves.
    arguments.test_threads = Some(1);
    let tests: Vec<(&'static str, Test)> = [
        kills::TESTS.as_slice(),
        pins::TESTS.as_slice(),
        interfaces::TESTS.as_slice(),
        limits::TESTS.as_slice(),
        clock::TESTS.as_slice(),
        operator::TESTS.as_slice(),
    ]
    .concat();
    let obstacle = artefacts::obstacle();
    let trials = tests.into_iter().map(|(name, test)| {
        let obstacle = obstacle.clone();
        Trial::ignorable_test(name, move || match obstacle {
            Some(reason) => Ok(Completion::ignored_with(reason)),
            None => test(&Lab::lock()?),
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// Whether there is time for the long rounds.
fn is_full() -> bool {
    env::var_os(FULL).is_some()
}
