//! Records on disk: what the pipeline adds to the hours goes to the keeper, from the sensor and from replays alike.

mod adopted;
mod coverage;
mod recorder;
mod rows;
mod sketches;

use std::sync::Arc;

use sensor_keep::{Addition, Interval, KeepError, Keeper, Settings, Status};
use sensor_records::{
    Micros,
    rows::{SensorRow, UniqueRow},
};

use self::rows::addition;
pub use self::{
    adopted::Adopted,
    coverage::{Circumstances, Reading, seconds_by_hour},
    recorder::{Handle, Message, spawn},
    sketches::{Pace, unique_rows},
};
use crate::{config::Config, pipeline::hourly::Hour};

/// What the sensor is from now on, in seconds since 1970.
#[must_use]
pub fn description(config: &Config, watched_addresses: u64, now: i64) -> SensorRow {
    let watched: Vec<String> = config.watch.iter().map(ToString::to_string).collect();
    SensorRow {
        valid_from: Micros::from_seconds(now),
        valid_to: Micros::from_seconds(now),
        region: config.sensor_region.map(|region| region.code().to_owned()),
        operator: config.sensor_operator.clone(),
        publish_name: config.publish_name.clone(),
        watched_addresses: rows::count(watched_addresses),
        watched: watched.join(" "),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Records that are written once, over no others: those of a replay.
pub struct Once {
    keeper: Keeper,
}

impl Once {
    /// Opens them.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn open(settings: Settings) -> Result<Self, KeepError> {
        let keeper = Keeper::open_once(settings, Arc::new(Status::default()))?;
        Ok(Self { keeper })
    }

    /// Adds what the pipeline did.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn add(&mut self, hours: &[Hour]) -> Result<(), KeepError> {
        let interval = Interval {
            hours: hours.iter().map(addition).collect(),
            reached: None,
        };
        self.keeper.commit(&interval, 0)
    }

    /// Adds sketches of hours.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn add_uniques(
        &mut self,
        hours: impl Iterator<Item = (i64, Vec<UniqueRow>)>,
    ) -> Result<(), KeepError> {
        let additions = hours.map(|(hour, uniques)| Addition {
            hour,
            uniques,
            ..Addition::default()
        });
        let interval = Interval {
            hours: additions.collect(),
            reached: None,
        };
        self.keeper.commit(&interval, 0)
    }

    /// Adds what was seen, and closes every hour and day.
    ///
    /// # Errors
    /// The disk does not take it, or there are records already.
    pub fn close(mut self, coverage: Vec<Addition>) -> Result<(), KeepError> {
        let last = Interval {
            hours: coverage,
            reached: None,
        };
        self.keeper.commit(&last, 0)?;
        self.keeper.close_all()
    }
}
