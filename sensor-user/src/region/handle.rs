//! The table in use, and its replacement while the sensor runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::error::RegionError;
use super::info::FileInfo;
use super::source::{RegionSources, Stamp};
use super::table::RegionTable;

/// A [`RegionTable`] that can be replaced by a newer one while others read it.
pub struct RegionHandle {
    table: ArcSwap<RegionTable>,
    sources: RegionSources,
    /// Held while files are read, so that of two reloads the later wins.
    reloading: Mutex<()>,
    watch: Mutex<Watch>,
}

/// The state of every file, in the order of the sources; `None` where there is none.
type Stamps = Vec<Option<Stamp>>;

/// What was last seen of the files.
struct Watch {
    /// Before they were last read, with or without success.
    read: Stamps,
    /// At the last poll.
    polled: Stamps,
}

/// What a reload did.
#[derive(Clone, Debug)]
pub enum Changed {
    /// The files hold what they held; the table stays.
    No,
    /// The new table is in use.
    Yes {
        /// What was in use until now.
        before: Arc<RegionTable>,
        /// What is in use from now on.
        after: Arc<RegionTable>,
    },
}

impl RegionHandle {
    /// Loads the files for the first time.
    ///
    /// # Errors
    /// As [`RegionTable::load`].
    pub fn load(sources: RegionSources) -> Result<Self, RegionError> {
        let read = stamps(&sources);
        let table = RegionTable::load(&sources)?;
        Ok(Self::new(table, sources, read))
    }

    /// A handle on [`RegionTable::without_database`]; it has no files, so nothing changes.
    #[must_use]
    pub fn without_database() -> Self {
        Self::new(
            RegionTable::without_database(),
            RegionSources::default(),
            Vec::new(),
        )
    }

    fn new(table: RegionTable, sources: RegionSources, read: Stamps) -> Self {
        Self {
            table: ArcSwap::from_pointee(table),
            sources,
            reloading: Mutex::new(()),
            watch: Mutex::new(Watch {
                polled: read.clone(),
                read,
            }),
        }
    }

    /// The table in use. Take it once for a batch of look-ups; it stays whole while it is held.
    #[must_use]
    pub fn table(&self) -> Arc<RegionTable> {
        self.table.load_full()
    }

    /// Reads the files again, which takes a tenth of a second for Debian's; look-ups go on meanwhile.
    ///
    /// # Errors
    /// As [`RegionTable::load`], and [`RegionError::Shrunk`]. The table in use then stays.
    pub fn reload(&self) -> Result<Changed, RegionError> {
        let _only_one = lock(&self.reloading);
        if self.sources.regions.is_empty() {
            return Ok(Changed::No);
        }
        lock(&self.watch).read = stamps(&self.sources);
        let after = Arc::new(RegionTable::load(&self.sources)?);
        let before = self.table();
        let files = || before.info().files().zip(after.info().files());
        if files().all(|(before, after)| before.sha256 == after.sha256) {
            return Ok(Changed::No);
        }
        files().try_for_each(|(before, after)| refuse_stump(before, after))?;
        self.table.store(Arc::clone(&after));
        Ok(Changed::Yes { before, after })
    }

    /// Whether the files are no longer those that were last read, and a [`reload`](Self::reload) is due.
    ///
    /// Costs one `stat` a file, so a thread that ticks anyway can ask. A change is told at the second poll that
    /// sees it unaltered: a file that is still being written changes between them, provided that polls are
    /// further apart than its writer's pauses. It is told until the next reload, whether that succeeds or not.
    /// While a file is missing nothing is told.
    #[must_use]
    pub fn poll_changed(&self) -> bool {
        let now = stamps(&self.sources);
        let mut watch = lock(&self.watch);
        let settled = now == watch.polled && now.iter().all(Option::is_some);
        let changed = now != watch.read;
        watch.polled = now;
        settled && changed
    }
}

impl std::fmt::Debug for RegionHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RegionHandle")
            .field("table", &self.table.load())
            .finish_non_exhaustive()
    }
}

fn stamps(sources: &RegionSources) -> Stamps {
    sources.paths().map(Stamp::at).collect()
}

/// A text has nothing that marks its end, so one that was cut between two lines looks whole: a file that holds
/// less than half of what its forerunner did is taken for a stump.
fn refuse_stump(before: &FileInfo, after: &FileInfo) -> Result<(), RegionError> {
    let ranges = [
        (before.ranges_v4, after.ranges_v4),
        (before.ranges_v6, after.ranges_v6),
    ];
    match ranges.into_iter().find(|(before, after)| *after < before / 2) {
        None => Ok(()),
        Some((before, ranges)) => Err(RegionError::Shrunk {
            path: after.path.clone(),
            before,
            after: ranges,
        }),
    }
}

/// The watch and the reloading lock hold nothing that a panic could leave half-made.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
