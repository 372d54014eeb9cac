//! What the keeper says of itself, for metrics: written by one thread, read by any.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use sensor_records::Table;

/// Why a file was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is older than its table is kept.
    Retention,
    /// The disk has no room for it.
    Disk,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 2] = [Self::Retention, Self::Disk];

    /// The word in manifests and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Disk => "disk",
        }
    }
}

/// What the keeper did, and how the disk is.
#[derive(Debug, Default)]
pub struct Status {
    free_bytes: AtomicU64,
    used_bytes: AtomicU64,
    commits: AtomicU64,
    failures: AtomicU64,
    last_commit: AtomicI64,
    written: [AtomicU64; Table::ALL.len()],
    removed: [[AtomicU64; Table::ALL.len()]; Reason::ALL.len()],
}

impl Status {
    /// Bytes that the disk has free for the sensor.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        self.free_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of all files of records.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Times that the open hour was written.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Times that something could not be written, or closed, or removed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// When the open hour was last written, in seconds since 1970; 0 for never.
    #[must_use]
    pub fn last_commit(&self) -> i64 {
        self.last_commit.load(Ordering::Relaxed)
    }

    /// Files of a table that were written.
    #[must_use]
    pub fn written(&self, table: Table) -> u64 {
        self.written[table as usize].load(Ordering::Relaxed)
    }

    /// Files of a table that were removed for a reason.
    #[must_use]
    pub fn removed(&self, table: Table, reason: Reason) -> u64 {
        self.removed[reason as usize][table as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn set_disk(&self, free: u64, used: u64) {
        self.free_bytes.store(free, Ordering::Relaxed);
        self.used_bytes.store(used, Ordering::Relaxed);
    }

    pub(crate) fn committed(&self, now: i64) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.last_commit.store(now, Ordering::Relaxed);
    }

    /// Counts something that could not be done.
    pub fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn wrote(&self, table: Table) {
        self.written[table as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn took_away(&self, table: Table, reason: Reason) {
        self.removed[reason as usize][table as usize].fetch_add(1, Ordering::Relaxed);
    }
}
