//! What each interval adds to the hours: cells and sources, bounded whatever comes, until somebody takes them.

mod source;

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use sensor_common::{
    Address, Class, Family, Transport,
    record::{FlowKind, Record},
};

pub use self::source::{Detail, Folded, Source};
use super::cells::{Cell, CellKey, Cells, HOUR};
use crate::region::Region;

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
    /// Sources.
    pub sources: HashMap<(Address, Family), Source, RandomState>,
    /// Those that found no room, by transport and class.
    pub other_sources: BTreeMap<(Transport, Class), Detail>,
    /// Packets whose detail could not be held until somebody took it.
    pub unrecorded: u64,
    /// Records that came.
    pub records: u64,
    rows: usize,
}

impl Hour {
    fn new(hour: i64, limits: &Limits) -> Self {
        Self {
            cells: Cells::new(limits.cells, hour),
            other_cells: BTreeMap::new(),
            sources: HashMap::default(),
            other_sources: BTreeMap::new(),
            unrecorded: 0,
            records: 0,
            rows: 0,
        }
    }

    fn has_detail(&self) -> bool {
        self.rows > 0 || !self.cells.cells.is_empty()
    }

    /// Nothing but how many packets there were.
    fn forget(&mut self) {
        let other: u64 = self.other_cells.values().map(|cell| cell.packets).sum();
        self.unrecorded += self.cells.cells.values().map(|cell| cell.packets).sum::<u64>() + other;
        self.cells.cells = HashMap::default();
        self.other_cells.clear();
        self.sources = HashMap::default();
        self.other_sources.clear();
        self.rows = 0;
    }

    fn add(&mut self, key: CellKey, detail: Detail, source: (Address, Family), limits: &Limits) {
        if !self.cells.add(key, detail.packets, detail.bytes) {
            let other = self.other_cells.entry((key.transport, key.class)).or_default();
            other.packets += detail.packets;
            other.bytes += detail.bytes;
        }
        let room = self.rows < limits.sources;
        if !room && !self.sources.contains_key(&source) {
            self.add_to_rest(&key, &detail);
            return;
        }
        let source = self
            .sources
            .entry(source)
            .or_insert_with(|| Source::new(key.source_region));
        match source.add(&key, &detail, limits.source_rows, room) {
            Some(rows) => self.rows += rows,
            None => self.add_to_rest(&key, &detail),
        }
    }

    fn add_to_rest(&mut self, key: &CellKey, detail: &Detail) {
        self.other_sources
            .entry((key.transport, key.class))
            .and_modify(|rest| rest.merge(detail))
            .or_insert(*detail);
    }
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

    /// Adds a record whose first and last packet came at these times, in microseconds since 1970. It stands in the hour
    /// of its last packet.
    pub fn add(&mut self, record: &Record, region: Region, first: i64, last: i64) {
        let limits = self.limits;
        let hour = self.hour(last.div_euclid(1_000_000));
        hour.records += 1;
        let Some(kind) = FlowKind::unpack(record.key.kind) else {
            hour.unrecorded += u64::from(record.packets);
            return;
        };
        let key = CellKey::of(&kind, region);
        let detail = Detail::of(record, kind.tools, first.min(last), last);
        hour.add(key, detail, (record.key.source, kind.family), &limits);
    }

    fn hour(&mut self, seconds: i64) -> &mut Hour {
        let start = seconds - seconds.rem_euclid(HOUR);
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
            .map(|hour| hour.rows + hour.cells.cells.len())
            .sum()
    }

    /// Takes all there is, oldest hour first.
    pub fn take(&mut self) -> Vec<Hour> {
        std::mem::take(&mut self.hours).into_values().collect()
    }
}

#[cfg(test)]
mod tests;
