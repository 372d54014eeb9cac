//! The exact totals that the kernel keeps: fixed arrays that no flood can fill.

/// What is counted for each of the 65,536 destination ports, on each CPU. Packets.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCounters {
    /// TCP segments of any kind.
    pub tcp: u64,
    /// Of those, SYN without ACK, RST and FIN: class `scan`.
    pub syn: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
    /// UDP datagrams.
    pub udp: u64,
}

/// Destination ports: the entries of the map `PORTS`.
pub const PORT_COUNT: usize = 1 << 16;

/// IP protocol numbers: the entries of the map `PROTOCOLS`.
pub const PROTOCOL_COUNT: usize = 1 << 8;

/// Entries of the map `ICMP_TYPES`: ICMP, then ICMPv6.
pub const ICMP_TYPE_COUNT: usize = 2 << 8;

/// Where messages of an ICMP or ICMPv6 type are counted.
#[inline(always)]
#[must_use]
pub const fn icmp_slot(kind: u8, family: crate::Family) -> u32 {
    match family {
        crate::Family::Ipv4 => kind as u32,
        crate::Family::Ipv6 => 0x100 | kind as u32,
    }
}

/// Entries of the map `CLASSES`: class numbers start at 1.
pub const CLASS_SLOTS: usize = 4;

/// Entries of the map `INTERFACES`.
pub const INTERFACE_SLOTS: usize = 1 << 10;

/// Where packets of an interface are counted. Two interfaces whose indices share a slot cannot be told
/// apart; user space refuses such a pair.
#[inline(always)]
#[must_use]
pub const fn interface_slot(interface_index: u32) -> u32 {
    interface_index & (INTERFACE_SLOTS as u32 - 1)
}

/// Slots that one run of `flush` goes through: what the verifier of Linux 5.10 follows with room to spare.
pub const FLUSH_CHUNK: u32 = 1024;
/// Asks `flush` to send the batch and a marker, in place of the first slot of a chunk.
pub const FLUSH_FINISH: u32 = u32::MAX;
/// Set in the answer to [`FLUSH_FINISH`] when the ring had no room for the marker: this flush proved nothing.
pub const FLUSH_MARKER_MISSED: u32 = 1 << 30;
/// The answer of a `flush` that could not work at all.
pub const FLUSH_FAILED: u32 = u32::MAX;

/// The books of one CPU's flow cache. The packet path and `flush` write separate fields: on kernels before
/// 6.10 a packet may interrupt `flush`, and `x += 1` is not atomic against itself.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowState {
    /// Not zero while `flush` works on this CPU.
    pub flushing: u64,
    /// Written by the packet path: records and packets that it tried to send, and those that the ring refused.
    pub path: SendBooks,
    /// The same, written by `flush`.
    pub flush: SendBooks,
    /// Packets that found `flushing` set and left as records of their own.
    pub bypassed: u64,
    /// Markers that the ring refused or that could not be made consistent.
    pub markers_missed: u64,
    /// Markers sent: the sequence number of the last one.
    pub markers: u64,
    /// Records that found no room in this run of `flush`. Kept here and not in a register: the verifier would
    /// follow each of its values as a path of its own.
    pub stayed: u64,
    /// The marks of the packet at hand, between classification and counting. Kept here for the same reason: the verifier
    /// knows nothing of what is read back, so all combinations of marks are one path to it.
    pub marks: u64,
}

/// What was sent to the ring by one writer. `attempted` includes `lost`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendBooks {
    /// Records that were given to the ring, or to the batch that goes there.
    pub attempted_records: u64,
    /// Packets in those records.
    pub attempted_packets: u64,
    /// Records that the ring had no room for.
    pub lost_records: u64,
    /// Packets in those records.
    pub lost_packets: u64,
}

const _: () = assert!(size_of::<PortCounters>() == 32);
const _: () = assert!(size_of::<SendBooks>() == 32);
const _: () = assert!(size_of::<FlowState>() == 112);
