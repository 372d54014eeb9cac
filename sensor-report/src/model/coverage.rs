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
