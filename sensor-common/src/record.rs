//! What leaves the kernel: one 64-byte record for the packets of one flow, and the marker that proves the count.
//!
//! A slot of the flow cache *is* a record under construction, so sending it is a copy. A flow is one source,
//! one service port, one class and one set of tool marks, so each packet of a record has all of them.

use crate::{Address, Class, Family, ToolSet};

/// The size of slots, records and markers.
pub const RECORD_BYTES: usize = 64;
/// A slot, a record or a marker as the kernel copies it.
pub type Words = [u64; RECORD_BYTES / 8];

/// Records to a batch: what a CPU collects before it writes to the ring.
pub const BATCH_RECORDS: usize = 16;

/// What tells one flow from another.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowKey {
    /// The sender.
    pub source: Address,
    /// The rest, packed by [`FlowKind::pack`].
    pub kind: u64,
}

/// The part of a flow's key that is not its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKind {
    /// The service port: destination port of scans and others, source port of backscatter; for ICMP the type
    /// in the upper octet and the code in the lower; 0 where there is none.
    pub port: u16,
    /// IP protocol number; for a later fragment that of the fragmented packet.
    pub protocol: u8,
    /// The class.
    pub class: Class,
    /// The marks that every packet of the flow has.
    pub tools: ToolSet,
    /// IPv4 or IPv6.
    pub family: Family,
    /// A later fragment: its port is unknown, not 0.
    pub fragment: bool,
}

/// The place of the tools in [`FlowKind::pack`].
const TOOLS_SHIFT: u32 = 32;

/// The class octet of a marker: no flow has it.
const MARKER: u8 = 0xff;

impl FlowKind {
    /// All of a packed kind but the tools: what chooses the slot. So packets of one scan that differ in their marks push
    /// each other out, and a record of marked packets is a run of them with nothing else in between.
    pub const WITHOUT_TOOLS: u64 = !((u16::MAX as u64) << TOOLS_SHIFT);

    /// Octets from the lowest: port (2), protocol, class, tools (2), family, fragment.
    #[inline(always)]
    #[must_use]
    pub const fn pack(self) -> u64 {
        self.port as u64
            | (self.protocol as u64) << 16
            | (self.class as u64) << 24
            | (self.tools.0 as u64) << TOOLS_SHIFT
            | (self.family as u64) << 48
            | (self.fragment as u64) << 56
    }

    /// The kind that [`pack`](Self::pack) made, or `None` for a word that it cannot have made.
    #[must_use]
    pub const fn unpack(word: u64) -> Option<Self> {
        let [
            port_low,
            port_high,
            protocol,
            class,
            tools_low,
            tools_high,
            family,
            fragment,
        ] = word.to_le_bytes();
        let (Some(class), Some(family)) = (Class::from_number(class), Family::from_wire(family)) else {
            return None;
        };
        if fragment > 1 {
            return None;
        }
        Some(Self {
            port: u16::from_le_bytes([port_low, port_high]),
            protocol,
            class,
            tools: ToolSet(u16::from_le_bytes([tools_low, tools_high])),
            family,
            fragment: fragment == 1,
        })
    }
}

/// The packets of one flow that one CPU saw between two departures of its slot.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which flow.
    pub key: FlowKey,
    /// How many packets; 0 marks an empty slot.
    pub packets: u32,
    /// Their IP lengths added up, in bytes; the slot leaves before this can wrap.
    pub bytes: u32,
    /// When the first came: lower 32 bits of the kernel's jiffies.
    pub first_jiffies: u32,
    /// When the last came: lower 32 bits of the kernel's jiffies.
    pub last_jiffies: u32,
    /// Time to live, or hop limit, of the first packet.
    pub ttl: u8,
    /// TCP flags of all packets, or-ed.
    pub tcp_flags: u8,
    /// TCP window of the first packet.
    pub window: u16,
    /// Source port of the first packet (for backscatter: its destination port).
    pub peer_port: u16,
    /// The CPU that counted.
    pub cpu: u16,
    /// Which of 64 classes the destinations fell in: see [`destination_bit`].
    pub destinations: u64,
    /// Destination of the first packet; of an IPv6 one the last 32 bits.
    pub first_destination: u32,
    /// Which of 32 classes the peer ports fell in: see [`port_bit`]. Where [`ToolSet::is_signed`] it is the signature
    /// instead, the same for all packets of the record: see [`Observation::peer_ports`](crate::Observation::peer_ports).
    pub peer_ports: u32,
}

/// Proof of one CPU's count: all that this CPU put into the ring before it has been read when it is.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The CPU that speaks.
    pub cpu: u32,
    /// Counts this CPU's markers, from 1.
    pub sequence: u32,
    /// Packets that this CPU observed: all that may be in records, the stage or the cache.
    pub observed_packets: u64,
    /// Tells a marker from a record; see [`Marker::KIND`].
    pub kind: u64,
    /// Packets in the records that this CPU tried to send.
    pub attempted_packets: u64,
    /// Packets in the records that the ring refused.
    pub lost_packets: u64,
    /// Records that this CPU tried to send, the refused ones too.
    pub attempted_records: u64,
    /// The monotonic clock in nanoseconds, beside:
    pub monotonic_nanoseconds: u64,
    /// the kernel's jiffies at the same moment.
    pub jiffies: u64,
}

impl Marker {
    /// The third word of every marker.
    pub const KIND: u64 = (MARKER as u64) << 24;
}

const _: () = assert!(size_of::<Record>() == RECORD_BYTES);
const _: () = assert!(size_of::<Marker>() == RECORD_BYTES);

/// Which of 64 classes an address falls in, for the bitmap of distinct destinations.
#[inline(always)]
#[must_use]
pub const fn destination_bit(address: Address) -> u64 {
    // Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, section 6.4).
    1 << ((address.high ^ address.low).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
}

/// Which of 32 classes a port falls in, for the bitmap of distinct peer ports.
#[inline(always)]
#[must_use]
pub const fn port_bit(port: u16) -> u32 {
    1 << ((port as u32).wrapping_mul(0x9e37_79b9) >> 27)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_survives_packing() {
        for class in Class::ALL {
            for (family, fragment) in [(Family::Ipv4, false), (Family::Ipv6, true)] {
                let kind = FlowKind {
                    port: 37215,
                    protocol: 6,
                    class,
                    tools: ToolSet(0x8001),
                    family,
                    fragment,
                };
                assert_eq!(FlowKind::unpack(kind.pack()), Some(kind));
            }
        }
    }

    #[test]
    fn a_marker_is_no_flow() {
        assert_eq!(FlowKind::unpack(Marker::KIND), None);
        assert_eq!(FlowKind::unpack(0), None);
        assert_eq!(FlowKind::unpack(u64::MAX), None);
    }
}
