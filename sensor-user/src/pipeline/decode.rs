//! From the bytes of the ring to records and markers.

use bytes::Buf;
use sensor_common::{
    Address,
    record::{FlowKey, Marker, RECORD_BYTES, Record},
};

/// One entry of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Packets of a flow.
    Record(Record),
    /// Proof of a CPU's count.
    Marker(Marker),
}

/// Takes the next entry; `None` where less than a whole one is left.
pub fn next_entry(bytes: &mut impl Buf) -> Option<Entry> {
    if bytes.remaining() < RECORD_BYTES {
        return None;
    }
    let (first, second, kind) = (bytes.get_u64_le(), bytes.get_u64_le(), bytes.get_u64_le());
    if kind == Marker::KIND {
        return Some(Entry::Marker(Marker {
            cpu: low(first),
            sequence: high(first),
            observed_packets: second,
            kind,
            attempted_packets: bytes.get_u64_le(),
            lost_packets: bytes.get_u64_le(),
            attempted_records: bytes.get_u64_le(),
            monotonic_nanoseconds: bytes.get_u64_le(),
            jiffies: bytes.get_u64_le(),
        }));
    }
    Some(Entry::Record(Record {
        key: FlowKey {
            source: Address {
                high: first,
                low: second,
            },
            kind,
        },
        packets: bytes.get_u32_le(),
        bytes: bytes.get_u32_le(),
        first_jiffies: bytes.get_u32_le(),
        last_jiffies: bytes.get_u32_le(),
        ttl: bytes.get_u8(),
        tcp_flags: bytes.get_u8(),
        window: bytes.get_u16_le(),
        peer_port: bytes.get_u16_le(),
        cpu: bytes.get_u16_le(),
        destinations: bytes.get_u64_le(),
        first_destination: bytes.get_u32_le(),
        peer_ports: bytes.get_u32_le(),
    }))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the lower half is what is asked for"
)]
const fn low(word: u64) -> u32 {
    word as u32
}

const fn high(word: u64) -> u32 {
    low(word >> 32)
}
