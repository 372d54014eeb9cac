//! A made-up sensor: every metric of a real one, with traffic that changes at a given moment.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use sensor_lab::stack::Server;

use crate::metrics::{Kind, METRICS, Metric};

/// A day, in seconds.
const DAY: f64 = 86_400.0;

/// How a series goes on with time, which is in seconds since the sensor's start.
#[derive(Clone, Copy)]
pub(crate) enum Course {
    /// A gauge that stays.
    Is(f64),
    /// A gauge that jumps.
    Becomes { first: f64, then: f64, at: f64 },
    /// A counter with a rate a second.
    Counts(f64),
    /// A counter whose rate changes.
    Surges { rate: f64, then: f64, at: f64 },
    /// A counter that starts again from 0.
    StartsAgain { rate: f64, at: f64 },
    /// A counter with another rate from one time of the day to another, in seconds since the day's begin.
    Daily { rate: f64, busy: f64, hours: [f64; 2] },
    /// A series that appears with 0 and counts from the next second on.
    Appears { rate: f64, at: f64 },
    /// The time of day in seconds, as after a packet just now.
    Now,
}

impl Course {
    /// The value at a time, unless the series is not there yet. `clock` is the time of day, in seconds since the epoch.
    fn value(self, time: f64, clock: f64) -> Option<f64> {
        Some(match self {
            Self::Is(value) => value,
            Self::Becomes { first, then, at } => {
                if time < at {
                    first
                } else {
                    then
                }
            }
            Self::Counts(rate) => (rate * time).floor(),
            Self::Surges { rate, then, at } => (rate * time.min(at) + then * (time - at).max(0.0)).floor(),
            Self::StartsAgain { rate, at } => (rate * if time < at { time } else { time - at }).floor(),
            Self::Appears { at, .. } if time < at => return None,
            Self::Appears { rate, at } => (rate * (time - at - 1.0).max(0.0)).floor(),
            Self::Daily {
                rate,
                busy,
                hours: [from, to],
            } => {
                let today = (time % DAY).clamp(from, to) - from;
                let in_hours = (time / DAY).floor() * (to - from) + today;
                (rate * time + (busy - rate) * in_hours).floor()
            }
            Self::Now => clock,
        })
    }
}

/// The series of a sensor.
pub(crate) struct Sensor {
    series: BTreeMap<String, Course>,
}

impl Sensor {
    /// A sensor in good health: every metric is there, each port and region with `rate` packets a second.
    pub(crate) fn steady(rate: f64) -> Self {
        let mut series = BTreeMap::new();
        for metric in METRICS {
            for (suffix, labels) in example_labels(metric) {
                series.insert(
                    format!("{}{suffix}{labels}", metric.name),
                    usual(metric, &labels, rate),
                );
            }
        }
        Self { series }
    }

    /// A sensor of which only the named series are there.
    pub(crate) fn bare<'a>(series: impl IntoIterator<Item = (&'a str, Course)>) -> Self {
        let series = series.into_iter();
        Self {
            series: series.map(|(name, course)| (name.to_owned(), course)).collect(),
        }
    }

    /// The same sensor, with another course of one series.
    pub(crate) fn with(mut self, series: &str, course: Course) -> Self {
        self.series.insert(series.to_owned(), course);
        self
    }

    /// Lets the sensor be scraped; its time starts now.
    pub(crate) fn serve(self) -> Result<Server> {
        let started = Instant::now();
        Server::start(move |_| self.exposition(started.elapsed()))
    }

    /// What a scrape gets, in Prometheus' text format.
    fn exposition(&self, elapsed: Duration) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let mut text = String::new();
        for (series, value) in self.values(elapsed.as_secs_f64(), now.as_secs_f64()) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{series} {value}");
        }
        text
    }

    /// Its series and their values at a time, in seconds since its start; `clock` is the same in seconds since the epoch.
    pub(crate) fn values(&self, time: f64, clock: f64) -> impl Iterator<Item = (&str, f64)> {
        let value = move |course: &Course| course.value(time, clock);
        self.series
            .iter()
            .filter_map(move |(series, course)| Some((series.as_str(), value(course)?)))
    }
}

/// The labels that a metric's series have in the example, each with the suffix of the name.
fn example_labels(metric: &Metric) -> Vec<(&'static str, String)> {
    if metric.kind == Kind::Histogram {
        let mut all: Vec<_> = ["0.1", "1", "+Inf"]
            .iter()
            .map(|bound| ("_bucket", format!("{{le=\"{bound}\"}}")))
            .collect();
        all.extend([("_sum", String::new()), ("_count", String::new())]);
        return all;
    }
    let ports = [("tcp", "23"), ("tcp", "80"), ("udp", "5060"), ("tcp", "other")];
    let mut sets = vec![Vec::new()];
    for &label in metric.labels {
        let values: Vec<String> = match label {
            // Transport and port go together.
            "transport" => continue,
            "port" => ports
                .iter()
                .map(|(transport, port)| format!("transport=\"{transport}\",port=\"{port}\""))
                .collect(),
            _ => values_of(label)
                .iter()
                .map(|value| format!("{label}=\"{value}\""))
                .collect(),
        };
        sets = sets
            .iter()
            .flat_map(|set| {
                values
                    .iter()
                    .map(move |value| [set.as_slice(), std::slice::from_ref(value)].concat())
            })
            .collect();
    }
    sets.iter()
        .map(|set| {
            (
                "",
                if set.is_empty() {
                    String::new()
                } else {
                    format!("{{{}}}", set.join(","))
                },
            )
        })
        .collect()
}

fn values_of(label: &str) -> &'static [&'static str] {
    match label {
        "source_region" => &["JP", "BR", "US", "other"],
        "class" => &["scan", "backscatter", "other"],
        "outcome" => &["observed_tcp", "observed_udp", "not_watched"],
        "reason" => &["crash", "ring_full"],
        "interface" => &["eth0"],
        "mode" => &["native"],
        "tool" => &["mirai", "zmap"],
        "certainty" => &["sure"],
        _ => &["example"],
    }
}

/// How a metric goes on while nothing is wrong.
fn usual(metric: &Metric, labels: &str, rate: f64) -> Course {
    match metric.kind {
        Kind::Counter
            if ["lost", "clock_steps"]
                .iter()
                .any(|word| metric.name.contains(word)) =>
        {
            Course::Counts(0.0)
        }
        Kind::Counter if metric.name == "teiten_outcome_packets_total" => Course::Counts(10.0 * rate),
        Kind::Counter => Course::Counts(rate),
        Kind::Histogram if labels.contains("0.1") => Course::Counts(0.5),
        Kind::Histogram => Course::Counts(1.0),
        Kind::UniqueSources => Course::Is(50.0),
        Kind::Gauge if metric.name == "teiten_conservation_difference_packets" => Course::Is(0.0),
        Kind::Gauge if metric.name.ends_with("_timestamp_seconds") => Course::Now,
        Kind::Gauge if metric.name == "teiten_records_disk_free_bytes" => Course::Is(1e12),
        Kind::Gauge => Course::Is(1.0),
    }
}
