//! The sensor on a test bench: one CPU, frames by hand, counters before and after.

use sensor_common::{
    Verdict,
    record::{Marker, Record},
};
use sensor_lab::watched::CASE_PREFIXES;
use teiten::{
    kernel::{
        Counters, LoadOptions, Object, RingReader, Sampling, Sensor, WatchList, sys, trial::EntryPoint,
    },
    pipeline::{
        decode::{Entry, next_entry},
        totals::KernelTotals,
    },
};

/// The interface under which frames of a test run come: the loopback.
const LOOPBACK: u32 = 1;

pub struct Bench {
    pub sensor: Sensor,
    pub counters: Counters,
    pub ring: RingReader,
    entry: EntryPoint,
}

impl Bench {
    pub fn new(entry: EntryPoint, verdict: Verdict) -> Self {
        Self::with_object(&Object::embedded(), entry, verdict)
    }

    pub fn with_object(object: &Object, entry: EntryPoint, verdict: Verdict) -> Self {
        Self::sampling(object, entry, verdict, None)
    }

    pub fn sampling(
        object: &Object,
        entry: EntryPoint,
        verdict: Verdict,
        sampling: Option<Sampling>,
    ) -> Self {
        // One CPU for all, so that every frame meets the same cache.
        sys::pin_to_cpu(0).unwrap();
        let options = LoadOptions {
            flow_slots: 1024,
            ring_bytes: 1 << 20,
            verdict,
            log_level: log::LevelFilter::Warn,
            seed: 0x5eed,
            host: None,
            sampling,
        };
        let mut sensor = Sensor::load(object, &options, &watch()).unwrap();
        let ring = sensor.take_records().unwrap();
        let counters = sensor.take_counters().unwrap();
        Self {
            sensor,
            counters,
            ring,
            entry,
        }
    }

    pub fn run(&mut self, frame: &[u8]) -> Verdict {
        self.sensor.try_frame(self.entry, frame).unwrap()
    }

    pub fn totals(&self) -> KernelTotals {
        self.counters.read(&[("lo".to_owned(), LOOPBACK)]).unwrap()
    }

    /// Flushes, and gives all that came out.
    pub fn flush(&mut self) -> (Vec<Record>, Vec<Marker>) {
        let flushed = self.sensor.flush().unwrap();
        assert_eq!((flushed.stayed, flushed.failed.len()), (0, 0));
        sys::pin_to_cpu(0).unwrap();
        let (mut records, mut markers) = (Vec::new(), Vec::new());
        self.ring.read(u64::MAX, |mut bytes| {
            while let Some(entry) = next_entry(&mut bytes) {
                match entry {
                    Entry::Record(record) => records.push(record),
                    Entry::Marker(marker) => markers.push(marker),
                }
            }
        });
        (records, markers)
    }
}

/// The watch list of the cases.
pub fn watch() -> WatchList {
    let prefixes: Vec<_> = CASE_PREFIXES.iter().map(|text| text.parse().unwrap()).collect();
    WatchList::new(&prefixes).unwrap()
}
