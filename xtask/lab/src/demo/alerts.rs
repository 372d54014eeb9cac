//! The demo's Prometheus and Alertmanager: whether the planted surge, and nothing else, reaches who should hear of it.

use std::{collections::BTreeSet, fmt};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{
    exposition::Sample,
    interrupt::Interrupt,
    traffic::{SURGE_PORT, SURGE_REGION},
};
use crate::{
    deployed::expressions::{self, Expression, Owes, Variables},
    network::Network,
    stack::{Alert, Receiver, Scrape, Stack},
};

/// Where the sensor is scraped, as it stands in the deployed files.
const SENSOR: &str = "127.0.0.1:10023";

/// Metrics that dashboards and rules use and that a sensor need not export yet. Once it does, rows are owed.
const NOT_YET_EXPORTED: [&str; 3] = [
    "teiten_records_disk_free_bytes",
    "teiten_ship_backlog_files",
    "teiten_clock_steps_total",
];

/// An alert that is neither expected nor needless: whether Debian's database is old depends on the machine.
const OF_THE_MACHINE: &str = "TeitenRegionDatabaseOld";

/// The labels by which an alert is told from others.
const TELLING: [&str; 10] = [
    "alertname",
    "severity",
    "scope",
    "origin",
    "reason",
    "interface",
    "transport",
    "port",
    "source_region",
    "tool",
];

/// The labels of an alert, as far as they tell it from others.
type Labels = Vec<(&'static str, String)>;

/// The alerts that the planted surge has to raise.
fn expected() -> BTreeSet<Labels> {
    let alert = |name: &str, labels: &[(&'static str, String)]| {
        let mut all = vec![
            ("alertname", name.to_owned()),
            ("severity", "warning".to_owned()),
            ("scope", "sensor".to_owned()),
        ];
        all.extend(labels.iter().cloned());
        all
    };
    let port = [("transport", "tcp".to_owned()), ("port", SURGE_PORT.to_string())];
    let region = [("source_region", SURGE_REGION.to_owned())];
    let mirai = [("origin", "any".to_owned()), region[0].clone()];
    BTreeSet::from([
        alert("TeitenScanSurgeByPort", &port),
        alert("TeitenScanSurgeByRegion", &region),
        alert("TeitenMiraiSurge", &mirai),
    ])
}

fn labels(alert: &Alert) -> Labels {
    TELLING
        .into_iter()
        .filter_map(|name| Some((name, alert.labels.get(name)?.clone())))
        .collect()
}

/// Prometheus and Alertmanager at work in the sensor's namespace, and their receiver.
pub struct Watching<'network> {
    network: &'network Network,
    stack: Stack,
    receiver: Receiver,
    told: usize,
}

impl<'network> Watching<'network> {
    /// Starts them.
    ///
    /// # Errors
    /// They cannot be started, or a signal came.
    pub fn start(network: &'network Network, interrupt: &Interrupt) -> Result<Self> {
        let start = || {
            let receiver = Receiver::start()?;
            let webhook = receiver.address().to_string();
            let patience = || Ok(interrupt.check()?);
            let stack = Stack::start(&Scrape::Plain(&[SENSOR.to_owned()]), &webhook, patience)?;
            Ok::<_, anyhow::Error>((stack, receiver))
        };
        let (stack, receiver) = network
            .enter(start)
            .context("the sensor's namespace cannot be entered")??;
        Ok(Self {
            network,
            stack,
            receiver,
            told: 0,
        })
    }

    /// What was heard since the last time.
    pub fn news(&mut self) -> Vec<Alert> {
        let news = self.receiver.alerts().split_off(self.told);
        self.told += news.len();
        news
    }

    /// Whether every alert that has to come has come.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let heard: BTreeSet<Labels> = self.receiver.alerts().iter().map(labels).collect();
        heard.is_superset(&expected())
    }

    /// Asks every deployed rule and panel of this Prometheus for rows; to be asked during the surge.
    ///
    /// # Errors
    /// Prometheus does not answer, or finds fault with an expression.
    pub fn ask_expressions(&self, samples: &[Sample], interrupt: &Interrupt) -> Result<Asked> {
        let variables = Variables {
            rate_interval: "10s",
            range: "15s",
            demo: true,
            ..Variables::DEFAULT
        };
        let rules = expressions::of_rules("deploy/prometheus/demo/rules")?.into_iter();
        let owing = rules
            .chain(expressions::of_dashboards(&variables)?)
            .filter(|expression| matches!(expression.owes, Owes::Rows | Owes::RowsInSurge));
        let mut asked = Asked::default();
        for expression in owing {
            interrupt.check()?;
            let place = format!("{}, {}", expression.file, expression.place);
            let rows = self
                .network
                .enter(|| self.stack.api().query(&expression.query))
                .context("the sensor's namespace cannot be entered")?
                .with_context(|| place.clone())?;
            asked.count += 1;
            if rows.is_empty() {
                match not_exported(&expression, &NOT_YET_EXPORTED, samples) {
                    Some(metric) => asked.not_exported.push(format!("{place}: {metric}")),
                    None => asked.without_rows.push(place),
                }
            }
        }
        Ok(asked)
    }

    /// Ends them, and says what was heard.
    #[must_use]
    pub fn finish(self, asked: Option<Asked>) -> Heard {
        Heard {
            alerts: self.receiver.alerts(),
            asked: asked.unwrap_or_default(),
        }
    }
}

/// The metric of an expression that the sensor does not export, and need not.
fn not_exported<'list>(
    expression: &Expression,
    planned: &[&'list str],
    samples: &[Sample],
) -> Option<&'list str> {
    // The name of a recorded series holds that of its metric between colons.
    let belongs = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut names = expression.query.split(|character| !belongs(character));
    let metric = names.find_map(|name| planned.iter().find(|metric| **metric == name))?;
    let exported = samples.iter().any(|sample| sample.name == *metric);
    (!exported).then_some(*metric)
}

/// What became of the expressions.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// How many were asked.
    pub count: usize,
    /// Those that owe rows and have none, by place.
    pub without_rows: Vec<String>,
    /// Those whose metric the sensor does not export yet, by place.
    pub not_exported: Vec<String>,
}

/// What was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The alerts, in the order in which they came.
    pub alerts: Vec<Alert>,
    /// The expressions.
    pub asked: Asked,
}

impl Heard {
    /// Whether the alerts of the surge came and no other, and every expression has the rows that it owes.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.missing().is_empty()
            && self.needless().is_empty()
            && self.asked.count > 0
            && self.asked.without_rows.is_empty()
    }

    fn heard(&self) -> BTreeSet<Labels> {
        self.alerts.iter().map(labels).collect()
    }

    fn missing(&self) -> Vec<Labels> {
        expected().difference(&self.heard()).cloned().collect()
    }

    fn needless(&self) -> Vec<Labels> {
        let of_machine = |labels: &&Labels| labels.iter().any(|(_, value)| value == OF_THE_MACHINE);
        self.heard()
            .difference(&expected())
            .filter(|labels| !of_machine(labels))
            .cloned()
            .collect()
    }

    /// As programs read it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let alerts = self.alerts.iter().map(|alert| {
            json!({ "receiver": alert.receiver, "labels": alert.labels, "annotations": alert.annotations })
        });
        json!({
            "right": self.is_right(),
            "heard": alerts.collect::<Vec<_>>(),
            "missing": self.missing().iter().map(shown).collect::<Vec<_>>(),
            "needless": self.needless().iter().map(shown).collect::<Vec<_>>(),
            "expressions": {
                "asked": self.asked.count,
                "without_rows": self.asked.without_rows,
                "not_exported": self.asked.not_exported,
            },
        })
    }
}

/// An alert in one line: its name, then its labels.
#[must_use]
pub fn line(alert: &Alert) -> String {
    format!("{} to {}", shown(&labels(alert)), alert.receiver)
}

fn shown(labels: &Labels) -> String {
    let mut words = labels.iter().map(|(name, value)| match *name {
        "alertname" => value.clone(),
        name => format!("{name}={value}"),
    });
    let first = words.next().unwrap_or_default();
    words.fold(first, |line, word| line + " " + &word)
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for alert in &self.alerts {
            writeln!(f, "alert            {}", line(alert))?;
        }
        for labels in self.missing() {
            writeln!(f, "MISSING ALERT    {}", shown(&labels))?;
        }
        for labels in self.needless() {
            writeln!(f, "NEEDLESS ALERT   {}", shown(&labels))?;
        }
        for place in &self.asked.without_rows {
            writeln!(f, "NO ROWS          {place}")?;
        }
        for place in &self.asked.not_exported {
            writeln!(f, "not exported yet {place}")?;
        }
        writeln!(
            f,
            "expressions      {} of rules and dashboards asked of Prometheus, {} without the rows that they owe",
            self.asked.count,
            self.asked.without_rows.len()
        )?;
        writeln!(
            f,
            "pages            Prometheus and Alertmanager are gone with the sensor's namespace"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(labels: &[(&str, &str)]) -> Alert {
        Alert {
            receiver: "/analysts".to_owned(),
            status: "firing".to_owned(),
            labels: labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            annotations: std::collections::BTreeMap::new(),
        }
    }

    fn heard(alerts: Vec<Alert>, without_rows: &[&str]) -> Heard {
        Heard {
            alerts,
            asked: Asked {
                count: 3,
                without_rows: without_rows.iter().map(|place| (*place).to_owned()).collect(),
                not_exported: Vec::new(),
            },
        }
    }

    #[test]
    fn only_the_surge_and_all_of_it_is_right() {
        let (warning, scope) = (("severity", "warning"), ("scope", "sensor"));
        let port = alert(&[
            ("alertname", "TeitenScanSurgeByPort"),
            warning,
            scope,
            ("transport", "tcp"),
            ("port", "37215"),
            ("job", "teiten"),
        ]);
        let region = alert(&[
            ("alertname", "TeitenScanSurgeByRegion"),
            warning,
            scope,
            ("source_region", "BR"),
        ]);
        let mirai = alert(&[
            ("alertname", "TeitenMiraiSurge"),
            warning,
            scope,
            ("origin", "any"),
            ("source_region", "BR"),
        ]);
        let other = alert(&[
            ("alertname", "TeitenMiraiSurge"),
            warning,
            scope,
            ("origin", "any"),
            ("source_region", "US"),
        ]);
        let all = vec![port.clone(), region.clone(), mirai];
        assert!(heard(all.clone(), &[]).is_right());
        let old = alert(&[
            ("alertname", "TeitenRegionDatabaseOld"),
            warning,
            ("reason", "old"),
        ]);
        assert!(heard([all.clone(), vec![old]].concat(), &[]).is_right());
        assert!(!heard(all.clone(), &["a panel"]).is_right());
        assert!(!heard(vec![port, region], &[]).is_right());
        assert!(!heard([all, vec![other]].concat(), &[]).is_right());
    }

    #[test]
    fn only_a_metric_on_the_list_may_be_missing_and_only_until_it_is_exported() {
        let expression = |query: &str| Expression {
            file: String::new(),
            place: String::new(),
            written: query.to_owned(),
            query: query.to_owned(),
            owes: Owes::Rows,
        };
        let sample = Sample {
            name: "teiten_sources".to_owned(),
            labels: std::collections::BTreeMap::new(),
            value: 1.0,
        };
        let sources = expression("topk(10, teiten_sources{job=~\".+\"})");
        let planned = ["teiten_sources", "teiten_port_sources"];
        assert_eq!(not_exported(&sources, &planned, &[]), Some("teiten_sources"));
        assert_eq!(not_exported(&sources, &planned, &[sample]), None);
        assert_eq!(not_exported(&sources, &[], &[]), None);
        assert_eq!(
            not_exported(&expression("teiten_sources_other"), &planned, &[]),
            None
        );
        let recorded = expression("x > instance:teiten_port_sources:median1d");
        assert_eq!(
            not_exported(&recorded, &planned, &[]),
            Some("teiten_port_sources")
        );
    }
}
