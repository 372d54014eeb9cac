//! Records as the tests of the pipeline make them.

use sensor_common::{
    Address, Class, Family, ToolSet,
    record::{FlowKey, FlowKind, Record},
};

/// A scan of a TCP port over IPv4.
pub fn scan(port: u16, tools: ToolSet) -> FlowKind {
    FlowKind {
        port,
        protocol: 6,
        class: Class::Scan,
        tools,
        family: Family::Ipv4,
        fragment: false,
    }
}

/// So many SYNs of one source to one destination.
pub fn record(source: u32, kind: FlowKind, packets: u32) -> Record {
    Record {
        key: FlowKey {
            source: Address::v4(source),
            kind: kind.pack(),
        },
        packets,
        // Where the most packets are tried that a record can have, nobody reads this.
        bytes: packets.wrapping_mul(40),
        first_jiffies: 0,
        last_jiffies: 0,
        ttl: 64,
        tcp_flags: 2,
        window: 1024,
        peer_port: 40_000,
        cpu: 0,
        destinations: 1,
        first_destination: 7,
        peer_ports: 1,
    }
}
