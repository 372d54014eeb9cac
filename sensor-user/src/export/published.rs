//! What the flush tick publishes, and every reader gets: one immutable state at a time.

use std::{
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use sensor_keep::Status;

use crate::{
    kernel::Attachment,
    pipeline::{
        PortName, ledger::Books, snapshot::Snapshot, sources::Estimates, tools::ToolTotals,
        totals::KernelTotals,
    },
    region::{Region, RegionInfo},
};

/// The state of one moment.
#[derive(Clone, Debug)]
pub struct State {
    /// What is known.
    pub snapshot: Snapshot,
    /// The exact totals behind it.
    pub totals: KernelTotals,
    /// Where the program is attached.
    pub attachments: Vec<Attachment>,
    /// Ports with series of their own: packets, SYN, Mirai.
    pub listed_ports: Vec<(PortName, [u64; 3])>,
    /// All other ports together.
    pub other_ports: [u64; 3],
    /// Regions with series of their own: packets, Mirai.
    pub listed_regions: Vec<(Region, [u64; 2])>,
    /// All other regions together.
    pub other_regions: [u64; 2],
    /// Scans of watched ports by region.
    pub listed_pairs: Vec<((PortName, Region), [u64; 1])>,
    /// All other packets together.
    pub other_pairs: [u64; 1],
    /// Packets by tool, of those that were taken into the derived totals.
    pub tools: ToolTotals,
    /// Cells of the open hour, and packets that found none.
    pub cells: (usize, u64),
    /// Unique sources of the last hour.
    pub sources: Estimates,
    /// The region database.
    pub regions: RegionInfo,
    /// What the keeper of records says of itself; `None` where none are kept.
    pub records: Option<Arc<Status>>,
    /// What shipping says of itself; `None` where nothing is shipped.
    pub ship: Option<Arc<sensor_ship::Status>>,
    /// Bytes in the ring after it was drained.
    pub ring_used_bytes: u64,
    /// What became of all records that were read, by this daemon and those before it.
    pub books: Books,
    /// Whether maps and links outlive the daemon.
    pub pinned: bool,
    /// When the totals were read, by the clock that never steps.
    pub read: Instant,
    /// When the program last saw a packet, in seconds since 1970; 0 for never.
    pub last_packet_seconds: f64,
}

/// Where the state is left and picked up.
#[derive(Debug, Default)]
pub struct Published {
    state: RwLock<Option<Arc<State>>>,
    scrapes: AtomicU64,
}

impl Published {
    /// Publishes a state.
    pub fn set(&self, state: State) {
        let state = Some(Arc::new(state));
        // A reader that panicked left nothing half-written: the lock guards a pointer.
        *self
            .state
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = state;
    }

    /// Replaces where the program is attached, in the last state.
    pub fn set_attachments(&self, attachments: &[Attachment]) {
        if let Some(state) = self.get() {
            let mut state = State::clone(&state);
            state.attachments = attachments.to_vec();
            self.set(state);
        }
    }

    /// The last state; `None` before the first.
    #[must_use]
    pub fn get(&self) -> Option<Arc<State>> {
        self.state
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// Notes that the state was scraped.
    pub fn scraped(&self) {
        self.scrapes.fetch_add(1, Ordering::Relaxed);
    }

    /// How many scrapes there have been.
    #[must_use]
    pub fn scrapes(&self) -> u64 {
        self.scrapes.load(Ordering::Relaxed)
    }
}
