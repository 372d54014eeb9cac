//! What is asked of an analysis, and why it may have no answer.

use crate::{
    lists::Lists,
    model::{Measure, Period, Port, Region, SensorChoice},
    period::{PeriodError, Zone},
    scan::ScanError,
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The days.
    pub period: Period,
    /// Whose days these are.
    pub zone: Zone,
    /// What ranks go by.
    pub measure: Measure,
    /// Which sensors are in the rankings.
    pub sensors: SensorChoice,
    /// Which region is domestic.
    pub domestic: Region,
    /// Length of the tables.
    pub top: usize,
    /// Services that are looked at whatever their rank.
    pub watched: Vec<Port>,
    /// Whether the figures over all data held are made.
    pub months: bool,
    /// What is known of addresses.
    pub lists: Lists,
    /// Whether networks that made a change are named.
    pub networks: bool,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// The period is none.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The tables cannot be read.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// Nothing was observed.
    #[error("{store} holds nothing of {from} to {to}{held}")]
    NothingObserved {
        /// Where was looked.
        store: String,
        /// The first day.
        from: jiff::civil::Date,
        /// The last day.
        to: jiff::civil::Date,
        /// What there is.
        held: String,
    },
    /// No sensor is of the kind that was asked for.
    #[error(
        "none of the {sensors} sensors that observed stands where it was asked for ({asked:?}, domestic is {domestic}): \
         take `--sensors all`, or another `--domestic`"
    )]
    NoSensor {
        /// How many there are.
        sensors: usize,
        /// What was asked for.
        asked: SensorChoice,
        /// Which region is domestic.
        domestic: Region,
    },
}
