//! Tests of what is deployed beside the sensor: rules, alerts, dashboards, runbooks.
//!
//! `TEITEN_TEST_FULL=1` adds the tests that take a minute: those that start real Prometheus and Alertmanager processes,
//! and the one that breaks the rules on purpose. Without it they are skipped, and counted as such. `TEITEN_WRITE_DEPLOY=1` writes the
//! files that are made from others anew before anything is tested: the demo's, and Grafana's alerts and dashboards.

mod backfill;
mod chain;
mod compose;
mod dashboard;
mod demo;
mod generate;
mod grafana_alerts;
mod metrics;
mod process;
mod promql;
mod reference;
mod remote;
mod runbooks;
mod schema;
mod syntax;
mod systemd;
mod tools;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sensor_lab::deployed::{self as files, expressions};

/// A test: it gives back an error where its promise is broken.
type Test = (&'static str, fn() -> anyhow::Result<()>);

fn main() -> ExitCode {
    if std::env::var_os("TEITEN_WRITE_DEPLOY").is_some()
        && let Err(error) = demo::write()
            .and_then(|()| grafana_alerts::write())
            .and_then(|()| generate::write())
    {
        eprintln!("the files were not written: {error:#}");
        return ExitCode::FAILURE;
    }
    let fast = [
        tools::TESTS,
        demo::TESTS,
        promql::TESTS,
        generate::TESTS,
        dashboard::TESTS,
        grafana_alerts::TESTS,
        reference::TESTS,
        runbooks::TESTS,
        compose::TESTS,
        systemd::TESTS,
    ];
    let mut trials: Vec<_> = fast
        .into_iter()
        .flatten()
        .map(|&(name, test)| Trial::test(name, move || run(test)))
        .collect();
    let full = std::env::var("TEITEN_TEST_FULL").is_ok_and(|value| value == "1");
    trials.extend(
        chain::TESTS
            .iter()
            .chain(backfill::TESTS)
            .chain(remote::TESTS)
            .chain(tools::LONG_TESTS)
            .map(|&(name, test)| {
                Trial::ignorable_test(name, move || {
                    if full {
                        run(test).map(|()| Completion::Completed)
                    } else {
                        Ok(Completion::ignored_with("takes a minute: set TEITEN_TEST_FULL=1"))
                    }
                })
            }),
    );
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn run(test: fn() -> anyhow::Result<()>) -> Result<(), Failed> {
    test().map_err(|error| Failed::from(format!("{error:#}")))
}
