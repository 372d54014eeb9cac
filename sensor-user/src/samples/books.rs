//! What became of samples: numbers that the metrics show.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sensor_evidence::probe::Probes;

use super::Named;
use crate::kernel::samples::SampleTotals;

/// The row of SIP requests of no known scanner.
const UNKNOWN: &str = "unknown";

/// Numbers since the start of the daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The kernel's books.
    pub kernel: SampleTotals,
    /// Samples that are, or were, in files.
    pub stored: u64,
    /// Samples that the disk refused.
    pub refused: u64,
    /// Entries of the ring that are none.
    pub unreadable: u64,
    /// Octets of all files.
    pub file_octets: u64,
    /// Files that went for want of room.
    pub removed_files: u64,
    /// SIP requests by scanner: a closed set, all of it always there, those of no known one last.
    pub sip: Vec<(String, u64)>,
    /// Other probes by the names of the table.
    pub probes: Vec<(String, u64)>,
}

/// The numbers, shared.
#[derive(Debug)]
pub struct Books {
    kept: Mutex<Kept>,
}

impl Books {
    /// All zero, for a table of probes.
    #[must_use]
    pub fn new(probes: &Probes) -> Self {
        let none = |label: &String| (label.clone(), 0);
        let scanners = probes.scanners().labels().iter().map(none);
        let kept = Kept {
            sip: scanners.chain([(UNKNOWN.to_owned(), 0)]).collect(),
            probes: probes.labels().iter().map(none).collect(),
            ..Kept::default()
        };
        Self {
            kept: Mutex::new(kept),
        }
    }

    /// The numbers of now.
    #[must_use]
    pub fn get(&self) -> Kept {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stored(&self) {
        self.lock().stored += 1;
    }

    pub(super) fn refused(&self) {
        self.lock().refused += 1;
    }

    pub(super) fn unreadable(&self) {
        self.lock().unreadable += 1;
    }

    pub(super) fn files(&self, octets: u64, removed: u64) {
        let mut kept = self.lock();
        (kept.file_octets, kept.removed_files) = (octets, removed);
    }

    pub(super) fn kernel(&self, totals: SampleTotals) {
        self.lock().kernel = totals;
    }

    pub(super) fn named(&self, named: &Named) {
        let mut kept = self.lock();
        if named.method.is_some() {
            let place = named.sip.unwrap_or(kept.sip.len().saturating_sub(1));
            if let Some((_, count)) = kept.sip.get_mut(place) {
                *count += 1;
            }
        }
        if let Some((_, count)) = named.probe.and_then(|place| kept.probes.get_mut(place)) {
            *count += 1;
        }
    }
}
