//! Surges.

use serde::Serialize;

use super::{Key, Port, Region};

/// A run of hours in which something was far above what it is otherwise; the rule is the analysis's.
#[derive(Clone, Debug, Serialize)]
pub struct Surge {
    /// What surged.
    pub subject: Key,
    /// The first hour's beginning: RFC 3339 in the report's time zone.
    pub from: String,
    /// The last hour's end.
    pub to: String,
    /// How many hours.
    pub hours: usize,
    /// Packets, exact, in these hours.
    pub packets: u64,
    /// Packets above what is usual.
    pub excess: f64,
    /// What is usual: the median packets an hour.
    pub usual: f64,
    /// Packets of its greatest hour.
    pub peak: u64,
    /// Its ports, the first ones.
    pub ports: Vec<Share<Port>>,
    /// Its regions, the first ones.
    pub source_regions: Vec<Share<Region>>,
    /// Sensors that saw it: more than twice their usual.
    pub sensors: usize,
    /// Unique sources, estimated by sketches; `None` without.
    pub sources: Option<f64>,
    /// The part of the packets that the largest source of each hour sent: near 1, it is one source.
    pub largest_source: f64,
}

/// A part of a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share<K> {
    /// Which part.
    pub key: K,
    /// Packets.
    pub packets: u64,
    /// Of the whole, from 0 to 1.
    pub share: f64,
}
