//! The aggregation: takes batches into the derived totals, and shows them at each barrier.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, Sender},
    },
    thread::{self, JoinHandle},
};

use sensor_sketch::SourceKey;

use super::drain::{Barrier, Item};
use crate::{
    pipeline::{
        PortName,
        clock::JiffyClock,
        decode::{Entry, next_entry},
        derive::{Aggregator, Derived},
    },
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
) -> std::io::Result<JoinHandle<()>> {
    let mut aggregator = Aggregator::new(regions.table(), watched).with_sources(key, iot_ports);
    thread::Builder::new().name("aggregate".into()).spawn(move || {
        let mut time = Time::default();
        for item in records {
            match item {
                Item::Batch(mut bytes) => {
                    while let Some(entry) = next_entry(&mut bytes) {
                        match entry {
                            Entry::Record(record) => aggregator.add(&record, time.of(record.last_jiffies)),
                            Entry::Marker(marker) => time.clock.learn(&marker),
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
                    time.now = jiff::Timestamp::now().as_second();
                }
            }
        }
    })
}

/// When records came.
#[derive(Default)]
struct Time {
    clock: JiffyClock,
    /// The time of day at the last barrier, which closely follows the last markers.
    now: i64,
}

impl Time {
    fn of(&mut self, jiffies: u32) -> i64 {
        if self.now == 0 {
            self.now = jiff::Timestamp::now().as_second();
        }
        let before = self.clock.seconds_before_last(jiffies).unwrap_or(0);
        self.now - i64::try_from(before).unwrap_or(0)
    }
}
