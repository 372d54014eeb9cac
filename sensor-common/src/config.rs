//! What user space tells the program when it loads it: one read-only global.

use crate::Verdict;

/// The layout of maps and records. A daemon adopts pinned maps of its own layout only.
pub const LAYOUT_VERSION: u32 = 2;

/// The program's configuration. It is part of the loaded program, so it changes together with it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelConfig {
    /// [`LAYOUT_VERSION`] of the loader; 0 in an object that nobody configured.
    pub layout_version: u32,
    /// [`Verdict`] for observed packets, as its number.
    pub verdict: u32,
    /// Slots of the flow cache minus one; slots are a power of two.
    pub flow_mask: u32,
    /// Not zero when the IPv6 watch list holds a prefix.
    pub watch_v6: u32,
    /// The reader is woken when the ring holds more than so many bytes.
    pub wake_bytes: u64,
    /// Random, new at each load: where a flow lies in the cache must not be for its sender to choose.
    pub seed: u64,
    /// Not zero when what is watched is a host that does other work as well: see [`host`](crate::host).
    pub watch_host: u32,
    /// Not zero when there is a list of that host's own networks.
    pub own_networks: u32,
}

impl KernelConfig {
    /// What stands in the object file before a loader overrides it.
    pub const UNSET: Self = Self {
        layout_version: 0,
        verdict: Verdict::Pass as u32,
        flow_mask: 0,
        watch_v6: 0,
        wake_bytes: u64::MAX,
        seed: 0,
        watch_host: 0,
        own_networks: 0,
    };

    /// The verdict for observed packets. Any number but that of `Drop` passes.
    #[inline(always)]
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        if self.verdict == Verdict::Drop as u32 {
            Verdict::Drop
        } else {
            Verdict::Pass
        }
    }
}

const _: () = assert!(size_of::<KernelConfig>() == 40);
