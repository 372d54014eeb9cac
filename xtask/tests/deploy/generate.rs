//! Grafana's dashboards made from `deploy/grafana/source/`, and the test that they are.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::Test;
use crate::files;

pub(crate) const TESTS: &[Test] = &[
    (
        "the_dashboards_are_made_from_their_sources",
        the_dashboards_are_made_from_their_sources,
    ),
    (
        "panels_flow_in_rows_of_24_columns",
        panels_flow_in_rows_of_24_columns,
    ),
];

const SOURCES: &str = "deploy/grafana/source";
const DASHBOARDS: &str = "deploy/grafana/dashboards";
/// The layout of Grafana 11.6, which 12 reads too.
const SCHEMA_VERSION: u32 = 41;
/// The columns of Grafana's grid.
const COLUMNS: u64 = 24;

/// Writes every dashboard.
pub(crate) fn write() -> Result<()> {
    for source in files::list(SOURCES, "yaml")? {
        let text = serde_json::to_string_pretty(&dashboard(&source)?)? + "\n";
        let path = target(&source)?;
        fs::write(files::root().join(&path), text).with_context(|| format!("{path} cannot be written"))?;
    }
    Ok(())
}

fn target(source: &str) -> Result<String> {
    let name = source
        .strip_prefix(SOURCES)
        .and_then(|name| name.strip_suffix(".yaml"));
    Ok(format!("{DASHBOARDS}{}.json", name.context("no source")?))
}

/// The dashboard that a source comes to.
fn dashboard(path: &str) -> Result<Value> {
    let source = files::yaml(path)?;
    let mut variables = vec![
        data_source(),
        variable("job", ""),
        variable("instance", r#"job=~"$job""#),
    ];
    for name in files::items(&source, "variables") {
        variables.push(chosen(name.as_str().context("a variable's name is a text")?)?);
    }
    let mut panels = Vec::new();
    let mut line = 0;
    for row in files::items(&source, "rows") {
        panels.push(json!({
            "collapsed": false, "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": line}, "id": panels.len() + 1,
            "panels": [], "title": files::string(row, "row")?, "type": "row",
        }));
        line = flow(files::items(row, "panels"), line + 1, &mut panels)?;
    }
    Ok(json!({
        "annotations": {"list": [built_in_annotations(), alert_annotations()]},
        "description": files::string(&source, "description")?,
        "editable": false,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "links": [{
            "asDropdown": false, "icon": "external link", "includeVars": true, "keepTime": true, "tags": ["teiten"],
            "targetBlank": false, "title": "", "tooltip": "", "type": "dashboards", "url": "",
        }],
        "panels": panels,
        "refresh": "1m",
        "schemaVersion": SCHEMA_VERSION,
        "tags": ["teiten"],
        "templating": {"list": variables},
        "time": {"from": "now-24h", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "title": files::string(&source, "title")?,
        "uid": files::string(&source, "uid")?,
        "version": 1,
    }))
}

/// Puts the panels of a row beside each other, then below; gives back the first free line.
fn flow(sources: &[Value], top: u64, panels: &mut Vec<Value>) -> Result<u64> {
    let (mut left, mut line, mut tallest) = (0, top, 0);
    for source in sources {
        let size = |at: usize| {
            source["size"][at]
                .as_u64()
                .with_context(|| format!("no size: [columns, lines] in {source}"))
        };
        let (width, height) = (size(0)?, size(1)?);
        if left + width > COLUMNS {
            (left, line, tallest) = (0, line + tallest, 0);
        }
        let id = panels.len() + 1;
        let place = json!({"h": height, "w": width, "x": left, "y": line});
        panels.push(panel(source, id, &place).with_context(|| format!("panel {}", source["title"]))?);
        left += width;
        tallest = tallest.max(height);
    }
    Ok(line + tallest)
}

fn panel(source: &Value, id: usize, place: &Value) -> Result<Value> {
    let kind = files::string(source, "type")?;
    let mut targets = Vec::new();
    for (reference, target) in ('A'..='Z').zip(files::items(source, "targets")) {
        targets.push(self::target_of(target, reference, kind)?);
    }
    let mut defaults = json!({"unit": files::string(source, "unit")?, "noValue": "–"});
    for key in ["min", "max", "decimals", "thresholds", "mappings"] {
        if !source[key].is_null() {
            defaults[key] = source[key].clone();
        }
    }
    if let Some(to) = source["link"].as_str() {
        defaults["links"] = json!([link(to)?]);
    }
    let mut panel = json!({
        "datasource": prometheus(), "description": files::string(source, "description")?, "gridPos": place, "id": id,
        "targets": targets, "title": files::string(source, "title")?, "type": kind,
    });
    match kind {
        "timeseries" => {
            defaults["color"] = json!({"mode": "palette-classic"});
            defaults["custom"] = json!({
                "drawStyle": "line", "fillOpacity": 10, "lineWidth": 1, "showPoints": "never", "spanNulls": false,
                "stacking": {"group": "A", "mode": "none"},
            });
            panel["options"] = json!({
                "legend": {"calcs": ["mean", "max"], "displayMode": "table", "placement": "bottom", "showLegend": true},
                "tooltip": {"mode": "multi", "sort": "desc"},
            });
        }
        "stat" => {
            defaults["color"] = json!({"mode": "thresholds"});
            panel["options"] = json!({
                "colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
                "textMode": "auto", "wideLayout": true,
            });
        }
        "table" => {
            panel["options"] = json!({"cellHeight": "sm", "footer": {"show": false}, "showHeader": true});
            panel["options"]["sortBy"] =
                json!([{"desc": true, "displayName": files::string(source, "sort")?}]);
            panel["transformations"] =
                table(files::items(source, "targets"), files::items(source, "columns"))?;
        }
        other => anyhow::bail!("no panel is of the type {other}"),
    }
    panel["fieldConfig"] =
        json!({"defaults": defaults, "overrides": overrides(files::items(source, "targets"))});
    Ok(panel)
}

/// A query; `@` at the beginning of a selector stands for the job and the sensors that are chosen.
fn target_of(source: &Value, reference: char, kind: &str) -> Result<Value> {
    let expression = files::string(source, "expr")?
        .trim()
        .replace("{@", r#"{job=~"$job", instance=~"$instance""#);
    let mut target = json!({
        "datasource": prometheus(), "editorMode": "code", "expr": expression, "refId": reference.to_string(),
        "range": kind == "timeseries", "instant": kind != "timeseries",
    });
    if kind == "table" {
        target["format"] = json!("table");
    } else {
        target["legendFormat"] = json!(files::string(source, "legend")?);
    }
    Ok(target)
}

/// The columns of a table: the labels that it is by, and one for each query.
fn table(targets: &[Value], labels: &[Value]) -> Result<Value> {
    let mut order = json!({});
    let mut names = json!({});
    for (place, label) in labels.iter().enumerate() {
        let label = label.as_str().context("a column's label is a text")?;
        order[label] = json!(place);
        names[label] = json!(capital(label));
    }
    for (place, (reference, target)) in ('A'..='Z').zip(targets).enumerate() {
        // Grafana names the value of a single query without its letter.
        let value = if targets.len() == 1 {
            "Value".to_owned()
        } else {
            format!("Value #{reference}")
        };
        order[&value] = json!(labels.len() + place);
        names[&value] = json!(files::string(target, "legend")?);
    }
    let wanted: Vec<_> = order
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect();
    Ok(json!([
        {"id": "merge", "options": {}},
        {"id": "filterFieldsByName", "options": {"include": {"names": wanted}}},
        {"id": "organize", "options": {"excludeByName": {}, "indexByName": order, "renameByName": names}},
    ]))
}

/// `source_region` as `Source region`.
fn capital(label: &str) -> String {
    let words = label.replace('_', " ");
    let mut characters = words.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + characters.as_str()
    })
}

/// The units of single columns.
fn overrides(targets: &[Value]) -> Vec<Value> {
    let of_target = |target: &Value| {
        let unit = target["unit"].as_str()?;
        Some(json!({
            "matcher": {"id": "byName", "options": target["legend"]}, "properties": [{"id": "unit", "value": unit}],
        }))
    };
    targets.iter().filter_map(of_target).collect()
}

fn prometheus() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// From a line to the dashboard about its port or region.
fn link(to: &str) -> Result<Value> {
    let (title, variables) = match to {
        "port" => (
            "Port",
            "var-transport=${__field.labels.transport}&var-port=${__field.labels.port}",
        ),
        "region" => ("Region", "var-source_region=${__field.labels.source_region}"),
        "sensor" => ("Sensor health", "var-instance=${__field.labels.instance}"),
        other => anyhow::bail!("no dashboard is about a {other}"),
    };
    let name = if to == "sensor" { "sensor-health" } else { to };
    let url = format!("/d/teiten-{name}?${{__url_time_range}}&${{datasource:queryparam}}&{variables}");
    Ok(json!({"targetBlank": false, "title": title, "url": url}))
}

fn data_source() -> Value {
    json!({
        "current": {}, "label": "Data source", "name": "datasource", "options": [], "query": "prometheus", "refresh": 1,
        "regex": "", "type": "datasource",
    })
}

/// A variable of which any number is chosen: all, at first.
fn variable(name: &str, selector: &str) -> Value {
    let query = format!("label_values(teiten_build_info{{{selector}}}, {name})").replace("{}", "");
    json!({
        "allValue": ".+", "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
        "datasource": prometheus(), "definition": query, "includeAll": true, "label": capital(name), "multi": true,
        "name": name, "options": [], "query": query, "refresh": 2, "regex": "", "sort": 1, "type": "query",
    })
}

/// A variable of which one is chosen.
fn chosen(name: &str) -> Result<Value> {
    let all = r#"job=~"$job", instance=~"$instance""#;
    let (query, first) = match name {
        "transport" => (
            format!("label_values(teiten_port_packets_total{{{all}}}, transport)"),
            "tcp",
        ),
        "port" => (
            format!(
                r#"label_values(teiten_port_packets_total{{{all}, transport="$transport", port!="other"}}, port)"#
            ),
            "23",
        ),
        "source_region" => (
            format!(
                r#"label_values(teiten_source_region_packets_total{{{all}, source_region!="other"}}, source_region)"#
            ),
            "JP",
        ),
        other => anyhow::bail!("no variable is called {other}"),
    };
    // Ports by number, the others by letter.
    let sort = if name == "port" { 3 } else { 1 };
    Ok(json!({
        "current": {"selected": true, "text": first, "value": first}, "datasource": prometheus(), "definition": query,
        "includeAll": false, "label": capital(name), "multi": false, "name": name, "options": [], "query": query,
        "refresh": 2, "regex": "", "sort": sort, "type": "query",
    }))
}

fn built_in_annotations() -> Value {
    json!({
        "builtIn": 1, "datasource": {"type": "grafana", "uid": "-- Grafana --"}, "enable": true, "hide": true,
        "iconColor": "rgba(0, 211, 255, 1)", "name": "Annotations & Alerts", "type": "dashboard",
    })
}

/// What Prometheus' alerts said, drawn into every panel.
fn alert_annotations() -> Value {
    json!({
        "datasource": prometheus(), "enable": true, "expr": r#"ALERTS{job=~"$job", alertstate="firing", severity!="info"}"#,
        "hide": false, "iconColor": "red", "name": "Alerts", "step": "60s",
        "tagKeys": "instance,transport,port,source_region", "textFormat": "{{severity}}", "titleFormat": "{{alertname}}",
        "useValueForTime": "false",
    })
}

fn the_dashboards_are_made_from_their_sources() -> Result<()> {
    let mut made = Vec::new();
    for source in files::list(SOURCES, "yaml")? {
        let path = target(&source)?;
        ensure!(
            files::json(&path)? == dashboard(&source)?,
            "{path} is not what {source} comes to. If the latter is right, write the former anew: \
             TEITEN_WRITE_DEPLOY=1 cargo test -p xtask --test deploy generate"
        );
        made.push(path);
    }
    let shipped = files::list(DASHBOARDS, "json")?;
    ensure!(shipped == made, "made: {made:?}, shipped: {shipped:?}");
    Ok(())
}

fn panels_flow_in_rows_of_24_columns() -> Result<()> {
    let source = |width: u64, height: u64| {
        json!({
            "type": "stat", "title": "t", "description": "d", "unit": "none", "size": [width, height],
            "targets": [{"expr": "up{@}", "legend": "l"}],
        })
    };
    let mut panels = Vec::new();
    let end = flow(&[source(12, 5), source(12, 8), source(8, 4)], 3, &mut panels)?;
    let places: Vec<_> = panels.iter().map(|panel| panel["gridPos"].clone()).collect();
    let place = |x: u64, y: u64, w: u64, h: u64| json!({"x": x, "y": y, "w": w, "h": h});
    ensure!(
        places == [place(0, 3, 12, 5), place(12, 3, 12, 8), place(0, 11, 8, 4)],
        "{places:?}"
    );
    ensure!(end == 15, "the next row begins at {end}");
    ensure!(
        panels[0]["targets"][0]["expr"] == r#"up{job=~"$job", instance=~"$instance"}"#,
        "{}",
        panels[0]["targets"]
    );
    Ok(())
}
