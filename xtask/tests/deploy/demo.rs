//! The demo's variant of rules and configurations: the same files with shorter durations, and the test that it is.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use sensor_lab::deployed::demo::shorten;

use crate::Test;
use crate::files;

pub(crate) const TESTS: &[Test] = &[
    (
        "the_demo_is_production_with_shorter_durations",
        the_demo_is_production_with_shorter_durations,
    ),
    (
        "a_duration_is_replaced_wherever_it_stands",
        a_duration_is_replaced_wherever_it_stands,
    ),
    (
        "a_duration_that_the_demo_does_not_know_is_an_error",
        a_duration_that_the_demo_does_not_know_is_an_error,
    ),
];

/// A file and its variant for the demo, from the repository's root.
const FILES: &[(&str, &str)] = &[
    (
        "deploy/prometheus/prometheus.yml",
        "deploy/prometheus/demo/prometheus.yml",
    ),
    (
        "deploy/prometheus/rules/recording.yml",
        "deploy/prometheus/demo/rules/recording.yml",
    ),
    (
        "deploy/prometheus/rules/alerts.yml",
        "deploy/prometheus/demo/rules/alerts.yml",
    ),
    (
        "deploy/alertmanager/alertmanager.yml",
        "deploy/alertmanager/demo/alertmanager.yml",
    ),
];

/// Writes the demo's variant of every file.
pub(crate) fn write() -> Result<()> {
    for (production, demo) in FILES {
        fs::write(files::root().join(demo), variant(production)?)
            .with_context(|| format!("{demo} cannot be written"))?;
    }
    Ok(())
}

fn variant(production: &str) -> Result<String> {
    let shortened = shorten(&files::text(production)?).with_context(|| production.to_owned())?;
    Ok(format!(
        "# For a demo of a minute: {production} with shorter durations. Do not edit: change that one, then\n\
         # `TEITEN_WRITE_DEPLOY=1 cargo test -p xtask --test deploy demo` writes this anew.\n{shortened}"
    ))
}

fn the_demo_is_production_with_shorter_durations() -> Result<()> {
    for (production, demo) in FILES {
        ensure!(
            files::text(demo)? == variant(production)?,
            "{demo} is not {production} with the demo's durations. If the latter is right, write the former anew: \
             TEITEN_WRITE_DEPLOY=1 cargo test -p xtask --test deploy demo"
        );
    }
    Ok(())
}

fn a_duration_is_replaced_wherever_it_stands() -> Result<()> {
    let cases = [
        ("rate(x[10m])", "rate(x[10s])"),
        (
            "x:increase10m_avg1d[1d] offset 2h",
            "x:increase10s_avg60s[60s] offset 20s",
        ),
        ("0.05 * 1000 > 5 * x", "0.05 * 1000 > 5 * x"),
        ("127.0.0.1:10023", "127.0.0.1:10023"),
        (
            "4MB, port 23/tcp, 10th, 5monkeys",
            "4MB, port 23/tcp, 10th, 5monkeys",
        ),
        ("for: 2m", "for: 2s"),
    ];
    for (production, demo) in cases {
        let shortened = shorten(production)?;
        ensure!(
            shortened == demo,
            "{production} became {shortened} instead of {demo}"
        );
    }
    Ok(())
}

fn a_duration_that_the_demo_does_not_know_is_an_error() -> Result<()> {
    ensure!(shorten("x[17m]").is_err(), "17m passed unnoticed");
    Ok(())
}
