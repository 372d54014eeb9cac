//! Samples: what the program is told to copy of single packets, and the form in which it does.

use crate::Transport;

/// The most octets of a frame that a sample has.
pub const MOST_HEAD_BYTES: usize = 512;
/// Buckets of the limit for single sources, on each CPU. Sources that share one share its limit.
pub const SOURCE_BUCKETS: u32 = 1 << 12;

/// What is sampled, and how much of it: a read-only global of the loaded program, so that it costs nothing when off.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamplingConfig {
    /// Octets of a frame that are copied, at most [`MOST_HEAD_BYTES`]; 0: nothing is sampled.
    pub head_bytes: u32,
    /// Packets with any of these tool marks are sampled: bits of [`ToolSet`](crate::ToolSet).
    pub tools: u32,
    /// One in so many packets is sampled, by chance; 0: none for this reason.
    pub one_in: u32,
    /// Not zero when the map of ports has any.
    pub ports: u32,
    /// Nanoseconds from sample to sample of one CPU, in the long run.
    pub cpu_period: u64,
    /// How far a CPU may be ahead of that, in nanoseconds.
    pub cpu_burst: u64,
    /// The same for one source.
    pub source_period: u64,
    /// The same for one source.
    pub source_burst: u64,
}

impl SamplingConfig {
    /// No samples.
    pub const OFF: Self = Self {
        head_bytes: 0,
        tools: 0,
        one_in: 0,
        ports: 0,
        cpu_period: 0,
        cpu_burst: 0,
        source_period: 0,
        source_burst: 0,
    };
}

/// Why a packet is sampled: a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reason {
    /// It went to a port that is sampled.
    Port = 1,
    /// It has a tool's mark.
    Tool = 2,
    /// By chance.
    Chance = 4,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Port, Self::Tool, Self::Chance];

    /// The name in samples.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Port => "port",
            Self::Tool => "tool",
            Self::Chance => "chance",
        }
    }
}

/// What stands in front of the octets of a sample.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleHead {
    /// When it came: nanoseconds of `CLOCK_MONOTONIC`.
    pub nanoseconds: u64,
    /// The index of the interface.
    pub interface: u32,
    /// Octets of the frame, as far as it lies in one buffer.
    pub wire_bytes: u32,
    /// Octets that follow.
    pub captured: u32,
    /// [`Reason`]s, or-ed.
    pub reasons: u32,
}

/// A sample as the program builds it.
#[repr(C)]
pub struct Sample {
    /// The head.
    pub head: SampleHead,
    /// The first octets of the frame; those behind `captured` are of another.
    pub frame: [u8; MOST_HEAD_BYTES],
}

/// The books of one CPU's samples: `chosen` is the sum of the others.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleState {
    /// When the CPU's limit is free again; nanoseconds of `CLOCK_MONOTONIC`.
    pub due: u64,
    /// Packets for which there was a reason.
    pub chosen: u64,
    /// Of those, sent.
    pub taken: u64,
    /// Of those, beyond the limit of the CPU.
    pub over_rate: u64,
    /// Of those, beyond the limit of their source.
    pub over_source: u64,
    /// Of those, refused by the ring.
    pub over_ring: u64,
    /// Of the packet at hand: the [`Reason`]s to sample it. Kept here and not in a register: the verifier would follow each
    /// of its values as a path of its own.
    pub reasons: u64,
    /// Of the packet at hand: the bucket of its source.
    pub bucket: u64,
}

/// Words of an entry of the map of ports.
pub const PORT_WORDS: usize = (1 << 16) / 64;
/// The ports that are sampled: an entry for UDP and one for TCP, a bit for each port.
pub type PortBits = [u64; PORT_WORDS];
/// Entries of the map of ports.
pub const PORT_ENTRIES: usize = 2;

/// The entry of a transport.
#[inline(always)]
#[must_use]
pub const fn port_entry(transport: Transport) -> Option<u32> {
    match transport {
        Transport::Udp => Some(0),
        Transport::Tcp => Some(1),
        Transport::Icmp | Transport::Icmpv6 | Transport::Other | Transport::Fragment => None,
    }
}

/// Where the bit of a port lies: the word and the bit.
#[inline(always)]
#[must_use]
pub const fn port_bit(port: u16) -> (usize, u32) {
    ((port >> 6) as usize, port as u32 & 63)
}

const _: () = assert!(size_of::<SamplingConfig>() == 48);
const _: () = assert!(size_of::<SampleHead>() == 24);
const _: () = assert!(size_of::<SampleState>() == 64);
const _: () = assert!(MOST_HEAD_BYTES.is_multiple_of(8));
// It is used as a mask.
const _: () = assert!(PORT_WORDS.is_power_of_two() && MOST_HEAD_BYTES.is_power_of_two());
