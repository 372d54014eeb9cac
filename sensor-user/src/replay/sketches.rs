//! A replay's sketches of unique sources: whole hours of captures in whatever order.

use std::collections::BTreeSet;

use sensor_keep::{HOUR, hour_of};
use sensor_records::rows::UniqueRow;
use sensor_sketch::SourceKey;

use crate::{
    config::default_watched_ports,
    pipeline::sources::{DEFAULT_IOT_PORTS, Facts, Sources, WINDOW},
    records::unique_rows,
};

/// Sketches that are handed over before they are forgotten.
pub(super) struct Sketches {
    sources: Sources,
    /// When the newest window begins.
    newest: Option<i64>,
    /// Hours with sources that were not handed over yet.
    waiting: BTreeSet<i64>,
}

impl Sketches {
    /// No sources yet, under the key that everybody has: replays of the same captures give the same sketches.
    pub fn new() -> Self {
        Self {
            sources: Sources::new(SourceKey::public(), &default_watched_ports(), &DEFAULT_IOT_PORTS),
            newest: None,
            waiting: BTreeSet::new(),
        }
    }

    /// The sketches of hours of which a part is forgotten once the source of a packet of this time is counted.
    pub fn ending(&mut self, seconds: i64) -> Vec<(i64, Vec<UniqueRow>)> {
        let window = seconds - seconds.rem_euclid(WINDOW);
        let Some(newest) = self.newest else {
            self.newest = Some(window);
            return Vec::new();
        };
        if (newest - HOUR..=newest).contains(&window) {
            return Vec::new();
        }
        self.newest = Some(window);
        if window > newest {
            let kept = self.waiting.split_off(&(window - HOUR));
            let ending = std::mem::replace(&mut self.waiting, kept);
            return self.rows(ending);
        }
        // An older capture: windows only go on, so they begin anew.
        let ending = self.all();
        self.sources.turn_to(seconds);
        ending
    }

    /// The sketches of all hours that were not handed over yet.
    pub fn all(&mut self) -> Vec<(i64, Vec<UniqueRow>)> {
        let ending = std::mem::take(&mut self.waiting);
        self.rows(ending)
    }

    fn rows(&self, hours: BTreeSet<i64>) -> Vec<(i64, Vec<UniqueRow>)> {
        hours
            .into_iter()
            .map(|hour| (hour, unique_rows(&self.sources, hour)))
            .collect()
    }

    /// Counts the source of a packet.
    pub fn add(&mut self, facts: &Facts, seconds: i64) {
        self.waiting.insert(hour_of(seconds));
        self.sources.add(facts, seconds);
    }
}
