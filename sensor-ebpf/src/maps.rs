//! The maps, and the one place that turns what a look-up gives into something to work with.

use core::ptr::{read_volatile, write_volatile};

use aya_ebpf::{
    btf_maps::{Array, LpmTrie, PerCpuArray, RingBuf},
    macros::btf_map,
};
use sensor_common::{
    Outcome,
    config::KernelConfig,
    counters::{
        CLASS_SLOTS, FlowState, ICMP_TYPE_COUNT, INTERFACE_SLOTS, PORT_COUNT, PROTOCOL_COUNT, PortCounters,
    },
    record::{BATCH_RECORDS, Record, Words},
    watch,
};

/// Overridden by the loader, as is each size below that says so.
#[unsafe(no_mangle)]
static CONFIG: KernelConfig = KernelConfig::UNSET;

#[btf_map]
pub static OUTCOMES: PerCpuArray<u64, { Outcome::COUNT }> = PerCpuArray::new();
#[btf_map]
pub static PORTS: PerCpuArray<PortCounters, PORT_COUNT> = PerCpuArray::new();
#[btf_map]
pub static ICMP_TYPES: PerCpuArray<u64, ICMP_TYPE_COUNT> = PerCpuArray::new();
#[btf_map]
pub static PROTOCOLS: PerCpuArray<u64, PROTOCOL_COUNT> = PerCpuArray::new();
#[btf_map]
pub static CLASSES: PerCpuArray<u64, CLASS_SLOTS> = PerCpuArray::new();
#[btf_map]
pub static INTERFACES: PerCpuArray<u64, INTERFACE_SLOTS> = PerCpuArray::new();

#[btf_map]
pub static WATCH_INDEX: Array<watch::Index, 1> = Array::new();
/// Sized by the loader: one entry for each /16 that is watched in part.
#[btf_map]
pub static WATCH_BLOCKS: Array<watch::Block, 1> = Array::new();
/// Sized by the loader: one entry for each prefix.
#[btf_map]
pub static WATCH_V6: LpmTrie<[u8; 16], u8, 1> = LpmTrie::new();
/// Sized by the loader: one entry for each prefix.
#[btf_map]
pub static OWN_NETWORKS: LpmTrie<[u8; 16], u8, 1> = LpmTrie::new();

/// Sized by the loader.
#[btf_map]
pub static FLOWS: PerCpuArray<Record, 16384> = PerCpuArray::new();
#[btf_map]
pub static STAGE: PerCpuArray<Stage, 1> = PerCpuArray::new();
#[btf_map]
pub static STATE: PerCpuArray<FlowState, 1> = PerCpuArray::new();
/// Sized by the loader.
#[btf_map]
pub static RECORDS: RingBuf<Words, { 1 << 24 }> = RingBuf::new();

/// Records that wait for a full batch.
#[repr(C)]
pub struct Stage {
    /// How many wait.
    pub records: u64,
    /// Packets in them.
    pub packets: u64,
    /// Batches sent, so that the ring's fill need not be asked for at each.
    pub batches: u64,
    /// The waiting records, from the first entry on.
    pub batch: [Words; BATCH_RECORDS],
}

impl Stage {
    /// Forgets what waits. Volatile, or the two stores become a call of `memset`.
    #[inline(always)]
    pub fn clear(&mut self) {
        // SAFETY: fields of a value that we hold alone.
        unsafe {
            write_volatile(&raw mut self.records, 0);
            write_volatile(&raw mut self.packets, 0);
        }
    }
}

/// What the loader decided.
#[inline(always)]
pub fn config() -> KernelConfig {
    // SAFETY: a static of plain numbers. Volatile, because the value in the object is not the loaded one.
    unsafe { read_volatile(&raw const CONFIG) }
}

/// Adds one to this CPU's counter. Nothing else writes it, so a plain addition is exact.
#[inline(always)]
pub fn increment<const N: usize>(counters: &PerCpuArray<u64, N>, index: u32) {
    if let Some(counter) = counters.get_ptr_mut(index) {
        // SAFETY: the look-up gave a pointer to this CPU's own value, valid for the program's run.
        unsafe { *counter = (*counter).wrapping_add(1) }
    }
}

/// This CPU's value at `index`, to work on.
#[expect(
    clippy::mut_from_ref,
    reason = "the map is not the memory: each CPU has a value of its own"
)]
#[inline(always)]
pub fn own<T, const N: usize>(map: &'static PerCpuArray<T, N>, index: u32) -> Option<&'static mut T> {
    // SAFETY: the value is this CPU's own, programs do not nest on a CPU but for `flush`, which keeps off by
    // `FlowState::flushing`, and each program asks for a value once.
    map.get_ptr_mut(index).map(|value| unsafe { &mut *value })
}

/// Copies a record word by word: a struct assignment may become a call of a byte-wise `memcpy`.
#[inline(always)]
pub fn copy(from: &Words, to: *mut Words) {
    let (from, to) = ((&raw const *from).cast::<u64>(), to.cast::<u64>());
    let mut word = 0;
    while word < size_of::<Words>() / size_of::<u64>() {
        // SAFETY: both sides are `Words`, and `word` is below their length.
        unsafe { write_volatile(to.add(word), read_volatile(from.add(word))) }
        word += 1;
    }
}

/// A record as the words that are copied.
#[inline(always)]
pub fn words(record: &Record) -> &Words {
    // SAFETY: both are 64 bytes of plain numbers, and a record's alignment is that of `u64`.
    unsafe { &*(&raw const *record).cast() }
}
