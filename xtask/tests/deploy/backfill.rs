//! Expressions that need days, on a past of days: back-filled into a real Prometheus, the recorded series too.

mod fleet;
mod prometheus;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use sensor_lab::stack::{Api, pictures};
use serde_json::Value;

use self::fleet::{PAST, fleet};
use self::prometheus::BackFilled;
use crate::Test;
use crate::expressions::{self, Expression, Variables};
use crate::files::{self, Rule};
use crate::syntax::{parse, selector, walk};

pub(crate) const TESTS: &[Test] = &[(
    "on_days_of_samples_every_expression_has_rows_and_the_usual_is_what_it_says",
    on_days_of_samples_every_expression_has_rows_and_the_usual_is_what_it_says,
)];

/// Expressions that need not have rows here, by a part of their place, and why.
const EXCEPTED: &[(&str, &str)] = &[(
    "annotation ",
    "ALERTS is written by a Prometheus that evaluates alerts while time goes by: the chain has them",
)];

/// How far a figure may be off that was read from samples of five minutes.
const NEAR: f64 = 0.01;

fn on_days_of_samples_every_expression_has_rows_and_the_usual_is_what_it_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = BackFilled::with(folder.path(), &fleet())?;
    for level in levels(files::rules("deploy/prometheus/rules")?)? {
        server.record(&level)?;
    }
    let (api, moment) = (server.api()?, server.moment());
    if let Some(folder) = env::var_os("TEITEN_PICTURES") {
        let span = [moment - 3.0 * 3_600.0, moment];
        pictures::draw(api, &variables(), span, &Path::new(&folder).join("days"))?;
    }
    the_usual_is_what_it_says(api, moment)?;
    every_expression_has_rows(api, moment)
}

/// What the dashboards are asked with.
fn variables() -> Variables<'static> {
    Variables {
        source_region: "BR",
        ..Variables::DEFAULT
    }
}

/// The recording rules by level: those of a level read only series that sensors export or an earlier level records.
fn levels(rules: Vec<Rule>) -> Result<Vec<Vec<Rule>>> {
    let mut waiting: Vec<(Rule, BTreeSet<String>)> = Vec::new();
    for rule in rules {
        if rule.record().is_some() {
            let read = recorded_names(files::string(&rule.body, "expr")?)?;
            waiting.push((rule, read));
        }
    }
    let mut levels = Vec::new();
    while !waiting.is_empty() {
        let names: BTreeSet<_> = waiting
            .iter()
            .filter_map(|(rule, _)| rule.record().map(str::to_owned))
            .collect();
        let (next, later): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|(_, read)| read.is_disjoint(&names));
        ensure!(!next.is_empty(), "these rules read each other: {names:?}");
        levels.push(next.into_iter().map(|(rule, _)| rule).collect());
        waiting = later;
    }
    Ok(levels)
}

/// The recorded series that an expression reads.
fn recorded_names(query: &str) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    walk(&parse(query)?, &mut Vec::new(), &mut |node, _| {
        let name = selector(node).and_then(|selector| selector.name.clone());
        names.extend(name.filter(|name| name.contains(':')));
        Ok(())
    })?;
    Ok(names)
}

fn every_expression_has_rows(api: &Api, moment: f64) -> Result<()> {
    let shipped = |expression: &Expression| {
        !expression.file.contains("/demo/") && !expression.file.starts_with("docs/runbooks")
    };
    let mut empty = Vec::new();
    let mut asked = 0;
    let mut excepted = BTreeMap::new();
    for expression in expressions::all(&variables())?.iter().filter(|one| shipped(one)) {
        let place = format!("{}, {}", expression.file, expression.place);
        let rows = api
            .query_at(&expression.query, moment)
            .with_context(|| place.clone())?;
        let reason = EXCEPTED.iter().find(|(part, _)| expression.place.contains(part));
        match (rows.is_empty(), reason) {
            (true, None) => empty.push(place),
            (true, Some((part, _))) => *excepted.entry(*part).or_insert(0) += 1,
            (false, Some((_, reason))) => anyhow::bail!("{place} has rows: it needs no exception ({reason})"),
            (false, None) => asked += 1,
        }
    }
    ensure!(empty.is_empty(), "no rows:\n{}", empty.join("\n"));
    ensure!(
        excepted.len() == EXCEPTED.len() && asked > 150,
        "{asked} expressions had rows; not all exceptions are needed: {excepted:?}"
    );
    println!("{asked} expressions have rows; excepted: {excepted:?}");
    Ok(())
}

/// Worked out by hand from the courses in [`fleet`].
fn the_usual_is_what_it_says(api: &Api, moment: f64) -> Result<()> {
    let quiet = r#"instance="jakarta-1",transport="tcp",port="80""#;
    let busy = r#"instance="tokyo-1",transport="tcp",port="80""#;
    let young = r#"instance="hanoi-1",transport="tcp",port="80""#;
    let port = "instance_transport_port:teiten_scan_packets";
    for (series, expected) in [
        // Steady: 20 a second.
        (format!("{port}:increase10m{{{quiet}}}"), Some(12_000.0)),
        (format!("{port}:increase10m_avg10d{{{quiet}}}"), Some(12_000.0)),
        (format!("{port}:increase10m_median7d{{{quiet}}}"), Some(12_000.0)),
        // 5 a second, and 20 in eight hours of the day, of which this is one.
        (format!("{port}:increase10m{{{busy}}}"), Some(12_000.0)),
        (format!("{port}:increase10m_median7d{{{busy}}}"), Some(12_000.0)),
        (format!("{port}:increase10m_avg10d{{{busy}}}"), Some(6_000.0)),
        (format!("{port}:usual10m{{{busy}}}"), Some(12_000.0)),
        // 10 a second at a sensor of three days: too few for a median of the same hour.
        (format!("{port}:increase10m_median7d{{{young}}}"), None),
        (format!("{port}:increase10m_avg10d{{{young}}}"), Some(6_000.0)),
        (format!("{port}:usual10m{{{young}}}"), Some(6_000.0)),
        // Twenty minutes of eight times as much are no part of what is usual.
        (
            format!(r#"{port}:usual10m{{instance="jakarta-1",transport="tcp",port="23"}}"#),
            Some(12_000.0),
        ),
        (
            format!(r#"{port}:surge10m{{instance="jakarta-1",transport="tcp",port="23"}}"#),
            Some(96_000.0),
        ),
    ] {
        let rows = api.query_at(&series, moment)?;
        let value = rows.first().map(value).transpose()?;
        let is_near = match (value, expected) {
            (Some(value), Some(expected)) => (value - expected).abs() <= NEAR * expected,
            (None, None) => true,
            _ => false,
        };
        ensure!(
            rows.len() < 2 && is_near,
            "{series} is {value:?}, and not {expected:?}, after {PAST} s"
        );
    }
    Ok(())
}

/// The figure of a row.
fn value(row: &Value) -> Result<f64> {
    let text = row["value"][1].as_str().context("a row without a value")?;
    Ok(text.parse()?)
}
