//! Every expression for Prometheus that is shipped, and where it stands.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::deployed::{self as files, demo::shorten};

/// What an expression owes to a Prometheus that has scraped a sensor with traffic for some minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owes {
    /// At least one row, always.
    Rows,
    /// Rows while a port, a region and Mirai surge at one sensor.
    RowsInSurge,
    /// Rows only when something else is wrong or rises, or after days: an alert, a surge of the fleet.
    RowsInTrouble,
    /// Nothing: it names a port or region as an example.
    Nothing,
}

/// An expression in Prometheus' language.
#[derive(Clone, Debug)]
pub struct Expression {
    /// The file, from the repository's root.
    pub file: String,
    /// Where in the file: the rule, the panel and target, the variable, the line.
    pub place: String,
    /// The expression as it stands there.
    pub written: String,
    /// The expression as Prometheus gets it, with Grafana's variables replaced.
    pub query: String,
    /// What it owes.
    pub owes: Owes,
}

impl Expression {
    /// Whether it is that of a dashboard's annotations: the alerts that fire.
    #[must_use]
    pub fn is_annotation(&self) -> bool {
        self.place.starts_with("annotation ")
    }
}

/// What Grafana puts in place of its variables.
#[derive(Clone, Copy, Debug)]
pub struct Variables<'a> {
    /// `$job`, a regular expression.
    pub job: &'a str,
    /// `$instance`, a regular expression.
    pub instance: &'a str,
    /// `$transport`, `$port` and `$source_region`, of the dashboards about one of them.
    pub transport: &'a str,
    /// See `transport`.
    pub port: &'a str,
    /// See `transport`.
    pub source_region: &'a str,
    /// `$__rate_interval`, a duration of at least four scrapes.
    pub rate_interval: &'a str,
    /// `$__range`, the shown time as a duration.
    pub range: &'a str,
    /// Whether recorded series have the names of the demo's rules.
    pub demo: bool,
}

impl Variables<'_> {
    /// What the dashboards show when they are opened.
    pub const DEFAULT: Variables<'static> = Variables {
        job: ".+",
        instance: ".+",
        transport: "tcp",
        port: "23",
        source_region: "JP",
        rate_interval: "1m",
        range: "1d",
        demo: false,
    };

    /// The expression with these in place of Grafana's variables.
    ///
    /// # Errors
    /// It is for a demo, and has a duration that the demo does not know.
    pub fn substitute(&self, written: &str) -> Result<String> {
        let shortened = self.demo.then(|| shorten(written)).transpose()?;
        Ok(shortened
            .as_deref()
            .unwrap_or(written)
            .replace("$__rate_interval", self.rate_interval)
            .replace("$__range", self.range)
            .replace("$job", self.job)
            .replace("$instance", self.instance)
            .replace("$transport", self.transport)
            .replace("$port", self.port)
            .replace("$source_region", self.source_region))
    }
}

/// Every expression under `deploy/` and in the runbooks.
///
/// # Errors
/// A file cannot be read, or is not what it should be.
pub fn all(variables: &Variables<'_>) -> Result<Vec<Expression>> {
    let mut found = Vec::new();
    for folder in ["deploy/prometheus/rules", "deploy/prometheus/demo/rules"] {
        found.extend(of_rules(folder)?);
    }
    found.extend(of_dashboards(variables)?);
    found.extend(of_grafana_alerts()?);
    found.extend(of_runbooks()?);
    Ok(found)
}

/// The expressions of the rules files in a folder.
///
/// # Errors
/// A file cannot be read, or a rule has no name.
pub fn of_rules(folder: &str) -> Result<Vec<Expression>> {
    let mut found = Vec::new();
    for rule in files::rules(folder)? {
        let name = rule
            .alert()
            .or(rule.record())
            .context("a rule without a name")?
            .to_owned();
        let owes = if rule.alert().is_some() {
            Owes::RowsInTrouble
        } else {
            owed_by_series(&name)
        };
        let expression = files::string(&rule.body, "expr")?.to_owned();
        found.push(Expression {
            file: rule.file,
            place: format!("group {}, rule {name}", rule.group),
            written: expression.clone(),
            query: expression,
            owes,
        });
    }
    Ok(found)
}

/// What a recorded series owes, by its name: `level:metric:operation`.
fn owed_by_series(name: &str) -> Owes {
    let (level, operation) = (
        name.split(':').next().unwrap_or_default(),
        name.rsplit(':').next().unwrap_or_default(),
    );
    let starts = |words: &[&str]| words.iter().any(|word| operation.starts_with(word));
    if operation.starts_with("surge")
        && ["instance_transport_port", "instance_source_region"].contains(&level)
    {
        Owes::RowsInSurge
    } else if starts(&[
        "surge",
        "domestic_surge",
        "few",
        "top10",
        "median7d",
        "increase10m_median7d",
        "increase10s_median65s",
    ]) {
        Owes::RowsInTrouble
    } else {
        Owes::Rows
    }
}

/// The expressions of the dashboards' panels and variables.
///
/// # Errors
/// A dashboard cannot be read, or lacks what it should have.
pub fn of_dashboards(variables: &Variables<'_>) -> Result<Vec<Expression>> {
    let mut found = Vec::new();
    for file in files::list("deploy/grafana/dashboards", "json")? {
        let dashboard = files::json(&file)?;
        for panel in panels(&dashboard) {
            for target in files::items(panel, "targets") {
                let written = files::string(target, "expr")?.to_owned();
                found.push(Expression {
                    file: file.clone(),
                    place: format!(
                        "panel {:?}, target {}",
                        files::string(panel, "title")?,
                        target["refId"]
                    ),
                    query: variables.substitute(&written)?,
                    written,
                    owes: Owes::Rows,
                });
            }
        }
        for annotation in files::items(&dashboard["annotations"], "list") {
            if let Some(written) = annotation["expr"].as_str() {
                found.push(Expression {
                    file: file.clone(),
                    place: format!("annotation {}", annotation["name"]),
                    query: variables.substitute(written)?,
                    written: written.to_owned(),
                    owes: Owes::RowsInTrouble,
                });
            }
        }
        for variable in files::items(&dashboard["templating"], "list") {
            if variable["type"] == "query" {
                let written = files::string(variable, "query")?;
                let inner = label_values(written).with_context(|| format!("{file}: {written}"))?;
                found.push(Expression {
                    file: file.clone(),
                    place: format!("variable {}", variable["name"]),
                    written: inner.to_owned(),
                    query: variables.substitute(inner)?,
                    owes: Owes::Rows,
                });
            }
        }
    }
    Ok(found)
}

/// The panels of a dashboard, those in rows too.
#[must_use]
pub fn panels(dashboard: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for panel in files::items(dashboard, "panels") {
        found.push(panel);
        found.extend(files::items(panel, "panels"));
    }
    found
}

/// The selector in `label_values(selector, label)`.
fn label_values(query: &str) -> Result<&str> {
    query
        .strip_prefix("label_values(")
        .and_then(|rest| rest.strip_suffix(')'))
        .and_then(|arguments| arguments.rsplit_once(','))
        .map(|(selector, _)| selector)
        .context("a variable's query must be label_values(selector, label)")
}

/// The expressions of the rules that Grafana evaluates.
fn of_grafana_alerts() -> Result<Vec<Expression>> {
    let mut found = Vec::new();
    for file in files::list("deploy/grafana/provisioning/alerting", "yaml")? {
        for group in files::items(&files::yaml(&file)?, "groups") {
            for rule in files::items(group, "rules") {
                for query in files::items(rule, "data") {
                    if let Some(expression) = query["model"]["expr"].as_str() {
                        found.push(Expression {
                            file: file.clone(),
                            place: format!("rule {}", rule["title"]),
                            written: expression.to_owned(),
                            query: expression.to_owned(),
                            owes: Owes::RowsInTrouble,
                        });
                    }
                }
            }
        }
    }
    Ok(found)
}

/// The blocks marked `promql` in the runbooks.
fn of_runbooks() -> Result<Vec<Expression>> {
    let mut found = Vec::new();
    for file in files::list("docs/runbooks", "md")? {
        let text = files::text(&file)?;
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("```promql\n") {
            let (block, next) = after
                .split_once("\n```")
                .with_context(|| format!("{file}: a promql block without an end"))?;
            ensure!(!before.is_empty(), "{file} begins with an expression");
            found.push(Expression {
                file: file.clone(),
                place: format!("expression {}", found.len() + 1),
                written: block.to_owned(),
                query: block.to_owned(),
                owes: Owes::Nothing,
            });
            rest = next;
        }
    }
    Ok(found)
}
