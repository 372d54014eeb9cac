//! What Grafana's dashboard linter asks for, and that panels do not lie over each other.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use promql_parser::label::MatchOp;
use promql_parser::parser::Expr;
use serde_json::{Value, json};

use crate::Test;
use crate::expressions::{self, Variables};
use crate::files;
use crate::schema;
use crate::syntax::{parse, selector, walk};

pub(crate) const TESTS: &[Test] = &[
    ("the_dashboards_obey_the_linter", the_dashboards_obey_the_linter),
    ("the_linter_refuses_each_fault", the_linter_refuses_each_fault),
    ("the_overview_shows_what_it_must", the_overview_shows_what_it_must),
    (
        "the_data_source_and_the_folder_are_provisioned",
        the_data_source_and_the_folder_are_provisioned,
    ),
];

const OVERVIEW: &str = "deploy/grafana/dashboards/overview.json";

/// Units of Grafana that the dashboards may use.
const UNITS: &[&str] = &["bytes", "none", "percentunit", "pps", "s", "short"];

/// The newest layout that Grafana 11 reads, and the oldest that Grafana 12 takes without a warning.
const SCHEMA_VERSIONS: std::ops::RangeInclusive<i64> = 39..=42;

fn the_dashboards_obey_the_linter() -> Result<()> {
    for file in files::list("deploy/grafana/dashboards", "json")? {
        lint(&files::json(&file)?).with_context(|| file.clone())?;
    }
    Ok(())
}

fn lint(dashboard: &Value) -> Result<()> {
    ensure!(
        dashboard["editable"] == false,
        "a provisioned dashboard is not editable"
    );
    let schema = dashboard["schemaVersion"].as_i64().context("no schemaVersion")?;
    ensure!(
        SCHEMA_VERSIONS.contains(&schema),
        "schemaVersion {schema} is not of Grafana 11 or 12"
    );
    for key in ["title", "uid", "description"] {
        ensure!(
            !files::string(dashboard, key)?.is_empty(),
            "the dashboard needs a {key}"
        );
    }
    schema::check(dashboard)?;
    lint_variables(dashboard)?;

    let panels = expressions::panels(dashboard);
    let mut identities = BTreeSet::new();
    for panel in &panels {
        let title = files::string(panel, "title")?;
        ensure!(
            identities.insert(panel["id"].as_u64()),
            "{title}: its id is taken"
        );
        if panel["type"] != "row" {
            lint_panel(panel).with_context(|| format!("panel {title:?}"))?;
        }
    }
    lint_places(&panels)
}

fn lint_variables(dashboard: &Value) -> Result<()> {
    let variables = files::items(&dashboard["templating"], "list");
    let find = |name: &str| {
        variables
            .iter()
            .find(|variable| variable["name"] == name)
            .with_context(|| format!("no variable {name}"))
    };
    let source = find("datasource")?;
    ensure!(
        source["type"] == "datasource" && source["query"] == "prometheus",
        "no templated data source"
    );
    ensure!(
        source["label"] == "Data source",
        "the data source is labelled {}",
        source["label"]
    );
    for (name, label) in [("job", "Job"), ("instance", "Instance")] {
        let variable = find(name)?;
        let wanted = json!({
            "type": "query", "label": label, "multi": true, "includeAll": true, "allValue": ".+", "refresh": 2,
        });
        for (key, value) in wanted.as_object().into_iter().flatten() {
            ensure!(
                &variable[key] == value,
                "variable {name}: {key} is {}, not {value}",
                variable[key]
            );
        }
        ensure!(
            variable["datasource"]["uid"] == "${datasource}",
            "variable {name}: its data source is fixed"
        );
    }
    Ok(())
}

fn lint_panel(panel: &Value) -> Result<()> {
    ensure!(!files::string(panel, "title")?.is_empty(), "no title");
    ensure!(files::string(panel, "description")?.len() > 20, "no description");
    ensure!(
        panel["datasource"]["uid"] == "${datasource}",
        "its data source is fixed"
    );
    let unit = files::string(&panel["fieldConfig"]["defaults"], "unit")?;
    ensure!(UNITS.contains(&unit), "unit {unit:?}");

    let targets = files::items(panel, "targets");
    ensure!(!targets.is_empty(), "no target");
    let mut references = BTreeSet::new();
    for target in targets {
        ensure!(
            references.insert(target["refId"].as_str()),
            "{} twice",
            target["refId"]
        );
        ensure!(
            target["datasource"]["uid"] == "${datasource}",
            "a target's data source is fixed"
        );
        lint_expression(files::string(target, "expr")?)?;
    }
    Ok(())
}

/// Matchers for the variables in every selector, and `$__rate_interval` in every rate.
fn lint_expression(written: &str) -> Result<()> {
    // Values that stand nowhere else, so that each variable can be told from a constant.
    let marks = Variables {
        job: "the-job",
        instance: "the-instance",
        rate_interval: "7919s",
        range: "7907s",
        ..Variables::DEFAULT
    };
    let query = marks.substitute(written)?;
    walk(&parse(&query)?, &mut Vec::new(), &mut |node, above| {
        let Some(selector) = selector(node) else {
            return Ok(());
        };
        // What is recorded of a whole job has no sensor to choose.
        let of_job = selector.name.as_ref().is_some_and(|name| name.starts_with("job"));
        for (label, value) in [("job", marks.job), ("instance", marks.instance)] {
            if of_job && label == "instance" {
                continue;
            }
            let matched = selector.matchers.matchers.iter().any(|matcher| {
                matcher.name == label && matches!(matcher.op, MatchOp::Re(_)) && matcher.value == value
            });
            ensure!(matched, "no {label}=~\"${label}\" in {written}");
        }
        if let (Expr::MatrixSelector(matrix), Some(Expr::Call(call))) = (node, above.last()) {
            let seconds = if ["rate", "irate"].contains(&call.func.name) {
                7919
            } else {
                7907
            };
            ensure!(matrix.range.as_secs() == seconds, "a fixed range in {written}");
        }
        Ok(())
    })
}

/// Panels lie within the 24 columns, and none over another.
fn lint_places(panels: &[&Value]) -> Result<()> {
    let mut taken = BTreeSet::new();
    for panel in panels {
        let number = |key: &str| {
            panel["gridPos"][key]
                .as_u64()
                .with_context(|| format!("no gridPos.{key}"))
        };
        let (left, top, width, height) = (number("x")?, number("y")?, number("w")?, number("h")?);
        ensure!(
            width > 0 && height > 0 && left + width <= 24,
            "{}: not on the grid",
            panel["title"]
        );
        for column in left..left + width {
            for line in top..top + height {
                ensure!(
                    taken.insert((column, line)),
                    "{} lies over another panel",
                    panel["title"]
                );
            }
        }
    }
    Ok(())
}

/// Each rule is given a dashboard that breaks it.
fn the_linter_refuses_each_fault() -> Result<()> {
    let good = files::json(OVERVIEW)?;
    let expression = |text: &str| json!(text);
    let faults: &[(&str, Value)] = &[
        ("/editable", json!(true)),
        ("/schemaVersion", json!(30)),
        ("/refresh", json!(60)),
        ("/tags/0", json!(1)),
        ("/links/0/keepTime", json!("yes")),
        ("/annotations/list/1/enable", json!("yes")),
        ("/templating/list/1/refresh", json!("2")),
        ("/panels/1/type", json!("grph")),
        ("/panels/1/gridPos/h", json!("9")),
        ("/panels/1/fieldConfig/defaults/min", json!("0")),
        ("/panels/1/targets/0/range", json!("true")),
        ("/panels/1/options", json!([])),
        ("/templating/list/0/type", json!("constant")),
        ("/templating/list/1/allValue", json!(".*")),
        ("/templating/list/2/multi", json!(false)),
        ("/templating/list/2/datasource/uid", json!("teiten-prometheus")),
        ("/panels/1/title", json!("")),
        ("/panels/1/description", json!("")),
        ("/panels/1/id", json!(1)),
        ("/panels/1/datasource/uid", json!("teiten-prometheus")),
        ("/panels/1/fieldConfig/defaults/unit", json!("packets")),
        ("/panels/1/targets", json!([])),
        ("/panels/1/gridPos/w", json!(20)),
        ("/panels/1/targets/0/expr", expression("up{job=~\"$job\"}")),
        (
            "/panels/1/targets/0/expr",
            expression("up{job=\"$job\", instance=~\"$instance\"}"),
        ),
        (
            "/panels/1/targets/0/expr",
            expression("rate(x{job=~\"$job\", instance=~\"$instance\"}[5m])"),
        ),
        (
            "/panels/1/targets/0/expr",
            expression("rate(x{job=~\"$job\", instance=~\"$instance\"}[$__range])"),
        ),
    ];
    lint(&good)?;
    for (place, fault) in faults {
        let mut broken = good.clone();
        *broken
            .pointer_mut(place)
            .with_context(|| format!("nothing at {place}"))? = fault.clone();
        ensure!(lint(&broken).is_err(), "{place} = {fault} was accepted");
    }
    Ok(())
}

fn the_overview_shows_what_it_must() -> Result<()> {
    let overview = files::json(OVERVIEW)?;
    let all = expressions::panels(&overview);
    let wanted: &[(&str, &[&str])] = &[
        (
            "Scans by destination port: top 5",
            &["topk(5", "rate(teiten_port_syn_packets_total"],
        ),
        (
            "Packets by source region: top 5",
            &["topk(5", "rate(teiten_source_region_packets_total"],
        ),
        (
            "Mirai packets by source region: top 5",
            &["rate(teiten_source_region_mirai_packets_total"],
        ),
        (
            "5060/udp by source region: top 5",
            &["port=\"5060\"", "transport=\"udp\"", "by (source_region)"],
        ),
        ("Classes", &["by (class)"]),
        (
            "Conservation: packets sent, less packets read and declared lost",
            &["abs(teiten_conservation_difference_packets"],
        ),
    ];
    for (title, parts) in wanted {
        let panel = all
            .iter()
            .find(|panel| panel["title"] == *title)
            .with_context(|| format!("no panel {title:?}"))?;
        ensure!(panel["type"] == "timeseries", "{title}: shows no trend");
        let expression = files::string(&panel["targets"][0], "expr")?;
        for part in *parts {
            ensure!(expression.contains(part), "{title}: no {part} in {expression}");
        }
    }
    Ok(())
}

fn the_data_source_and_the_folder_are_provisioned() -> Result<()> {
    let sources = files::yaml("deploy/grafana/provisioning/datasources/prometheus.yaml")?;
    let source = &sources["datasources"][0];
    ensure!(
        source["type"] == "prometheus" && source["uid"] == "teiten-prometheus",
        "{source}"
    );
    let scrapes = files::yaml("deploy/prometheus/prometheus.yml")?;
    ensure!(
        source["jsonData"]["timeInterval"] == scrapes["global"]["scrape_interval"],
        "$__rate_interval is made from timeInterval: it must be the scrape interval"
    );
    let providers = files::yaml("deploy/grafana/provisioning/dashboards/teiten.yaml")?;
    let provider = &providers["providers"][0];
    ensure!(
        provider["type"] == "file" && provider["options"]["path"].is_string(),
        "{provider}"
    );
    Ok(())
}
