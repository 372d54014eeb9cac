//! What is known of packets beside their cell.

use sensor_common::{
    ToolSet,
    record::{Record, port_bit},
};

/// What is known of packets beside their cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Packets.
    pub packets: u64,
    /// Their IP lengths added up, in bytes.
    pub bytes: u64,
    /// When the first came, in microseconds since 1970.
    pub first_seen: i64,
    /// When the last came.
    pub last_seen: i64,
    /// Destination of the first; of an IPv6 one the last 32 bits.
    pub first_destination: u32,
    /// Source port of the first (of backscatter: its destination port).
    pub first_peer_port: u16,
    /// Time to live, or hop limit, of the first.
    pub first_ttl: u8,
    /// TCP window of the first.
    pub first_window: u16,
    /// TCP flags of all, or-ed.
    pub tcp_flags: u8,
    /// Tool marks of any.
    pub tools: ToolSet,
    /// Which of 64 classes the destinations fell in.
    pub destination_bits: u64,
    /// Which of 32 classes the peer ports fell in.
    pub peer_port_bits: u32,
}

impl Detail {
    /// The detail of a record.
    #[must_use]
    pub fn of(record: &Record, tools: ToolSet, first_seen: i64, last_seen: i64) -> Self {
        Self {
            packets: record.packets.into(),
            bytes: record.bytes.into(),
            first_seen,
            last_seen,
            first_destination: record.first_destination,
            first_peer_port: record.peer_port,
            first_ttl: record.ttl,
            first_window: record.window,
            tcp_flags: record.tcp_flags,
            tools: tools.marks(),
            destination_bits: record.destinations,
            // Flows with some marks keep a signature in the place of the bitmap: then only the first port is known.
            peer_port_bits: if tools.is_signed() {
                port_bit(record.peer_port)
            } else {
                record.peer_ports
            },
        }
    }

    /// Takes other packets in: the first of both stays the first.
    pub fn merge(&mut self, other: &Self) {
        let (first, second) = if other.first_seen < self.first_seen {
            (*other, &*self)
        } else {
            (*self, other)
        };
        *self = Self {
            packets: first.packets + second.packets,
            bytes: first.bytes + second.bytes,
            last_seen: first.last_seen.max(second.last_seen),
            tcp_flags: first.tcp_flags | second.tcp_flags,
            tools: first.tools.union(second.tools),
            destination_bits: first.destination_bits | second.destination_bits,
            peer_port_bits: first.peer_port_bits | second.peer_port_bits,
            ..first
        };
    }
}
