//! The alert rules for Grafana: the same as those for Prometheus, in Grafana's form.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::Test;
use crate::files::{self, Rule};

pub(crate) const TESTS: &[Test] = &[
    (
        "the_file_is_made_from_the_rules_for_prometheus",
        the_file_is_made_from_the_rules_for_prometheus,
    ),
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

/// What Grafana's templates call the value of the rule's query.
const VALUE: &str = "$values.query.Value";

const HEAD: &str = "\
# The alerts of deploy/prometheus/rules/alerts.yml as rules that Grafana itself evaluates, for those who have no
# Alertmanager: use the one or the other. Prometheus needs recording.yml all the same. Do not edit: change that file, then
# `TEITEN_WRITE_DEPLOY=1 cargo test -p xtask --test deploy grafana` writes this anew.
# Each row that the query returns is an alert, whatever its value: `is_row` makes it 1, `condition` asks for that.
apiVersion: 1

groups:
";

const QUERY: &str = "        data:
          - refId: query
            datasourceUid: teiten-prometheus
            relativeTimeRange: {from: 600, to: 0}
            model:
              refId: query
              datasource: {type: prometheus, uid: teiten-prometheus}
              instant: true
              range: false
              expr: |-
";

const CONDITION: &str = "          - refId: is_row
            datasourceUid: __expr__
            model:
              refId: is_row
              datasource: {type: __expr__, uid: __expr__}
              type: math
              expression: is_number($query) || is_nan($query) || is_inf($query)
          - refId: condition
            datasourceUid: __expr__
            model:
              refId: condition
              datasource: {type: __expr__, uid: __expr__}
              type: threshold
              expression: is_row
              conditions: [{evaluator: {type: gt, params: [0]}}]
";

/// Writes the rules for Grafana from those for Prometheus.
pub(crate) fn write() -> Result<()> {
    fs::write(files::root().join(FILE), generated()?).with_context(|| format!("{FILE} cannot be written"))
}

/// What the file must hold.
fn generated() -> Result<String> {
    let mut text = HEAD.to_owned();
    let mut group = String::new();
    let mut titles = BTreeMap::new();
    for rule in files::rules("deploy/prometheus/rules")? {
        let Some(name) = rule.alert() else { continue };
        if rule.group != group {
            group.clone_from(&rule.group);
            write!(
                text,
                "  - orgId: 1\n    name: {group}\n    folder: Teiten\n    interval: 1m\n    rules:\n"
            )?;
        }
        // Grafana wants a title for each rule; Prometheus has the same name several times.
        let labels = rule.body["labels"].as_object().context("no labels")?;
        let seen = titles.entry(name.to_owned()).or_insert(0);
        *seen += 1;
        let title = if *seen == 1 {
            name.to_owned()
        } else {
            let telling = ["scope", "origin", "reason"]
                .iter()
                .filter_map(|key| labels.get(*key)?.as_str());
            format!("{name}, {}", telling.collect::<Vec<_>>().join(" "))
        };
        write_rule(&mut text, &title, &rule.body)?;
    }
    Ok(text)
}

/// One rule, each text as JSON, which is YAML as well and needs no thought about quotes.
fn write_rule(text: &mut String, title: &str, rule: &Value) -> Result<()> {
    write!(
        text,
        "      - uid: {}\n        title: {}\n        condition: condition\n        for: {}\n        noDataState: OK\n        \
         execErrState: Error\n        labels: {}\n        annotations:\n",
        uid(title),
        json!(title),
        rule["for"].as_str().unwrap_or("0s"),
        rule["labels"]
    )?;
    for (key, annotation) in rule["annotations"].as_object().context("no annotations")? {
        let annotation = annotation.as_str().context("no text")?;
        writeln!(
            text,
            "          {key}: {}",
            json!(annotation.replace("$value", VALUE))
        )?;
    }
    text.push_str(QUERY);
    for line in files::string(rule, "expr")?.trim().lines() {
        writeln!(text, "                {line}")?;
    }
    text.push_str(CONDITION);
    Ok(())
}

/// `TeitenScanSurgeByPort, fleet` as `teiten-scan-surge-by-port-fleet`.
fn uid(title: &str) -> String {
    let mut uid = String::new();
    for character in title.chars() {
        match character {
            ',' => {}
            ' ' => uid.push('-'),
            upper if upper.is_ascii_uppercase() => {
                if !uid.is_empty() && !uid.ends_with('-') {
                    uid.push('-');
                }
                uid.push(upper.to_ascii_lowercase());
            }
            other => uid.push(other),
        }
    }
    uid
}

fn the_file_is_made_from_the_rules_for_prometheus() -> Result<()> {
    ensure!(
        files::text(FILE)? == generated()?,
        "{FILE} is not what deploy/prometheus/rules/alerts.yml comes to. If the latter is right, write the former anew: \
         TEITEN_WRITE_DEPLOY=1 cargo test -p xtask --test deploy grafana"
    );
    Ok(())
}

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
