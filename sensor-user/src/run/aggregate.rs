//! The aggregation: takes batches into the derived totals, and shows them at each barrier.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, Sender},
    },
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use sensor_sketch::SourceKey;

use super::drain::{Barrier, Item};
use crate::{
    pipeline::{
        PortName,
        arrival::{Arrival, BATCH},
        clock::JiffyClock,
        decode::{Entry, next_entry},
        derive::{Aggregator, Derived},
        hourly::{self, Hourly},
        sources::Sources,
    },
    records,
    region::RegionHandle,
};

/// The derived totals at a barrier.
pub struct Answer {
    /// The barrier.
    pub barrier: Barrier,
    /// All that was taken in before it.
    pub derived: Derived,
}

/// Starts the aggregation; it ends with the drain.
///
/// # Errors
/// The thread cannot be started.
pub fn spawn(
    records: Receiver<Item>,
    answers: Sender<Answer>,
    regions: Arc<RegionHandle>,
    watched: &[PortName],
    (key, iot_ports): (SourceKey, &[u16]),
    recorder: Option<(records::Handle, records::Pace)>,
) -> std::io::Result<JoinHandle<()>> {
    let mut aggregator = Aggregator::new(regions.table(), watched).with_sources(key, iot_ports);
    let mut recording = recorder.map(|(recorder, pace)| Recording::new(recorder, pace));
    thread::Builder::new().name("aggregate".into()).spawn(move || {
        let mut time = Time::default();
        let mut arrivals = Vec::with_capacity(BATCH);
        for item in records {
            match item {
                Item::Batch(mut bytes) => {
                    while time.read(&mut bytes, &mut arrivals) {
                        aggregator.add_all(&mut arrivals);
                        if let Some(recording) = &mut recording {
                            recording.hourly.add_all(&arrivals);
                        }
                    }
                }
                Item::Barrier(barrier) => {
                    aggregator.turn_sources_to(jiff::Timestamp::now().as_second());
                    let answer = Answer {
                        barrier,
                        derived: aggregator.derived(),
                    };
                    // The tick is gone only when the daemon stops.
                    if answers.send(answer).is_err() {
                        return;
                    }
                    // A table is taken once for all records up to the next barrier, so each look-up costs no lock.
                    aggregator.use_regions(regions.table());
                    if let Some(recording) = &mut recording {
                        recording.hand_over_in_turn(aggregator.sources());
                    }
                    time.now = jiff::Timestamp::now().as_microsecond();
                }
            }
        }
        if let Some(recording) = &mut recording {
            recording.hand_over();
            let now = jiff::Timestamp::now().as_second();
            recording.hand_over_sketches(aggregator.sources(), &recording.pace.open(now));
        }
    })
}

/// What goes to the records, beside the totals.
struct Recording {
    recorder: records::Handle,
    hourly: Hourly,
    pace: records::Pace,
    /// When sketches were handed over last, in seconds since 1970.
    sketched: Option<i64>,
}

impl Recording {
    fn new(recorder: records::Handle, pace: records::Pace) -> Self {
        Self {
            recorder,
            hourly: Hourly::new(hourly::Limits::default()),
            pace,
            sketched: None,
        }
    }

    /// A recorder that waits for the disk gets it later, with what comes meanwhile.
    fn hand_over_in_turn(&mut self, sources: &Sources) {
        if !self.recorder.take_turn() {
            return;
        }
        self.hand_over();
        let now = jiff::Timestamp::now().as_second();
        let due = self.pace.due(self.sketched, now);
        if !due.is_empty() {
            self.hand_over_sketches(sources, &due);
            self.sketched = Some(now);
        }
    }

    fn hand_over_sketches(&self, sources: &Sources, hours: &[i64]) {
        for hour in hours {
            let rows = records::unique_rows(sources, *hour);
            self.recorder.send(records::Message::Uniques(*hour, rows));
        }
    }

    fn hand_over(&mut self) {
        self.recorder.send(records::Message::Hours(self.hourly.take()));
    }
}

/// When records came.
#[derive(Default)]
struct Time {
    clock: JiffyClock,
    /// The time of day at the last barrier, which closely follows the last markers, in microseconds since 1970.
    now: i64,
}

impl Time {
    /// Reads the next records in the place of those that are there, and learns from markers between them. Whether there were
    /// any.
    fn read(&mut self, bytes: &mut Bytes, arrivals: &mut Vec<Arrival>) -> bool {
        arrivals.clear();
        while arrivals.len() < BATCH {
            match next_entry(bytes) {
                Some(Entry::Record(record)) => {
                    let (first, last) = (
                        self.micros(record.first_jiffies),
                        self.micros(record.last_jiffies),
                    );
                    arrivals.push(Arrival::new(record, first, last));
                }
                Some(Entry::Marker(marker)) => self.clock.learn(&marker),
                None => break,
            }
        }
        !arrivals.is_empty()
    }

    /// In microseconds since 1970.
    fn micros(&mut self, jiffies: u32) -> i64 {
        if self.now == 0 {
            self.now = jiff::Timestamp::now().as_microsecond();
        }
        let before = self.clock.micros_before_last(jiffies).unwrap_or(0);
        self.now - i64::try_from(before).unwrap_or(0)
    }
}
