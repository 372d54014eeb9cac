//! The flow cache: direct-mapped, private to each CPU, so that a flow costs no lock and no shared cache line.
//!
//! A packet of the flow that lies in its slot adds to it. Any other packet sends the slot away as a record and
//! takes its place: records, resident slots and declared losses together are the packets, always.

use core::{
    mem::MaybeUninit,
    ptr::{read_volatile, write_volatile},
};

use aya_ebpf::{helpers::bpf_jiffies64, programs::XdpContext};
use sensor_common::{
    Observation, Outcome, ToolSet,
    counters::FlowState,
    record::{FlowKey, FlowKind, Record, destination_bit},
};

use crate::{
    maps::{FLOWS, STATE, config, own},
    stage, totals,
};

/// A slot leaves when its bytes reach this: far enough below 2^32 that no packet can make them wrap.
const FULL_SLOT_BYTES: u32 = 1 << 31;

/// Counts an observed packet, and adds it to its flow.
#[inline(always)]
pub fn add(context: &XdpContext, observation: &Observation) -> Outcome {
    let Some(state) = own(&STATE, 0) else {
        return Outcome::Internal;
    };
    let observation = &forget_how(state, observation);
    let key = observation.flow_key();
    let Some(slot) = own(&FLOWS, slot_of(&key)) else {
        return Outcome::Internal;
    };
    totals::observe(observation);
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_jiffies64() } as u32;
    // SAFETY: plain memory of this CPU; volatile, because `flush` may be what this packet interrupts.
    if unsafe { read_volatile(&raw const state.flushing) } != 0 {
        let mut alone = MaybeUninit::<Record>::uninit();
        begin(alone.as_mut_ptr(), key, observation, now);
        state.bypassed += 1;
        // SAFETY: `begin` wrote all of it.
        stage::send_now(unsafe { alone.assume_init_ref() }, &mut state.path);
        return observation.outcome();
    }
    if slot.packets != 0 {
        if slot.key == key && slot.bytes < FULL_SLOT_BYTES && has_signature_of(slot, observation) {
            extend(slot, observation, now);
            return observation.outcome();
        }
        stage::put(context, slot, &mut state.path);
    }
    begin(slot, key, observation, now);
    observation.outcome()
}

/// The same observation, of whose marks the verifier does not know how they came about: it would follow each combination to
/// the end of the program. Half a million instructions become fifty thousand.
#[inline(always)]
fn forget_how(state: &mut FlowState, observation: &Observation) -> Observation {
    let marks = &raw mut state.marks;
    let before = u64::from(observation.tools.0) | u64::from(observation.signature) << 32;
    // SAFETY: plain memory of this CPU, which only packets touch; volatile, so that it is really read back.
    let after = unsafe {
        write_volatile(marks, before);
        read_volatile(marks)
    };
    Observation {
        tools: ToolSet(after as u16),
        signature: (after >> 32) as u32,
        ..*observation
    }
}

/// Whether the packet belongs to the scan that is in the slot: where scans have a signature, another one is another scan.
#[inline(always)]
fn has_signature_of(slot: &Record, observation: &Observation) -> bool {
    !observation.tools.is_signed() || slot.peer_ports == observation.signature
}

/// The place of a flow. The seed is secret, so nobody can choose flows that push each other out.
#[inline(always)]
fn slot_of(key: &FlowKey) -> u32 {
    let config = config();
    // The finaliser of MurmurHash3 (Austin Appleby, public domain) over the folded key.
    let mut hash = key.source.low ^ config.seed;
    hash ^= key.source.high.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^= (key.kind & FlowKind::WITHOUT_TOOLS).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (hash >> 32) as u32 & config.flow_mask
}

/// Adds a packet to the slot of its flow.
#[inline(always)]
fn extend(slot: &mut Record, observation: &Observation, now: u32) {
    slot.packets += 1;
    slot.bytes += observation.length;
    slot.last_jiffies = now;
    slot.tcp_flags |= observation.tcp_flags;
    slot.destinations |= destination_bit(observation.destination);
    slot.peer_ports |= observation.peer_ports();
}

/// Makes a slot from its first packet: eight whole words, where a struct assignment would become byte-wise copies.
#[inline(always)]
fn begin(slot: *mut Record, key: FlowKey, observation: &Observation, now: u32) {
    // SAFETY: a helper without arguments.
    let cpu = unsafe { aya_ebpf::helpers::bpf_get_smp_processor_id() };
    let words = [
        key.source.high,
        key.source.low,
        key.kind,
        1 | u64::from(observation.length) << 32,
        u64::from(now) | u64::from(now) << 32,
        u64::from(observation.ttl)
            | u64::from(observation.tcp_flags) << 8
            | u64::from(observation.window) << 16
            | u64::from(observation.peer_port()) << 32
            | u64::from(cpu as u16) << 48,
        destination_bit(observation.destination),
        u64::from(observation.destination.low32()) | u64::from(observation.peer_ports()) << 32,
    ];
    let slot = slot.cast::<u64>();
    let mut word = 0;
    while word < words.len() {
        // SAFETY: the slot is a `Record`, eight words long; the layout above is its layout, little-endian.
        unsafe { write_volatile(slot.add(word), words[word]) }
        word += 1;
    }
}
