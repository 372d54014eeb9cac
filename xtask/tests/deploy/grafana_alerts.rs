//! The alert rules for Grafana: the same as those for Prometheus, in Grafana's form.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::Test;
use crate::files::{self, Rule};

pub(crate) const TESTS: &[Test] = &[
    (
        "grafana_alerts_are_those_of_prometheus",
        grafana_alerts_are_those_of_prometheus,
    ),
    (
        "every_row_of_a_grafana_alert_fires_whatever_its_value",
        every_row_of_a_grafana_alert_fires_whatever_its_value,
    ),
];

const FILE: &str = "deploy/grafana/provisioning/alerting/alerts.yaml";

fn grafana_rules() -> Result<Vec<(Value, Value)>> {
    let file = files::yaml(FILE)?;
    Ok(files::items(&file, "groups")
        .iter()
        .flat_map(|group| {
            files::items(group, "rules")
                .iter()
                .map(|rule| (group.clone(), rule.clone()))
        })
        .collect())
}

fn grafana_alerts_are_those_of_prometheus() -> Result<()> {
    let prometheus: Vec<Rule> = files::rules("deploy/prometheus/rules")?
        .into_iter()
        .filter(|rule| rule.alert().is_some())
        .collect();
    let grafana = grafana_rules()?;
    ensure!(
        prometheus.len() == grafana.len(),
        "Prometheus has {} alert rules, Grafana {}",
        prometheus.len(),
        grafana.len()
    );
    let mut taken = BTreeSet::new();
    for (theirs, (group, ours)) in prometheus.iter().zip(&grafana) {
        let title = files::string(ours, "title")?;
        same(theirs, group, ours).with_context(|| format!("{FILE}, rule {title}"))?;
        ensure!(taken.insert(title.to_owned()), "the title {title} is taken");
        let uid = files::string(ours, "uid")?;
        ensure!(uid.len() <= 40, "{title}: Grafana takes 40 characters for a uid");
        ensure!(taken.insert(uid.to_owned()), "the uid {uid} is taken");
    }
    Ok(())
}

/// Both rules say the same, each in its own words.
fn same(theirs: &Rule, group: &Value, ours: &Value) -> Result<()> {
    let name = theirs.alert().context("no alert")?;
    let title = files::string(ours, "title")?;
    ensure!(
        title == name || title.starts_with(&format!("{name}, ")),
        "the title is not that of {name}"
    );
    ensure!(group["name"] == theirs.group.as_str(), "another group");

    let query = &ours["data"][0]["model"];
    let (expression, theirs_expression) = (
        files::string(query, "expr")?,
        files::string(&theirs.body, "expr")?,
    );
    ensure!(
        expression.trim() == theirs_expression.trim(),
        "another expression:\n{expression}"
    );
    let waits = theirs.body["for"].as_str().unwrap_or("0s");
    ensure!(ours["for"] == waits, "`for` is {}, not {waits}", ours["for"]);
    ensure!(
        ours["labels"] == theirs.body["labels"],
        "other labels: {}",
        ours["labels"]
    );
    for (key, text) in theirs.body["annotations"].as_object().context("no annotations")? {
        let text = text
            .as_str()
            .unwrap_or_default()
            .replace("$value", "$values.query.Value");
        ensure!(
            ours["annotations"][key] == text,
            "another {key}: {}",
            ours["annotations"][key]
        );
    }
    ensure!(
        !ours["labels"].to_string().contains('$'),
        "Grafana replaces $ in labels when it reads the file"
    );
    ensure!(ours["noDataState"] == "OK", "no row is no alert");
    Ok(())
}

fn every_row_of_a_grafana_alert_fires_whatever_its_value() -> Result<()> {
    for (_, rule) in grafana_rules()? {
        let data = files::items(&rule, "data");
        let [query, is_row, condition] = data else {
            anyhow::bail!("{}: query, is_row, condition are wanted", rule["title"]);
        };
        ensure!(
            query["datasourceUid"] == "teiten-prometheus" && query["model"]["instant"] == true,
            "{query}"
        );
        // `up == 0` gives rows with the value 0, and a difference may be below 0.
        ensure!(
            is_row["model"]["type"] == "math"
                && is_row["model"]["expression"] == "is_number($query) || is_nan($query) || is_inf($query)",
            "{is_row}"
        );
        ensure!(
            condition["model"]["type"] == "threshold"
                && condition["model"]["expression"] == is_row["refId"]
                && condition["model"]["conditions"] == json!([{"evaluator": {"type": "gt", "params": [0]}}]),
            "{condition}"
        );
        ensure!(rule["condition"] == condition["refId"], "{}", rule["condition"]);
        for node in data {
            ensure!(node["refId"] == node["model"]["refId"], "{node}");
        }
    }
    Ok(())
}
