//! What shipping says of itself, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// How shipping goes.
#[derive(Debug, Default)]
pub struct Status {
    backlog: AtomicU64,
    shipped: AtomicU64,
    failures: AtomicU64,
}

impl Status {
    /// Files that wait to be shipped.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        self.backlog.load(Ordering::Relaxed)
    }

    /// Files that were shipped and verified.
    #[must_use]
    pub fn shipped(&self) -> u64 {
        self.shipped.load(Ordering::Relaxed)
    }

    /// Rounds that ended before all was shipped.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(crate) fn set_backlog(&self, files: usize) {
        self.backlog.store(files as u64, Ordering::Relaxed);
    }

    pub(crate) fn ship(&self) {
        self.shipped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn fail(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}
