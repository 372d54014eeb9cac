//! Why something changed, as figures.

use jiff::civil::Date;
use serde::Serialize;

use super::{Change, Key, Port, PreviousRank, Region};

/// Why a port's or a region's rate changed: over which span, by how much, and through what.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// What changed.
    pub subject: Key,
    /// Between what and what.
    pub span: Span,
    /// This period's rank; `None` when it has none.
    pub rank: Option<usize>,
    /// The previous period's.
    pub previous_rank: PreviousRank,
    /// The subject's rate; between periods that of the sensors in both, or of all where a cause is [`Cell::Sensors`].
    pub rate: Change<f64>,
    /// What explains most comes first. Empty when the change is spread over many cells.
    pub causes: Vec<Cause>,
}

/// What is compared with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// The previous period with this one.
    Periods,
    /// A month, by its first day, with the rest of the period before it.
    Month(Date),
    /// The first ten days with the last ten.
    TenDays,
}

/// One part of a change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cause {
    /// Which part.
    pub cell: Cell,
    /// The part's own rate, in the unit of the subject's.
    pub rate: Change<f64>,
    /// Of the subject's change: 0.9 is nine tenths. Above 1 where other parts moved the other way.
    pub share: f64,
}

/// What a change can come through.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// A port, within a region.
    Port(Port),
    /// A region, within a port.
    SourceRegion(Region),
    /// Packets with a tool's mark.
    Tool(String),
    /// A network, as the tables name it.
    Network(String),
    /// So few sources that the change says something of them alone.
    FewSources {
        /// The most that there can have been, by hour and port: 1 is a single source.
        sources: u64,
        /// The hours of the excess, from the first to the last: RFC 3339 in UTC.
        from: String,
        /// See `from`.
        to: String,
    },
    /// Sensors that came or went: their own ids are not told, only their names to publish.
    Sensors {
        /// That are in this period alone.
        added: Vec<String>,
        /// That were in the previous period alone.
        removed: Vec<String>,
    },
    /// The region database changed: packets of one region are those of another since.
    Reclassified {
        /// Where the packets were counted before.
        from: Region,
        /// Where since.
        to: Region,
        /// When: RFC 3339 in UTC.
        at: String,
    },
}
