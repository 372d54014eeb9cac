//! What the maps will take, computed before anything is loaded.

use sensor_common::{
    Outcome,
    counters::{
        CLASS_SLOTS, FlowState, ICMP_TYPE_COUNT, INTERFACE_SLOTS, PORT_COUNT, PROTOCOL_COUNT, PortCounters,
    },
    record::{BATCH_RECORDS, RECORD_BYTES},
    watch,
};

/// A batch, and what is known of it: `Stage` of the program.
pub(super) const STAGE_BYTES: usize = 24 + BATCH_RECORDS * RECORD_BYTES;

/// Memory of the maps, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapMemory {
    /// For each CPU that the machine could ever have, online or not: the kernel allocates for all of them.
    pub each_cpu: u64,
    /// Once for the machine.
    pub shared: u64,
    /// CPUs that the machine could ever have.
    pub possible_cpus: u32,
}

impl MapMemory {
    /// The memory for a flow cache of `flow_slots`, a ring of `ring_bytes`, and `watch_blocks` /16 networks that are
    /// watched in part.
    #[must_use]
    pub fn new(flow_slots: u32, ring_bytes: u32, watch_blocks: usize, possible_cpus: u32) -> Self {
        let counters = Outcome::COUNT + CLASS_SLOTS + ICMP_TYPE_COUNT + PROTOCOL_COUNT + INTERFACE_SLOTS;
        let each_cpu = counters * size_of::<u64>()
            + PORT_COUNT * size_of::<PortCounters>()
            + flow_slots as usize * RECORD_BYTES
            + STAGE_BYTES
            + size_of::<FlowState>();
        let shared =
            size_of::<watch::Index>() + watch_blocks * size_of::<watch::Block>() + ring_bytes as usize;
        Self {
            each_cpu: each_cpu as u64,
            shared: shared as u64,
            possible_cpus,
        }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.shared + self.each_cpu * u64::from(self.possible_cpus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_stay_within_the_budget() {
        // 2 MiB of ports, a cache, and small change for each CPU; the ring and the watch list once.
        let memory = MapMemory::new(16_384, 16 << 20, 1, 64);
        assert!(memory.each_cpu <= 3 << 20 | 64 << 10, "{}", memory.each_cpu);
        assert!(memory.shared <= 17 << 20, "{}", memory.shared);
        assert!(memory.total() <= 256 << 20, "{}", memory.total());
    }
}
