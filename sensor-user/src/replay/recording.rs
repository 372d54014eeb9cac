//! A replay's records: the same rows through the same keeper as the sensor's.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use sensor_common::{Observation, Outcome};
use sensor_keep::{Addition, KeepError, Settings, hour_of};
use sensor_records::rows::UniqueRow;

use super::sketches::Sketches;
use crate::{
    kernel::WatchList,
    pipeline::{
        arrival::Arrival,
        hourly::{Hourly, Limits},
    },
    records::{Circumstances, Once, Reading},
    region::RegionTable,
};

/// Rows that are held before they are handed over.
const MAX_ROWS: usize = 1 << 16;
/// Hours of captures, each of which becomes files: more than two years.
const MAX_HOURS: usize = 20_000;
/// Records between two looks at how many rows there are.
const LOOK_EVERY: usize = 1 << 12;

/// What one hour of the captures held.
struct Hour {
    reading: Reading,
    first: i64,
    last: i64,
}

/// Records on their way.
pub(super) struct Recording {
    once: Once,
    hourly: Hourly,
    sketches: Sketches,
    regions: Arc<RegionTable>,
    hours: BTreeMap<i64, Hour>,
    /// Records since the last look.
    unlooked: usize,
    failed: Option<KeepError>,
    too_many: bool,
}

impl Recording {
    pub fn open(directory: &Path, sensor: &str, regions: Arc<RegionTable>) -> Result<Self, KeepError> {
        let settings = Settings {
            min_free: 0,
            ..Settings::new(directory.to_owned(), sensor.to_owned())
        };
        let limits = Limits {
            // Captures may be in any order: nothing is given up, for it is handed over in time.
            hours: usize::MAX,
            ..Limits::default()
        };
        Ok(Self {
            once: Once::open(settings)?,
            hourly: Hourly::new(limits),
            sketches: Sketches::new(),
            regions,
            hours: BTreeMap::new(),
            unlooked: 0,
            failed: None,
            too_many: false,
        })
    }

    /// Counts the outcome of a packet that came at this time, in microseconds since 1970.
    pub fn packet(&mut self, result: Result<&Observation, Outcome>, micros: i64) {
        let hour = hour_of(micros.div_euclid(1_000_000));
        if self.hours.len() >= MAX_HOURS && !self.hours.contains_key(&hour) {
            self.too_many = true;
            return;
        }
        let seen = self.hours.entry(hour).or_insert_with(|| Hour {
            reading: Reading::default(),
            first: micros,
            last: micros,
        });
        (seen.first, seen.last) = (seen.first.min(micros), seen.last.max(micros));
        seen.reading.count(result);
    }

    /// Takes in the records of observed packets, whose outcomes were counted before.
    pub fn add_all(&mut self, arrivals: &[Arrival]) {
        if self.too_many {
            return;
        }
        self.hourly.add_all(arrivals);
        for arrival in arrivals {
            if let Some(known) = &arrival.known {
                let ending = self.sketches.ending(arrival.seconds());
                self.hand_over_sketches(ending);
                self.sketches.add(&known.facts, arrival.seconds());
            }
        }
        self.unlooked += arrivals.len();
        if self.unlooked >= LOOK_EVERY {
            self.unlooked = 0;
            if self.hourly.rows() > MAX_ROWS {
                self.hand_over();
            }
        }
    }

    fn hand_over(&mut self) {
        if self.failed.is_none() {
            self.failed = self.once.add(&self.hourly.take()).err();
        }
    }

    fn hand_over_sketches(&mut self, ending: Vec<(i64, Vec<UniqueRow>)>) {
        if self.failed.is_none() && !ending.is_empty() {
            self.failed = self.once.add_uniques(ending.into_iter()).err();
        }
    }

    /// Writes what is left, and what each hour saw.
    pub fn close(mut self, watch: &WatchList) -> anyhow::Result<()> {
        self.hand_over();
        let ending = self.sketches.all();
        self.hand_over_sketches(ending);
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        anyhow::ensure!(
            !self.too_many,
            "the packets are of more than {MAX_HOURS} hours: no records are written; replay the captures in parts"
        );
        let circumstances = Circumstances {
            watched_addresses: watch.v4_addresses(),
            xdp_mode: "replay".to_owned(),
            program_digest: String::new(),
        };
        let coverage = self.hours.into_iter().map(|(hour, seen)| {
            let mut coverage = seen.reading.since(&Reading::default());
            circumstances.put(&mut coverage, self.regions.info());
            #[expect(
                clippy::cast_precision_loss,
                reason = "an hour is far below 2^53 microseconds"
            )]
            let seconds = (seen.last - seen.first) as f64 / 1e6;
            coverage.seconds_observed = seconds;
            coverage.uniques_seconds = Some(seconds);
            Addition {
                hour,
                coverage,
                ..Addition::default()
            }
        });
        Ok(self.once.close(coverage.collect())?)
    }
}
