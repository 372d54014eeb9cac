//! What was promised, and what was measured.

use serde::Serialize;
use serde_json::Value;

/// One target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row {
    pub(super) what: &'static str,
    /// The target, with the stretch behind it.
    pub(super) target: String,
    pub(super) measured: String,
    /// `reached`, `stretch reached`, `not reached`, or nothing where nothing was measured.
    pub(super) verdict: &'static str,
    /// The part that it is measured by.
    pub(super) part: &'static str,
}

/// How a figure is written, with its unit.
#[derive(Clone, Copy)]
struct Unit {
    decimals: usize,
    factor: f64,
    name: &'static str,
}

const RATIO: Unit = unit(3, 1.0, "");
const TIMES: Unit = unit(1, 1.0, " times");
const NANOSECONDS: Unit = unit(1, 1.0, " ns");
const MEGA: Unit = unit(2, 1e-6, " million/s");
const SECONDS: Unit = unit(2, 1e-3, " s");
const MILLISECONDS: Unit = unit(1, 1.0, " ms");
const MEBIBYTES: Unit = unit(0, 1.0 / 1_048_576.0, " MiB");

const fn unit(decimals: usize, factor: f64, name: &'static str) -> Unit {
    Unit {
        decimals,
        factor,
        name,
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        let value = value * self.factor;
        let text = format!("{value:.*}", self.decimals);
        // 61, not 61.0.
        let text = if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.')
        } else {
            &text
        };
        format!("{text}{}", self.name)
    }
}

/// Which way is better.
#[derive(Clone, Copy)]
enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(goal) => value >= goal,
            Self::AtMost(goal) => value <= goal,
        }
    }

    fn show(self, unit: Unit) -> String {
        match self {
            Self::AtLeast(goal) => format!("≥ {}", unit.show(goal)),
            Self::AtMost(goal) => format!("≤ {}", unit.show(goal)),
        }
    }
}

/// The table of targets.
pub(super) fn rows(results: &Value) -> Vec<Row> {
    let found = Found(&results["parts"]);
    [packets(&found), records(&found), daemon(&found)].concat()
}

/// What the packet path promises.
fn packets(found: &Found) -> Vec<Row> {
    use Goal::{AtLeast, AtMost};
    let live = |what, profile, goal, stretch| {
        let value = found.profile("live", profile, "ratio");
        row("live", what, value, RATIO, AtLeast(goal), Some(AtLeast(stretch)))
    };
    vec![
        live(
            "skewed (4,096 flows): complete sensor / bare drop, frames a second",
            "skewed",
            0.85,
            0.95,
        ),
        live("medium (65,536 flows)", "medium", 0.75, 0.85),
        live("log-uniform over 1 Mi sources", "log-uniform", 0.78, 0.88),
        live("uniform random sources", "uniform", 0.60, 0.75),
        row(
            "conserve",
            "conservation difference at full rate, packets",
            found.number("/conserve/difference"),
            unit(0, 1.0, ""),
            AtMost(0.0),
            None,
        ),
        row(
            "live",
            "sensor / best peer with ports × countries, packets a CPU-second, worst profile",
            found.worst_peer_ratio(),
            TIMES,
            AtLeast(8.0),
            Some(AtLeast(20.0)),
        ),
        row(
            "scaling",
            "from 1 to 2 CPUs receiving, relative to bare drop (skewed)",
            found.scaling("skewed"),
            RATIO,
            AtLeast(0.97),
            Some(AtLeast(1.0)),
        ),
    ]
}

/// What is promised of records.
fn records(found: &Found) -> Vec<Row> {
    use Goal::{AtLeast, AtMost};
    let region = |sources| found.lookup(sources);
    vec![
        row(
            "drain",
            "drain, one core, everything on, 4,096 flows",
            found.drain("hot"),
            MEGA,
            AtLeast(5e6),
            Some(AtLeast(1e7)),
        ),
        row(
            "drain",
            "the same, uniform random sources",
            found.drain("uniform"),
            MEGA,
            AtLeast(5e6),
            Some(AtLeast(1e7)),
        ),
        row(
            "region",
            "region look-up, hot",
            region("hot"),
            NANOSECONDS,
            AtMost(3.0),
            None,
        ),
        row(
            "region",
            "region look-up, random",
            region("random"),
            NANOSECONDS,
            AtMost(60.0),
            None,
        ),
    ]
}

/// What is promised of programs as a whole.
fn daemon(found: &Found) -> Vec<Row> {
    use Goal::{AtLeast, AtMost};
    vec![
        row(
            "start",
            "start to attached and counting, region database compiled",
            found.number("/start/result/milliseconds/median"),
            SECONDS,
            AtMost(1000.0),
            Some(AtMost(300.0)),
        ),
        row(
            "memory",
            "resident at rest, defaults, maps apart",
            found.number("/memory/result/defaults/rest_bytes"),
            MEBIBYTES,
            AtMost(f64::from(64 << 20)),
            None,
        ),
        row(
            "memory",
            "resident under 10 million spoofed sources an hour, defaults, maps apart",
            found.number("/memory/result/defaults/most_bytes"),
            MEBIBYTES,
            AtMost(f64::from(256 << 20)),
            None,
        ),
        row(
            "scrape",
            "scrape during a flood, 99th percentile",
            found.number("/scrape/result/flood/p99"),
            MILLISECONDS,
            AtMost(10.0),
            Some(AtMost(2.0)),
        ),
        row(
            "replay",
            "replay, one core, page cache, packets a second",
            found.number("/replay/result/readers/0/rate/median"),
            MEGA,
            AtLeast(8e6),
            Some(AtLeast(1.5e7)),
        ),
        row(
            "replay",
            "replay / tshark's field output",
            found.number("/replay/result/times_tshark"),
            TIMES,
            AtLeast(10.0),
            Some(AtLeast(15.0)),
        ),
        row(
            "report",
            "questions over a quarter of 20 sensors / DuckDB's time",
            found.number("/report/result/times_duckdb"),
            unit(2, 1.0, " times"),
            AtMost(1.5),
            Some(AtMost(1.0)),
        ),
    ]
}

fn row(
    part: &'static str,
    what: &'static str,
    value: Option<f64>,
    unit: Unit,
    goal: Goal,
    stretch: Option<Goal>,
) -> Row {
    let stretch_text = stretch.map_or_else(String::new, |goal| format!(" ({})", goal.show(unit)));
    let verdict = match value {
        None => "",
        Some(value) if stretch.is_some_and(|stretch| stretch.reached(value)) => "stretch reached",
        Some(value) if goal.reached(value) => "reached",
        Some(_) => "not reached",
    };
    Row {
        what,
        target: goal.show(unit) + &stretch_text,
        measured: value.map_or_else(|| "not measured".to_owned(), |value| unit.show(value)),
        verdict,
        part,
    }
}

/// Where figures are found in the results.
struct Found<'results>(&'results Value);

impl Found<'_> {
    fn number(&self, pointer: &str) -> Option<f64> {
        self.0.pointer(pointer)?.as_f64()
    }

    fn rows(&self, pointer: &str) -> impl Iterator<Item = &Value> {
        self.0
            .pointer(pointer)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }

    fn profile(&self, part: &str, profile: &str, field: &str) -> Option<f64> {
        self.rows(&format!("/{part}/result/profiles"))
            .find(|row| row["profile"] == profile)?[field]
            .as_f64()
    }

    /// The least of all profiles.
    fn worst_peer_ratio(&self) -> Option<f64> {
        self.rows("/live/result/profiles")
            .filter_map(|row| row["times_best_peer"].as_f64())
            .reduce(f64::min)
    }

    /// How the sensor's rate grows with a second CPU, as a multiple of how bare drop's does: the ratio at two CPUs
    /// over the ratio at one.
    fn scaling(&self, profile: &str) -> Option<f64> {
        Some(self.profile("scaling", profile, "ratio")? / self.profile("live", profile, "ratio")?)
    }

    fn drain(&self, profile: &str) -> Option<f64> {
        self.rows("/drain/result/profiles")
            .find(|row| row["profile"] == profile)?["records_per_second"]
            .as_f64()
    }

    /// Of any address of IPv4.
    fn lookup(&self, sources: &str) -> Option<f64> {
        self.rows("/region/result/lookups")
            .find(|row| row["family"] == 4 && row["drawn"] == "uniform" && row["sources"] == sources)?
            ["nanoseconds"]
            .as_f64()
    }
}
