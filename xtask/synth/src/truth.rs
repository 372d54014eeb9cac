//! What is true of the records that were drawn.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Event;

/// What is true of the records, counted while they were drawn.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Truth {
    /// With which seed they were drawn.
    pub seed: u64,
    /// What was planted.
    pub events: Vec<Event>,
    /// The earlier quarter.
    pub earlier: PeriodTruth,
    /// The later one.
    pub later: PeriodTruth,
    /// What was written.
    pub volumes: BTreeMap<String, Volume>,
}

/// One quarter. Packets are of class `scan` unless it says otherwise.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PeriodTruth {
    /// Its beginning, RFC 3339 in UTC.
    pub from: String,
    /// Its end, which does not belong to it.
    pub to: String,
    /// By id.
    pub sensors: BTreeMap<String, SensorTruth>,
}

/// One sensor in one quarter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SensorTruth {
    /// Where it stands.
    pub region: String,
    /// How many addresses it watches.
    pub addresses: u32,
    /// Seconds observed.
    pub observed_seconds: u64,
    /// Packets of every class.
    pub packets: u64,
    /// Scans by region and port: `US` → `23/tcp` → packets.
    pub cells: BTreeMap<String, BTreeMap<String, u64>>,
    /// Of those, with the Mirai mark.
    pub mirai: BTreeMap<String, BTreeMap<String, u64>>,
    /// Scans by region and day in Japan, from the quarter's first on.
    pub daily: BTreeMap<String, Vec<u64>>,
    /// Hours observed of each day.
    pub daily_hours: Vec<u32>,
}

/// How much of a table was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Files.
    pub files: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// Days of a sensor.
    pub sensor_days: u64,
}

impl Volume {
    /// This and another one together.
    pub fn add(&mut self, other: Self) {
        self.files += other.files;
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.sensor_days += other.sensor_days;
    }
}

impl SensorTruth {
    pub(crate) fn add(&mut self, region: &str, port: &str, is_mirai: bool, day: usize, packets: u64) {
        let count = |cells: &mut BTreeMap<String, BTreeMap<String, u64>>| {
            *cells
                .entry(region.to_owned())
                .or_default()
                .entry(port.to_owned())
                .or_default() += packets;
        };
        count(&mut self.cells);
        if is_mirai {
            count(&mut self.mirai);
        }
        let days = self.daily.entry(region.to_owned()).or_default();
        if days.len() <= day {
            days.resize(day + 1, 0);
        }
        days[day] += packets;
    }
}
