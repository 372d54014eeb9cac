//! The keeper of records: what each interval adds goes into the open hour, a transactional database; at its end the
//! hour becomes files, and at the day's end the day does; what is too old, or too much for the disk, goes.
//!
//! Every step can be cut off at any point and is done again as if it had not begun. The keeper knows neither the
//! kernel nor Prometheus: the sensor and a replay of captures hand it the same [`Interval`]s.

mod budget;
mod close;
mod daily;
mod error;
mod interval;
mod keeper;
mod networks;
mod status;
mod store;

pub use self::{
    error::KeepError,
    interval::{Addition, FoldedPorts, Followed, Interval, Reached, add_coverage},
    keeper::{Keeper, Settings},
    status::{Reason, Status},
    store::Caps,
};

/// Seconds of an hour.
pub const HOUR: i64 = 3_600;
/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// When the hour of a time begins.
#[must_use]
pub const fn hour_of(seconds: i64) -> i64 {
    seconds - seconds.rem_euclid(HOUR)
}

/// When the day of a time begins.
#[must_use]
pub const fn day_of(seconds: i64) -> i64 {
    seconds - seconds.rem_euclid(DAY)
}
