//! Records of sensors that never were: two quarters of scans with planted events, and what is true of them.
//!
//! A [`Plan`] says how much; [`write()`] draws it and writes it as the sensors would, through `sensor-records`, and
//! gives the [`Truth`]: counted as the packets were drawn, never read back.

mod calendar;
mod draw;
mod events;
mod fleet;
mod options;
mod profile;
mod rows;
mod truth;
mod write;

pub use self::{
    calendar::Calendar,
    events::Event,
    fleet::{Fleet, Sensor},
    options::Options,
    truth::{PeriodTruth, SensorTruth, Truth, Volume},
    write::{SynthError, write},
};

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The same seed gives the same rows.
    pub seed: u64,
    /// Packets, of what a sensor of that size would get: 1 is a telescope's rate of 2022.
    pub scale: f64,
    /// Sensors.
    pub fleet: Fleet,
    /// When.
    pub calendar: Calendar,
    /// Whether the events are planted.
    pub with_events: bool,
    /// Whether each hour of coverage has a file of its own, as sensors write it. In one file for a day the same rows
    /// are written in a fraction of the time, and readers find them by their column all the same.
    pub hourly_coverage: bool,
}

impl Plan {
    /// How many days each sensor has: what is told of while they are written.
    #[must_use]
    pub fn days(&self) -> u64 {
        let (first, last) = self.calendar.hours();
        let history = calendar::day_of(calendar::midnight(self.calendar.history));
        (last - history.min(first)).unsigned_abs() / calendar::DAY.unsigned_abs() + 1
    }
}
