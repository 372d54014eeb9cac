//! Runbooks: a page for each alert, and an alert for each page.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};

use crate::Test;
use crate::files;

pub(crate) const TESTS: &[Test] = &[
    (
        "the_alerts_are_those_of_the_list",
        the_alerts_are_those_of_the_list,
    ),
    ("every_alert_says_what_it_must", every_alert_says_what_it_must),
    (
        "every_alert_has_a_runbook_and_every_runbook_an_alert",
        every_alert_has_a_runbook_and_every_runbook_an_alert,
    ),
    ("every_runbook_has_its_sections", every_runbook_has_its_sections),
];

/// The alerts of the project.
const ALERTS: [&str; 17] = [
    "TeitenAttachmentLost",
    "TeitenBackscatterSurge",
    "TeitenClockStepped",
    "TeitenConservationBroken",
    "TeitenDetailLost",
    "TeitenDiskFull",
    "TeitenIotScanWithoutMirai",
    "TeitenMiraiSurge",
    "TeitenNewPort",
    "TeitenNotNative",
    "TeitenRegionDatabaseOld",
    "TeitenScanSurgeByPort",
    "TeitenScanSurgeByRegion",
    "TeitenSensorDown",
    "TeitenSensorSilent",
    "TeitenSingleOriginSurge",
    "TeitenSpoofedFlood",
];

/// What a runbook answers, in this order.
const SECTIONS: [&str; 4] = [
    "## What it means",
    "## First look",
    "## Likely causes",
    "## What to do",
];

fn the_alerts_are_those_of_the_list() -> Result<()> {
    let rules = files::rules("deploy/prometheus/rules")?;
    let found: BTreeSet<_> = rules.iter().filter_map(|rule| rule.alert()).collect();
    ensure!(found == BTreeSet::from(ALERTS), "{found:?}");
    Ok(())
}

fn every_alert_says_what_it_must() -> Result<()> {
    for rule in files::rules("deploy/prometheus/rules")? {
        let Some(name) = rule.alert() else { continue };
        let severity = files::string(&rule.body["labels"], "severity")?;
        ensure!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}: severity {severity}"
        );
        // By this Alertmanager tells what an analyst hears of from what an operator does.
        let about_traffic = rule.group == "teiten-traffic";
        let scope = rule.body["labels"]["scope"].as_str();
        ensure!(
            if about_traffic {
                matches!(scope, Some("sensor" | "fleet"))
            } else {
                scope.is_none()
            },
            "{name}: the scope is {scope:?}"
        );
        let annotations = &rule.body["annotations"];
        for key in ["summary", "description"] {
            ensure!(
                files::string(annotations, key)?.ends_with('.'),
                "{name}: the {key} is no sentence"
            );
        }
        let url = files::string(annotations, "runbook_url")?;
        ensure!(
            url == format!("docs/runbooks/{name}.md"),
            "{name}: runbook_url is {url}"
        );
    }
    Ok(())
}

fn every_alert_has_a_runbook_and_every_runbook_an_alert() -> Result<()> {
    let pages: Vec<_> = ALERTS
        .iter()
        .map(|name| format!("docs/runbooks/{name}.md"))
        .collect();
    let found = files::list("docs/runbooks", "md")?;
    ensure!(found == pages, "{found:?}");
    Ok(())
}

fn every_runbook_has_its_sections() -> Result<()> {
    for name in ALERTS {
        let file = format!("docs/runbooks/{name}.md");
        let text = files::text(&file)?;
        ensure!(
            text.starts_with(&format!("# {name}\n")),
            "{file}: the title is the alert's name"
        );
        let mut rest = text.as_str();
        for section in SECTIONS {
            let (_, after) = rest
                .split_once(section)
                .with_context(|| format!("{file}: no {section:?} in its place"))?;
            rest = after;
        }
        ensure!(text.contains("```promql\n"), "{file}: no expression to look with");
    }
    Ok(())
}
