//! A record on its way through the aggregation: when its packets came, then what was found out of it.

use sensor_common::record::Record;

use super::{
    cells::{CellKey, HOUR},
    sources::Facts,
};

/// Records that are taken in together. Each table is asked for all of them before the next one is: so the processor waits for
/// the memory of several records at once. More of them would no longer stay in its first cache.
pub const BATCH: usize = 64;

/// A record with the times of its packets.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The record.
    pub record: Record,
    /// When its first packet came, in microseconds since 1970.
    pub first: i64,
    /// When its last packet came.
    pub last: i64,
    /// What was found out; `None` before anybody looked, and of a record that cannot be read.
    pub known: Option<Known>,
}

/// What was found out of a record.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its cell.
    pub cell: CellKey,
    /// Its source.
    pub facts: Facts,
}

impl Arrival {
    /// A record whose packets came at these times, in microseconds since 1970.
    #[must_use]
    pub const fn new(record: Record, first: i64, last: i64) -> Self {
        Self {
            record,
            first,
            last,
            known: None,
        }
    }

    /// When its last packet came, in seconds since 1970.
    #[must_use]
    pub const fn seconds(&self) -> i64 {
        self.last.div_euclid(1_000_000)
    }

    /// The hour in which its last packet came, in seconds since 1970.
    #[must_use]
    pub const fn hour(&self) -> i64 {
        let seconds = self.seconds();
        seconds - seconds.rem_euclid(HOUR)
    }
}
