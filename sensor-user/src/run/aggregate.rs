//! The aggregation: takes batches into the derived totals, and shows them at each barrier.

use std::{
    sync::mpsc::{Receiver, Sender},
    thread::{self, JoinHandle},
};

use super::drain::{Barrier, Item};
use crate::pipeline::{
    decode::{Entry, next_entry},
    derive::Derived,
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
pub fn spawn(records: Receiver<Item>, answers: Sender<Answer>) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("aggregate".into()).spawn(move || {
        let mut derived = Derived::default();
        for item in records {
            match item {
                Item::Batch(mut bytes) => {
                    while let Some(entry) = next_entry(&mut bytes) {
                        if let Entry::Record(record) = entry {
                            derived.add(&record);
                        }
                    }
                }
                Item::Barrier(barrier) => {
                    let answer = Answer {
                        barrier,
                        derived: derived.clone(),
                    };
                    // The tick is gone only when the daemon stops.
                    if answers.send(answer).is_err() {
                        return;
                    }
                }
            }
        }
    })
}
