//! What holds for every shipped expression: it parses, and uses metrics and labels as they are meant.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, VectorSelector, token};

use crate::Test;
use crate::expressions::{self, Expression, Variables};
use crate::files;
use crate::metrics::{self, Kind};
use crate::syntax::{parse, selector, walk};

pub(crate) const TESTS: &[Test] = &[
    ("every_expression_parses", every_expression_parses),
    (
        "every_metric_is_one_that_a_sensor_exports",
        every_metric_is_one_that_a_sensor_exports,
    ),
    (
        "every_label_belongs_to_the_metrics_beside_it",
        every_label_belongs_to_the_metrics_beside_it,
    ),
    (
        "counters_are_read_by_rate_or_increase_and_gauges_never",
        counters_are_read_by_rate_or_increase_and_gauges_never,
    ),
    (
        "unique_sources_are_never_added_up",
        unique_sources_are_never_added_up,
    ),
    (
        "what_one_port_or_region_means_leaves_the_rest_row_out",
        what_one_port_or_region_means_leaves_the_rest_row_out,
    ),
    (
        "recorded_series_are_named_by_level_metric_and_operation",
        recorded_series_are_named_by_level_metric_and_operation,
    ),
    (
        "the_checks_notice_what_they_are_for",
        the_checks_notice_what_they_are_for,
    ),
];

/// Applies a check to every node of every expression.
fn for_each_node(check: impl Fn(&Expr, &[&Expr]) -> Result<()>) -> Result<()> {
    for expression in expressions::all(&Variables::DEFAULT)? {
        check_one(&expression.query, &check).with_context(|| place(&expression))?;
    }
    Ok(())
}

fn check_one(query: &str, check: &impl Fn(&Expr, &[&Expr]) -> Result<()>) -> Result<()> {
    walk(&parse(query)?, &mut Vec::new(), &mut |node, above| {
        check(node, above)
    })
}

fn place(expression: &Expression) -> String {
    format!(
        "{}, {}:\n{}\n",
        expression.file, expression.place, expression.written
    )
}

/// The names of the series that the rules record, in production and in the demo.
fn recorded() -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for folder in ["deploy/prometheus/rules", "deploy/prometheus/demo/rules"] {
        names.extend(
            files::rules(folder)?
                .iter()
                .filter_map(|rule| rule.record().map(str::to_owned)),
        );
    }
    Ok(names)
}

fn name(selector: &VectorSelector) -> Result<&str> {
    selector
        .name
        .as_deref()
        .context("a selector must name its metric")
}

fn every_expression_parses() -> Result<()> {
    let all = expressions::all(&Variables::DEFAULT)?;
    for expression in &all {
        ensure!(
            !expression.query.contains('$'),
            "a variable that is not known: {}",
            place(expression)
        );
        parse(&expression.query).with_context(|| place(expression))?;
    }
    // A collector that finds nothing would prove nothing: 24 rules twice, 10 alerts once more, over 25 targets.
    ensure!(all.len() > 80, "only {} expressions were found", all.len());
    Ok(())
}

fn every_metric_is_one_that_a_sensor_exports() -> Result<()> {
    let recorded = recorded()?;
    for_each_node(|node, _| known_metric(node, &recorded))
}

fn known_metric(node: &Expr, recorded: &BTreeSet<String>) -> Result<()> {
    let Some(selector) = selector(node) else {
        return Ok(());
    };
    let name = name(selector)?;
    ensure!(
        metrics::of_series(name).is_some() || recorded.contains(name),
        "nothing exports or records {name}"
    );
    Ok(())
}

/// The labels that the series under a node may have.
fn labels_under(node: &Expr) -> Result<BTreeSet<String>> {
    let mut labels = BTreeSet::from(["job".to_owned(), "instance".to_owned()]);
    walk(node, &mut Vec::new(), &mut |node, _| {
        if let Some(selector) = selector(node) {
            let name = name(selector)?;
            match metrics::of_series(name) {
                Some(metric) => labels.extend(metric.labels.iter().map(|&label| label.to_owned())),
                None => labels.extend(labels_of_level(name)),
            }
        }
        if let Expr::Call(call) = node
            && call.func.name == "label_replace"
            && let Some(Expr::StringLiteral(label)) = call.args.args.get(1).map(AsRef::as_ref)
        {
            labels.insert(label.val.clone());
        }
        Ok(())
    })?;
    Ok(labels)
}

/// The labels that a recorded name's level promises: `instance_transport_port:…` has `transport` and `port`.
fn labels_of_level(name: &str) -> Vec<String> {
    let level = name.split(':').next().unwrap_or_default();
    ["transport", "port", "source_region", "class"]
        .into_iter()
        .filter(|label| format!("_{level}_").contains(&format!("_{label}_")))
        .map(str::to_owned)
        .collect()
}

fn every_label_belongs_to_the_metrics_beside_it() -> Result<()> {
    for_each_node(|node, _| known_labels(node))
}

fn known_labels(node: &Expr) -> Result<()> {
    let used: Vec<String> = match node {
        Expr::VectorSelector(_) | Expr::MatrixSelector(_) => selector(node)
            .into_iter()
            .flat_map(|selector| &selector.matchers.matchers)
            .map(|matcher| matcher.name.clone())
            .collect(),
        Expr::Aggregate(aggregate) => aggregate
            .modifier
            .iter()
            .flat_map(|modifier| modifier.labels().labels.clone())
            .collect(),
        Expr::Binary(binary) => binary
            .modifier
            .iter()
            .filter_map(|modifier| modifier.matching.as_ref())
            .flat_map(|matching| matching.labels().labels.clone())
            .collect(),
        _ => return Ok(()),
    };
    let known = labels_under(node)?;
    for label in used {
        ensure!(
            known.contains(&label),
            "no metric here has the label {label}: {node}"
        );
    }
    Ok(())
}

fn counters_are_read_by_rate_or_increase_and_gauges_never() -> Result<()> {
    for expression in expressions::all(&Variables::DEFAULT)? {
        // A variable reads labels, and no value.
        if !expression.place.starts_with("variable") {
            check_one(&expression.query, &rightly_read).with_context(|| place(&expression))?;
        }
    }
    Ok(())
}

fn rightly_read(node: &Expr, above: &[&Expr]) -> Result<()> {
    let Some(selector) = selector(node) else {
        return Ok(());
    };
    let name = name(selector)?;
    let rises = matches!(metrics::of_series(name), Some(metric) if matches!(metric.kind, Kind::Counter | Kind::Histogram));
    let by_rate = matches!(above.last(), Some(Expr::Call(call)) if ["rate", "irate", "increase"].contains(&call.func.name));
    ensure!(
        rises == by_rate,
        "{name} must {}be read by rate or increase",
        if rises { "" } else { "not " }
    );
    Ok(())
}

fn unique_sources_are_never_added_up() -> Result<()> {
    for_each_node(not_added_up)
}

fn not_added_up(node: &Expr, above: &[&Expr]) -> Result<()> {
    let Some(selector) = selector(node) else {
        return Ok(());
    };
    let name = name(selector)?;
    // What is recorded of unique sources, a median for instance, overlaps as they do.
    let counted = name.split(':').nth(1).unwrap_or(name);
    if metrics::of_series(counted).is_none_or(|metric| metric.kind != Kind::UniqueSources) {
        return Ok(());
    }
    for node in above {
        let adds = match node {
            // An average is a sum as well.
            Expr::Aggregate(aggregate) => [token::T_SUM, token::T_AVG].contains(&aggregate.op.id()),
            Expr::Call(call) => ["sum_over_time", "avg_over_time"].contains(&call.func.name),
            // How much one sensor's own figure has grown is no sum of two.
            Expr::Binary(binary) if binary.op.id() == token::T_SUB => {
                counted_under(&binary.lhs)? != counted_under(&binary.rhs)?
            }
            Expr::Binary(binary) => binary.op.id() == token::T_ADD,
            _ => false,
        };
        ensure!(
            !adds,
            "{name} counts unique sources, which overlap: they must not be added up"
        );
    }
    Ok(())
}

/// The metrics under a node, by the names that they are exported with.
fn counted_under(node: &Expr) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    walk(node, &mut Vec::new(), &mut |node, _| {
        if let Some(selector) = selector(node) {
            let name = name(selector)?;
            names.insert(name.split(':').nth(1).unwrap_or(name).to_owned());
        }
        Ok(())
    })?;
    Ok(names)
}

fn what_one_port_or_region_means_leaves_the_rest_row_out() -> Result<()> {
    for rule in expressions::of_rules("deploy/prometheus/rules")? {
        if rule.place.contains("_port:") || rule.place.contains("_region:") {
            check_one(&rule.query, &without_rest_row).with_context(|| place(&rule))?;
        }
    }
    for panel in expressions::of_dashboards(&Variables::DEFAULT)? {
        if panel.query.contains("topk") {
            check_one(&panel.query, &without_rest_row).with_context(|| place(&panel))?;
        }
    }
    Ok(())
}

fn without_rest_row(node: &Expr, _: &[&Expr]) -> Result<()> {
    let Some(selector) = selector(node) else {
        return Ok(());
    };
    let name = name(selector)?;
    let Some(metric) = metrics::of_series(name) else {
        return Ok(());
    };
    if metric.kind != Kind::Counter {
        return Ok(());
    }
    for &label in metric
        .labels
        .iter()
        .filter(|label| ["port", "source_region"].contains(label))
    {
        let out = selector.matchers.matchers.iter().any(|matcher| {
            matcher.name == label
                && match matcher.op {
                    MatchOp::NotEqual => matcher.value == "other",
                    MatchOp::Equal => matcher.value != "other",
                    MatchOp::Re(_) | MatchOp::NotRe(_) => false,
                }
        });
        ensure!(out, "{name} needs {label}!=\"other\": the rest row is no {label}");
    }
    Ok(())
}

fn recorded_series_are_named_by_level_metric_and_operation() -> Result<()> {
    for rule in files::rules("deploy/prometheus/rules")? {
        let Some(name) = rule.record() else { continue };
        let parts: Vec<_> = name.split(':').collect();
        let &[level, metric, operation] = parts.as_slice() else {
            anyhow::bail!("{name} is not level:metric:operation");
        };
        ensure!(
            level.starts_with("instance") || level.starts_with("job"),
            "{name}: the level says which labels are left"
        );
        ensure!(
            metric.starts_with("teiten_"),
            "{name}: the metric keeps the prefix"
        );
        ensure!(
            !metric.ends_with("_total"),
            "{name}: what is no counter any more has no _total"
        );
        ensure!(
            [
                "increase",
                "usual",
                "surge",
                "domestic_surge",
                "top",
                "median",
                "few"
            ]
            .iter()
            .any(|start| operation.starts_with(start)),
            "{name}: the operation says what was done"
        );
    }
    Ok(())
}

/// Each check is given what it must refuse: a check that accepts everything would pass the tests above too.
fn the_checks_notice_what_they_are_for() -> Result<()> {
    let none = BTreeSet::new();
    ensure!(parse("rate(x[5m]").is_err(), "an open bracket");
    let refused = |query: &str, check: &dyn Fn(&Expr, &[&Expr]) -> Result<()>| -> Result<()> {
        let verdict = check_one(query, &|node, above| check(node, above));
        ensure!(verdict.is_err(), "{query} was accepted");
        Ok(())
    };
    refused("rate(teiten_port_packet_total[5m])", &|node, _| {
        known_metric(node, &none)
    })?;
    refused(r#"rate({__name__=~"teiten_.+"}[5m])"#, &|node, _| {
        known_metric(node, &none)
    })?;
    refused(r#"teiten_attached{port="23"}"#, &|node, _| known_labels(node))?;
    refused(
        "sum by (region) (rate(teiten_source_region_packets_total[5m]))",
        &|node, _| known_labels(node),
    )?;
    refused("teiten_attached and on (transport) up", &|node, _| {
        known_labels(node)
    })?;
    refused("sum(teiten_port_packets_total)", &rightly_read)?;
    refused("rate(teiten_ring_used_bytes[5m])", &rightly_read)?;
    refused("sum by (port) (teiten_port_sources)", &not_added_up)?;
    refused("avg(max by (instance) (teiten_sources))", &not_added_up)?;
    refused(
        "teiten_mirai_sources + teiten_iot_port_without_mirai_sources",
        &not_added_up,
    )?;
    refused("teiten_sources - teiten_mirai_sources", &not_added_up)?;
    refused("sum_over_time(teiten_sources[1h])", &not_added_up)?;
    refused("avg(instance:teiten_sources:median1d)", &not_added_up)?;
    refused("topk(5, rate(teiten_port_packets_total[5m]))", &without_rest_row)?;
    refused(
        r#"rate(teiten_port_packets_total{port="other"}[5m])"#,
        &without_rest_row,
    )?;
    refused(
        r#"rate(teiten_port_region_packets_total{port="23"}[5m])"#,
        &without_rest_row,
    )
}
