//! Samples: the heads of chosen packets, limited so that no flood of them harms counting.
//!
//! Each limit is one number: the moment when it is free again (the generic cell rate algorithm, ITU-T I.371). It costs no
//! division, and a packet beyond it one comparison.

use core::{
    hint::black_box,
    ptr::{read_volatile, write_volatile},
};

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    btf_maps::{Array, PerCpuArray, RingBuf},
    helpers::{bpf_get_prandom_u32, bpf_ktime_get_ns, bpf_ringbuf_output},
    macros::btf_map,
    programs::XdpContext,
};
use sensor_common::{
    Address, Observation, Packet as _,
    record::Words,
    sample::{
        MOST_HEAD_BYTES, PORT_ENTRIES, PORT_WORDS, PortBits, Reason, SOURCE_BUCKETS, Sample, SampleHead,
        SampleState, SamplingConfig, port_bit, port_entry,
    },
};

use crate::{
    frame::Frame,
    maps::{config, own},
};

/// Overridden by the loader. All zeros in a program that takes no samples: the verifier then removes all of this.
#[unsafe(no_mangle)]
static SAMPLING: SamplingConfig = SamplingConfig::OFF;

/// Sized by the loader.
#[btf_map]
pub static SAMPLES: RingBuf<Words, 4096> = RingBuf::new();
#[btf_map]
pub static SAMPLE_STATE: PerCpuArray<SampleState, 1> = PerCpuArray::new();
/// Sized by the loader: one entry where nothing is sampled.
#[btf_map]
pub static SAMPLE_SOURCES: PerCpuArray<u64, { SOURCE_BUCKETS as usize }> = PerCpuArray::new();
#[btf_map]
pub static SAMPLE_PORTS: Array<PortBits, PORT_ENTRIES> = Array::new();
#[btf_map]
pub static SAMPLE_SCRATCH: PerCpuArray<Sample, 1> = PerCpuArray::new();

#[inline(always)]
fn sampling() -> SamplingConfig {
    // SAFETY: a static of plain numbers. Volatile, because the value in the object is not the loaded one.
    unsafe { read_volatile(&raw const SAMPLING) }
}

/// Finds the reasons to sample an observed packet, and leaves them with its books.
#[inline(always)]
pub fn choose(observation: &Observation) {
    let sampling = sampling();
    if sampling.head_bytes == 0 {
        return;
    }
    let Some(state) = own(&SAMPLE_STATE, 0) else {
        return;
    };
    let reasons = reasons(&sampling, observation);
    let bucket = bucket_of(observation.source);
    // SAFETY: fields of a value that we hold alone; volatile, so that they are really read back.
    unsafe {
        write_volatile(&raw mut state.reasons, reasons.into());
        write_volatile(&raw mut state.bucket, bucket.into());
    }
}

/// Samples the packet, when there was a reason and there is room for it.
#[inline(always)]
pub fn send(context: &XdpContext) {
    let sampling = sampling();
    if sampling.head_bytes == 0 {
        return;
    }
    let Some(state) = own(&SAMPLE_STATE, 0) else {
        return;
    };
    // SAFETY: fields of a value that we hold alone.
    let (reasons, bucket) = unsafe {
        (
            read_volatile(&raw const state.reasons),
            read_volatile(&raw const state.bucket),
        )
    };
    if reasons == 0 {
        return;
    }
    state.reasons = 0;
    state.chosen += 1;
    if is_within_limits(&sampling, state, bucket as u32) {
        take(context, &sampling, state, reasons as u32);
    }
}

#[inline(always)]
fn reasons(sampling: &SamplingConfig, observation: &Observation) -> u32 {
    let mut reasons = 0;
    if sampling.ports != 0 && holds_port(observation) {
        reasons |= Reason::Port as u32;
    }
    if u32::from(observation.tools.marks().0) & sampling.tools != 0 {
        reasons |= Reason::Tool as u32;
    }
    // SAFETY: a helper without arguments.
    if sampling.one_in != 0
        && (u64::from(unsafe { bpf_get_prandom_u32() }) * u64::from(sampling.one_in)) >> 32 == 0
    {
        reasons |= Reason::Chance as u32;
    }
    reasons
}

#[inline(always)]
fn holds_port(observation: &Observation) -> bool {
    let Some(bits) = port_entry(observation.transport).and_then(|entry| SAMPLE_PORTS.get(entry)) else {
        return false;
    };
    let (word, bit) = port_bit(observation.destination_port);
    // What the compiler knows of a port is lost on verifiers up to Linux 6.1, once it lay on the stack: they take the
    // mask for the bound.
    bits[black_box(word) & (PORT_WORDS - 1)] >> bit & 1 != 0
}

/// Takes from both limits, or says in the books which of them has nothing left.
#[inline(always)]
fn is_within_limits(sampling: &SamplingConfig, state: &mut SampleState, bucket: u32) -> bool {
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    let Some(bucket) = own(&SAMPLE_SOURCES, bucket) else {
        state.over_source += 1;
        return false;
    };
    let source_due = later(*bucket, now);
    if source_due - now > sampling.source_burst {
        state.over_source += 1;
        return false;
    }
    let due = later(state.due, now);
    if due - now > sampling.cpu_burst {
        state.over_rate += 1;
        return false;
    }
    *bucket = source_due + sampling.source_period;
    state.due = due + sampling.cpu_period;
    true
}

#[inline(always)]
fn later(one: u64, other: u64) -> u64 {
    if one > other { one } else { other }
}

/// The seed is secret, so nobody can choose sources that use up each other's limit.
#[inline(always)]
fn bucket_of(source: Address) -> u32 {
    let mut hash = source.low ^ config().seed ^ source.high.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    (hash >> 32) as u32 & (SOURCE_BUCKETS - 1)
}

#[inline(always)]
fn take(context: &XdpContext, sampling: &SamplingConfig, state: &mut SampleState, reasons: u32) {
    let Some(sample) = own(&SAMPLE_SCRATCH, 0) else {
        state.over_ring += 1;
        return;
    };
    let captured = copy_head(context, sampling.head_bytes as usize, sample);
    let head = &raw mut sample.head;
    // SAFETY: fields of a value that we hold alone. Volatile, so that `captured` is read back below as a number of which
    // the compiler knows nothing: it would leave out the bound that the verifier asks for.
    let captured = unsafe {
        write_volatile(&raw mut (*head).nanoseconds, bpf_ktime_get_ns());
        write_volatile(&raw mut (*head).interface, context.ingress_ifindex() as u32);
        write_volatile(&raw mut (*head).wire_bytes, Frame::anew(context).length());
        write_volatile(&raw mut (*head).captured, captured as u32);
        write_volatile(&raw mut (*head).reasons, reasons);
        read_volatile(&raw const (*head).captured)
    };
    if captured > MOST_HEAD_BYTES as u32 {
        state.over_ring += 1;
        return;
    }
    let bytes = size_of::<SampleHead>() as u64 + u64::from(captured);
    // SAFETY: the map is a ring buffer, and the sample is at least so long.
    let answer = unsafe {
        bpf_ringbuf_output(
            (&raw const SAMPLES).cast_mut().cast(),
            (&raw mut *sample).cast(),
            bytes,
            BPF_RB_NO_WAKEUP.into(),
        )
    };
    if answer == 0 {
        state.taken += 1;
    } else {
        state.over_ring += 1;
    }
}

/// Copies the first octets of a frame, and says how many.
#[inline(always)]
fn copy_head(context: &XdpContext, limit: usize, sample: &mut Sample) -> usize {
    let frame = Frame::anew(context);
    let place = (&raw mut sample.frame).cast::<u8>();
    let mut at = 0;
    while at < MOST_HEAD_BYTES && at + 8 <= limit {
        let Some(octets) = frame.read::<8>(at) else {
            break;
        };
        // SAFETY: `at` is below the length of the array by 8 at least, and the array begins on a word. Volatile, or the
        // loop becomes a call of `memcpy`.
        unsafe { write_volatile(place.add(at).cast::<u64>(), u64::from_ne_bytes(octets)) }
        at += 8;
    }
    // SAFETY: a field of a value that we hold alone. Volatile: the verifier forgets which of the 64 ways led here, each of
    // which it would follow to the end; and the frame is asked for anew, of which it knows differently much on each.
    let mut at = unsafe {
        write_volatile(&raw mut sample.head.captured, at as u32);
        read_volatile(&raw const sample.head.captured) as usize
    };
    let frame = Frame::anew(context);
    let mut rest = 0;
    while rest < 7 && at < MOST_HEAD_BYTES && at < limit {
        let Some(octet) = frame.octet(at) else {
            break;
        };
        // What the compiler knows of `at` is lost on the verifier: it takes the mask for the bound.
        let masked = black_box(at) & (MOST_HEAD_BYTES - 1);
        // SAFETY: within the array, by the mask.
        unsafe { write_volatile(place.add(masked), octet) }
        at += 1;
        rest += 1;
    }
    at
}
