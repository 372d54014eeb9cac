//! `flush`: sends what lies idle in this CPU's cache, and then a marker that proves the count.
//!
//! User space runs it through `BPF_PROG_TEST_RUN`, pinned to each CPU in turn, a chunk of slots at a time. Kernels
//! before 6.10 do not keep softirqs off meanwhile, so a packet may interrupt it: `FlowState::flushing` tells that
//! packet to keep off the cache and the batch.

use core::ptr::{read_volatile, write_volatile};

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    helpers::{bpf_get_smp_processor_id, bpf_jiffies64, bpf_ktime_get_ns},
    programs::XdpContext,
};
use sensor_common::{
    Outcome, Packet,
    counters::{FLUSH_CHUNK, FLUSH_FAILED, FLUSH_FINISH, FLUSH_MARKER_MISSED, FlowState},
    record::{BATCH_RECORDS, Marker, Record, Words},
};

use crate::{
    frame::Frame,
    maps::{FLOWS, OUTCOMES, RECORDS, STAGE, STATE, Stage, copy, own, words},
};

/// How often a marker is tried anew when packets come between its numbers and its place in the ring.
const MARKER_TRIES: u32 = 4;

/// A planted fault, for the test that the flag is needed: packets are not kept off the cache meanwhile.
const FAULT_NO_FLAG: bool = cfg!(feature = "fault-no-flag");

/// Flushes the chunk that begins at the slot named in the first four octets (little-endian), or with
/// [`FLUSH_FINISH`] there the batch, and then sends a marker. Answers how many records found no room and stay, with
/// [`FLUSH_MARKER_MISSED`] where the marker found none either, or [`FLUSH_FAILED`].
#[inline(always)]
pub fn run(context: &XdpContext) -> u32 {
    let (Some(start), Some(state)) = (Frame::of(context).read::<4>(0), own(&STATE, 0)) else {
        return FLUSH_FAILED;
    };
    state.stayed = 0;
    set_flushing(state, 1);
    match u32::from_le_bytes(start) {
        FLUSH_FINISH => finish(state),
        start => chunk(start, state),
    }
    set_flushing(state, 0);
    state.stayed as u32
}

#[inline(always)]
fn set_flushing(state: &mut FlowState, value: u64) {
    if FAULT_NO_FLAG {
        return;
    }
    // SAFETY: plain memory of this CPU; volatile, so that it is written before and after all that it guards.
    unsafe { write_volatile(&raw mut state.flushing, value) }
}

#[inline(always)]
fn chunk(start: u32, state: &mut FlowState) {
    for place in 0..FLUSH_CHUNK {
        let Some(slot) = FLOWS.get_ptr_mut(start.wrapping_add(place)) else {
            continue;
        };
        // SAFETY: this CPU's own slot, which no packet touches while `flushing` is set.
        let slot = unsafe { &mut *slot };
        leave(slot, state);
    }
    if FAULT_NO_FLAG && state.stayed == 0 {
        clear_chunk(start);
    }
}

/// Empties the slots that were sent, too late: whatever came to them meanwhile is gone.
#[inline(always)]
fn clear_chunk(start: u32) {
    for place in 0..FLUSH_CHUNK {
        if let Some(slot) = FLOWS.get_ptr_mut(start.wrapping_add(place)) {
            // SAFETY: this CPU's own slot; that packets do touch it is the fault.
            clear(unsafe { &mut *slot });
        }
    }
}

/// Sends a slot and empties it; where the ring has no room it stays as it is.
#[inline(always)]
fn leave(slot: &mut Record, state: &mut FlowState) {
    // SAFETY: as above.
    let packets = unsafe { read_volatile(&raw const slot.packets) };
    if packets == 0 {
        return;
    }
    let Some(mut place) = RECORDS.reserve(0) else {
        state.stayed += 1;
        return;
    };
    copy(words(slot), place.as_mut_ptr());
    if !FAULT_NO_FLAG {
        clear(slot);
    }
    place.submit(BPF_RB_NO_WAKEUP.into());
    state.flush.attempted_records += 1;
    state.flush.attempted_packets += u64::from(packets);
}

#[inline(always)]
fn clear(slot: &mut Record) {
    // SAFETY: plain memory of this CPU; volatile, so that it is written here and nowhere else.
    unsafe { write_volatile(&raw mut slot.packets, 0) }
}

#[inline(always)]
fn finish(state: &mut FlowState) {
    if let Some(stage) = own(&STAGE, 0) {
        send_stage(stage, state);
    }
    send_marker(state);
}

/// Sends the batch as far as it is filled, whole or not at all.
#[inline(always)]
fn send_stage(stage: &mut Stage, state: &mut FlowState) {
    let waiting = stage.records as usize & (BATCH_RECORDS - 1);
    if waiting == 0 {
        return;
    }
    // SAFETY: `waiting` is below the length of the batch.
    let records: &[Words] = unsafe { core::slice::from_raw_parts((&raw const stage.batch).cast(), waiting) };
    if RECORDS
        .output_untyped::<[Words]>(records, BPF_RB_NO_WAKEUP.into())
        .is_err()
    {
        state.stayed += waiting as u64;
        return;
    }
    state.flush.attempted_records += waiting as u64;
    state.flush.attempted_packets += stage.packets;
    stage.clear();
}

#[inline(always)]
fn send_marker(state: &mut FlowState) {
    for _ in 0..MARKER_TRIES {
        let before = Sent::read(state);
        let observed_packets = observed();
        let Some(mut place) = RECORDS.reserve(0) else {
            break;
        };
        // A packet that came meanwhile sent a record of its own, which may lie on either side of the marker, and may
        // or may not be in what was observed: then the numbers prove nothing.
        if Sent::read(state) != before {
            place.discard(BPF_RB_NO_WAKEUP.into());
            continue;
        }
        state.markers += 1;
        write_marker(place.as_mut_ptr(), state.markers, observed_packets, before);
        place.submit(BPF_RB_NO_WAKEUP.into());
        return;
    }
    state.markers_missed += 1;
    state.stayed |= u64::from(FLUSH_MARKER_MISSED);
}

/// What this CPU sent, by both writers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sent {
    attempted_records: u64,
    attempted_packets: u64,
    lost_packets: u64,
}

impl Sent {
    #[inline(always)]
    fn read(state: &FlowState) -> Self {
        // SAFETY: plain memory of this CPU; volatile, because a packet may write it between two readings.
        let (path, flush) = unsafe {
            (
                read_volatile(&raw const state.path),
                read_volatile(&raw const state.flush),
            )
        };
        Self {
            attempted_records: path.attempted_records + flush.attempted_records,
            attempted_packets: path.attempted_packets + flush.attempted_packets,
            lost_packets: path.lost_packets + flush.lost_packets,
        }
    }
}

#[inline(always)]
fn write_marker(place: *mut Words, sequence: u64, observed_packets: u64, sent: Sent) {
    // SAFETY: helpers without arguments.
    let (cpu, nanoseconds, jiffies) =
        unsafe { (bpf_get_smp_processor_id(), bpf_ktime_get_ns(), bpf_jiffies64()) };
    let marker = [
        u64::from(cpu) | sequence << 32,
        observed_packets,
        Marker::KIND,
        sent.attempted_packets,
        sent.lost_packets,
        sent.attempted_records,
        nanoseconds,
        jiffies,
    ];
    copy(&marker, place);
}

/// The packets that this CPU observed, ever.
#[inline(always)]
fn observed() -> u64 {
    let mut sum = 0;
    for outcome in Outcome::ALL {
        if outcome.is_observed() {
            sum += OUTCOMES.get(outcome as u32).copied().unwrap_or(0);
        }
    }
    sum
}
