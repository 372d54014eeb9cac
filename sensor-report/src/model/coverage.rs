//! What was observed of the time, and how sure it is.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Region;

/// What was observed of the period.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// By name to publish.
    pub sensors: Vec<SensorCoverage>,
    /// Times without observation, by their beginning.
    pub outages: Vec<Outage>,
    /// Sensors that came and went against the previous period.
    pub membership: Membership,
    /// The law of conservation over everything counted.
    pub conservation: Conservation,
}

/// How much of its time a sensor observed.
#[derive(Clone, Debug, Serialize)]
pub struct SensorCoverage {
    /// The name to publish.
    pub name: String,
    /// Where it stands.
    pub region: Region,
    /// Seconds observed.
    pub observed_seconds: u64,
    /// Seconds of the period in which it was in service.
    pub expected_seconds: u64,
}

impl SensorCoverage {
    /// The part of its time in service that it observed, from 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        share(self.observed_seconds, self.expected_seconds)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share is no count")]
fn share(observed: u64, expected: u64) -> f64 {
    if expected == 0 {
        0.0
    } else {
        observed as f64 / expected as f64
    }
}

/// The coverage of all sensors together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TotalCoverage {
    /// Seconds observed.
    pub observed_seconds: u64,
    /// Seconds in service.
    pub expected_seconds: u64,
    /// The one in parts of the other.
    pub share: f64,
    /// How many outages there were.
    pub outages: usize,
    /// How many seconds these took.
    pub missing_seconds: u64,
}

impl Coverage {
    /// All sensors together.
    #[must_use]
    pub fn total(&self) -> TotalCoverage {
        let sum = |of: fn(&SensorCoverage) -> u64| self.sensors.iter().map(of).sum();
        let observed_seconds = sum(|sensor| sensor.observed_seconds);
        let expected_seconds = sum(|sensor| sensor.expected_seconds);
        TotalCoverage {
            observed_seconds,
            expected_seconds,
            share: share(observed_seconds, expected_seconds),
            outages: self.outages.len(),
            missing_seconds: self.outages.iter().map(|outage| outage.seconds).sum(),
        }
    }
}

impl Conservation {
    /// Packets whose detail is declared lost, for whatever reason.
    #[must_use]
    pub fn declared(&self) -> u64 {
        self.lost.values().sum()
    }
}

/// A time in which a sensor in service did not observe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outage {
    /// The sensor's name to publish.
    pub sensor: String,
    /// RFC 3339 in the report's time zone.
    pub from: String,
    /// See `from`.
    pub to: String,
    /// Seconds not observed between these.
    pub seconds: u64,
}

/// Which sensors are in this period and not in the previous one, and the other way round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Membership {
    /// Names to publish.
    pub added: Vec<String>,
    /// Names to publish.
    pub removed: Vec<String>,
    /// How many are in both.
    pub common: usize,
}

/// The terms of the law of conservation, summed over the period.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Conservation {
    /// Packets that the programs saw.
    pub seen: u64,
    /// By outcome: their sum is `seen`.
    pub outcomes: BTreeMap<String, u64>,
    /// `seen` less the sum of the outcomes: 0, or a fault.
    pub outcomes_difference: i64,
    /// Packets observed: to watched addresses.
    pub observed: u64,
    /// Packets in the cells, all classes.
    pub cells: u64,
    /// Packets whose detail was lost, by reason.
    pub lost: BTreeMap<String, u64>,
    /// `observed` less `cells` less all `lost`: 0, or a fault.
    pub difference: i64,
}

/// What the data were made with.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Provenance {
    /// Versions of this program and of the tables.
    pub versions: BTreeMap<String, String>,
    /// Region databases in use, by their first hour.
    pub region_databases: Vec<RegionDatabase>,
    /// Modes of the XDP program, and digests of it.
    pub programs: Vec<String>,
}

/// A region database in use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RegionDatabase {
    /// Its first hour in use: RFC 3339 in UTC.
    pub from: String,
    /// What it is, and its date.
    pub name: String,
}
