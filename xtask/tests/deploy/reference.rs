//! The list of metrics that rules and dashboards may use against `docs/metrics.md`, which is written from a scrape.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};

use crate::Test;
use crate::files;
use crate::metrics::{Kind, METRICS, PLANNED};

pub(crate) const TESTS: &[Test] = &[
    (
        "every_metric_that_rules_may_use_is_exported_or_planned",
        every_metric_that_rules_may_use_is_exported_or_planned,
    ),
    (
        "every_exported_metric_is_one_that_rules_may_use",
        every_exported_metric_is_one_that_rules_may_use,
    ),
    (
        "the_reference_names_the_planned_metrics",
        the_reference_names_the_planned_metrics,
    ),
];

const PAGE: &str = "docs/metrics.md";

/// Type and labels of the exported metrics, as the table of the reference has them.
fn exported() -> Result<BTreeMap<String, (String, Vec<String>)>> {
    let page = files::text(PAGE)?;
    let mut found = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `teiten_")) {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let mut cell = || {
            cells
                .next()
                .with_context(|| format!("{PAGE}: a cell is missing in {line}"))
        };
        let name = cell()?.trim_matches('`').to_owned();
        let kind = cell()?.to_owned();
        let labels = cell()?
            .split(", ")
            .map(|label| label.trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        found.insert(name, (kind, labels));
    }
    ensure!(
        found.len() > 20,
        "{PAGE}: only {} metrics were found",
        found.len()
    );
    Ok(found)
}

fn every_metric_that_rules_may_use_is_exported_or_planned() -> Result<()> {
    let exported = exported()?;
    for metric in METRICS {
        if PLANNED.contains(&metric.name) {
            ensure!(
                !exported.contains_key(metric.name),
                "{} is exported by now: it is not planned any more",
                metric.name
            );
            continue;
        }
        let (kind, labels) = exported
            .get(metric.name)
            .with_context(|| format!("nothing exports {}", metric.name))?;
        let (expected, own): (_, &[&str]) = match metric.kind {
            Kind::Counter => ("counter", metric.labels),
            Kind::Gauge | Kind::UniqueSources => ("gauge", metric.labels),
            // The table leaves out `le`, which every histogram has.
            Kind::Histogram => ("histogram", &[]),
        };
        ensure!(kind == expected, "{} is exported as a {kind}", metric.name);
        ensure!(
            labels == own,
            "{} is exported with the labels {labels:?}",
            metric.name
        );
    }
    Ok(())
}

fn every_exported_metric_is_one_that_rules_may_use() -> Result<()> {
    for name in exported()?.keys() {
        ensure!(
            METRICS.iter().any(|metric| metric.name == name),
            "{name} is not listed"
        );
    }
    Ok(())
}

fn the_reference_names_the_planned_metrics() -> Result<()> {
    let page = files::text(PAGE)?;
    let (_, section) = page.split_once("\n## Planned\n").context("no section Planned")?;
    let written: BTreeSet<_> = section
        .split('`')
        .filter(|word| word.starts_with("teiten_"))
        .collect();
    let planned: BTreeSet<_> = PLANNED.iter().copied().collect();
    ensure!(written == planned, "{written:?}");
    Ok(())
}
