//! What each interval adds to the hours: cells and sources, bounded whatever comes, until somebody takes them.

mod detail;
mod rows;

use std::collections::{BTreeMap, HashMap};

use sensor_common::{Class, Transport, record::FlowKind};

use self::rows::Added;
pub use self::{
    detail::Detail,
    rows::{Folded, Row, Sender, SourceRows},
};
use super::{
    arrival::{Arrival, BATCH, Known},
    cells::{Cell, Cells},
};

/// The most that is held in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Cells of an hour.
    pub cells: usize,
    /// Rows of the sources of an hour.
    pub sources: usize,
    /// Rows of one source.
    pub source_rows: usize,
    /// Hours at once: when nobody takes them, the oldest one's detail goes, and its packets are counted.
    pub hours: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cells: 1 << 17,
            sources: 1 << 17,
            source_rows: 64,
            hours: 3,
        }
    }
}

/// What was added to one hour.
#[derive(Clone, Debug)]
pub struct Hour {
    /// Cells that are kept apart.
    pub cells: Cells,
    /// Those that found no room, by transport and class.
    pub other_cells: BTreeMap<(Transport, Class), Cell>,
    /// What sources asked for.
    pub sources: SourceRows,
    /// Those that found no room, by transport and class.
    pub other_sources: BTreeMap<(Transport, Class), Detail>,
    /// Packets whose detail could not be held until somebody took it.
    pub unrecorded: u64,
    /// Records that came.
    pub records: u64,
}

impl Hour {
    fn new(hour: i64, limits: &Limits) -> Self {
        Self {
            cells: Cells::new(limits.cells, hour),
            other_cells: BTreeMap::new(),
            sources: SourceRows::default(),
            other_sources: BTreeMap::new(),
            unrecorded: 0,
            records: 0,
        }
    }

    fn has_detail(&self) -> bool {
        !self.sources.is_empty() || !self.cells.cells.is_empty()
    }

    /// Nothing but how many packets there were.
    fn forget(&mut self) {
        let other: u64 = self.other_cells.values().map(|cell| cell.packets).sum();
        self.unrecorded += self.cells.cells.values().map(|cell| cell.packets).sum::<u64>() + other;
        self.cells.cells = HashMap::default();
        self.other_cells.clear();
        self.sources = SourceRows::default();
        self.other_sources.clear();
    }

    /// Takes in records of this hour: for all of them the cells, then the sources.
    fn add_all(&mut self, arrivals: &[Arrival], limits: &Limits) {
        for Arrival { record, known, .. } in arrivals {
            self.records += 1;
            let packets = u64::from(record.packets);
            let Some(Known { cell, .. }) = known else {
                self.unrecorded += packets;
                continue;
            };
            let bytes = record.bytes.into();
            if !self.cells.add(*cell, packets, bytes) {
                let other = self.other_cells.entry((cell.transport, cell.class)).or_default();
                other.packets += packets;
                other.bytes += bytes;
            }
        }
        for batch in arrivals.chunks(BATCH) {
            self.add_to_sources(batch, limits);
        }
    }

    fn add_to_sources(&mut self, batch: &[Arrival], limits: &Limits) {
        let places = self.sources.places(batch);
        for (arrival, place) in batch.iter().zip(places) {
            let Some(added) = added(arrival) else {
                continue;
            };
            if !self.sources.add(place, &added, limits) {
                self.other_sources
                    .entry((added.cell.transport, added.cell.class))
                    .and_modify(|rest| rest.merge(&added.detail))
                    .or_insert(added.detail);
            }
        }
    }
}

/// What a record adds to the rows of sources, if it could be read.
fn added(arrival: &Arrival) -> Option<Added> {
    let known = arrival.known.as_ref()?;
    let kind = FlowKind::unpack(arrival.record.key.kind)?;
    let first = arrival.first.min(arrival.last);
    Some(Added {
        flow: known.facts.key,
        family: kind.family,
        cell: known.cell,
        detail: Detail::of(&arrival.record, kind.tools, first, arrival.last),
    })
}

/// What was added since somebody last took it.
#[derive(Clone, Debug)]
pub struct Hourly {
    limits: Limits,
    hours: BTreeMap<i64, Hour>,
}

impl Hourly {
    /// Nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            hours: BTreeMap::new(),
        }
    }

    /// Takes records in, of which is known what can be. Each stands in the hour of its last packet.
    pub fn add_all(&mut self, arrivals: &[Arrival]) {
        let limits = self.limits;
        for of_hour in arrivals.chunk_by(|one, next| one.hour() == next.hour()) {
            if let Some(arrival) = of_hour.first() {
                self.hour(arrival.hour()).add_all(of_hour, &limits);
            }
        }
    }

    fn hour(&mut self, start: i64) -> &mut Hour {
        if !self.hours.contains_key(&start) {
            self.make_room(start);
        }
        self.hours
            .entry(start)
            .or_insert_with(|| Hour::new(start, &self.limits))
    }

    /// The oldest hours give their detail up when there are too many.
    fn make_room(&mut self, newest: i64) {
        if self.hours.values().filter(|hour| hour.has_detail()).count() < self.limits.hours {
            return;
        }
        let mut others = self.hours.iter_mut().filter(|(start, _)| **start != newest);
        if let Some((_, oldest)) = others.find(|(_, hour)| hour.has_detail()) {
            oldest.forget();
        }
    }

    /// How many rows are held.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.hours
            .values()
            .map(|hour| hour.sources.len() + hour.cells.cells.len())
            .sum()
    }

    /// Takes all there is, oldest hour first.
    pub fn take(&mut self) -> Vec<Hour> {
        std::mem::take(&mut self.hours).into_values().collect()
    }
}

#[cfg(test)]
mod tests;
