//! The daemon's own threads: whether they all live, and the order in which they end.

use std::thread::JoinHandle;

use super::{RunError, drain};
use crate::kernel::KernelError;

/// The threads, in the order in which they end.
pub struct Threads {
    /// Flushes, reads totals and publishes.
    pub tick: JoinHandle<Result<(), KernelError>>,
    /// Empties the ring.
    pub drain: JoinHandle<()>,
    /// Takes records into the derived totals.
    pub aggregate: JoinHandle<()>,
    /// Writes records to disk, where they are kept.
    pub recording: Option<JoinHandle<()>>,
}

impl Threads {
    /// The name of one that is no more, of those that never end by themselves.
    pub fn ended(&self) -> Option<&'static str> {
        let ended = [
            ("tick", self.tick.is_finished()),
            ("drain", self.drain.is_finished()),
            ("aggregate", self.aggregate.is_finished()),
        ];
        ended.into_iter().find(|(_, ended)| *ended).map(|(name, _)| name)
    }

    /// Waits for all of them, and gives what the last tick came to. The tick was told to end.
    ///
    /// # Errors
    /// One of them died.
    pub fn join(self, shared: &drain::Shared) -> Result<Result<(), KernelError>, RunError> {
        let died = |name| move |_| RunError::ThreadEnded(name);
        let last = self.tick.join().map_err(died("tick"))?;
        shared.stop();
        self.drain.join().map_err(died("drain"))?;
        self.aggregate.join().map_err(died("aggregate"))?;
        if let Some(recording) = self.recording {
            recording.join().map_err(died("records"))?;
        }
        Ok(last)
    }
}
