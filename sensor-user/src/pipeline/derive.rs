//! The derived totals: what is known from records, as far as they reached us.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use sensor_common::{
    Class, ToolSet, Transport,
    record::{FlowKind, Record},
};

use super::{
    PortName, PortTransport,
    cells::{CellKey, Cells, HOUR},
};
use crate::region::{Region, RegionTable};

/// Cells of an hour that are kept apart.
const MAX_CELLS: usize = 1 << 17;
/// Pairs of port and region that are kept apart over the sensor's run.
const MAX_PAIRS: usize = 1 << 16;

/// Packets, and those of them with the Mirai mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// Packets.
    pub packets: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
}

impl Marked {
    fn add(&mut self, packets: u64, tools: ToolSet) {
        self.packets += packets;
        if tools.contains(ToolSet::MIRAI) {
            self.mirai += packets;
        }
    }
}

/// Totals from records.
#[derive(Clone, Debug)]
pub struct Derived {
    /// Packets in the records that were taken in.
    pub packets: u64,
    /// Those records.
    pub records: u64,
    /// Records that no program of ours can have made. Never seen; counted, so that they cannot hide.
    pub unreadable: u64,
    /// All observed packets by source region, by [`Region::index`].
    pub regions: Vec<Marked>,
    /// Scans by destination port and source region.
    pub pairs: HashMap<(PortName, Region), Marked, RandomState>,
    /// Scans whose pair found no place.
    pub other_pairs: Marked,
    /// Scans of the watched ports, in their order, by [`Region::index`].
    pub watched: Vec<(PortName, Vec<u64>)>,
    /// Packets with the Mirai mark.
    pub mirai: u64,
    /// The open hour.
    pub cells: Cells,
}

impl Derived {
    /// Nothing derived yet. `watched` ports are kept by region whatever else comes.
    #[must_use]
    pub fn new(watched: &[PortName]) -> Self {
        Self {
            packets: 0,
            records: 0,
            unreadable: 0,
            regions: vec![Marked::default(); Region::COUNT],
            pairs: HashMap::default(),
            other_pairs: Marked::default(),
            watched: watched
                .iter()
                .map(|port| (*port, vec![0; Region::COUNT]))
                .collect(),
            mirai: 0,
            cells: Cells::new(MAX_CELLS, 0),
        }
    }

    fn add_pair(&mut self, port: PortName, region: Region, packets: u64, tools: ToolSet) {
        if let Some((_, regions)) = self.watched.iter_mut().find(|(watched, _)| *watched == port) {
            regions[region.index()] += packets;
        }
        let key = (port, region);
        if self.pairs.len() < MAX_PAIRS {
            self.pairs.entry(key).or_default().add(packets, tools);
        } else if let Some(pair) = self.pairs.get_mut(&key) {
            pair.add(packets, tools);
        } else {
            self.other_pairs.add(packets, tools);
        }
    }
}

/// Takes records in.
pub struct Aggregator {
    regions: Arc<RegionTable>,
    derived: Derived,
}

impl Aggregator {
    /// An aggregation that knows nothing yet.
    #[must_use]
    pub fn new(regions: Arc<RegionTable>, watched: &[PortName]) -> Self {
        Self {
            regions,
            derived: Derived::new(watched),
        }
    }

    /// From now on sources are looked up here.
    pub fn use_regions(&mut self, regions: Arc<RegionTable>) {
        self.regions = regions;
    }

    /// Takes a record in; `seconds` is when its packets came, since 1970.
    pub fn add(&mut self, record: &Record, seconds: i64) {
        let derived = &mut self.derived;
        let packets = u64::from(record.packets);
        derived.records += 1;
        derived.packets += packets;
        let Some(kind) = FlowKind::unpack(record.key.kind) else {
            derived.unreadable += 1;
            derived.regions[Region::UNKNOWN.index()].packets += packets;
            return;
        };
        let region = self.regions.lookup(record.key.source, kind.family);
        derived.regions[region.index()].add(packets, kind.tools);
        if kind.tools.contains(ToolSet::MIRAI) {
            derived.mirai += packets;
        }
        let hour = seconds - seconds.rem_euclid(HOUR);
        if hour != derived.cells.hour {
            derived.cells = Cells::new(MAX_CELLS, hour);
        }
        let key = CellKey {
            protocol: kind.protocol,
            port: kind.port,
            class: kind.class,
            source_region: region,
            tools: kind.tools,
        };
        derived.cells.add(key, packets, record.bytes.into());
        if let Some(port) = scanned_port(kind) {
            derived.add_pair(port, region, packets, kind.tools);
        }
    }

    /// What is known.
    #[must_use]
    pub fn derived(&self) -> &Derived {
        &self.derived
    }
}

/// The port that a scan asks for; `0/icmp` stands for echo requests of both versions.
fn scanned_port(kind: FlowKind) -> Option<PortName> {
    if kind.class != Class::Scan || kind.fragment {
        return None;
    }
    let (transport, port) = match Transport::from_protocol(kind.protocol, kind.family) {
        Transport::Tcp => (PortTransport::Tcp, kind.port),
        Transport::Udp => (PortTransport::Udp, kind.port),
        Transport::Icmp | Transport::Icmpv6 => (PortTransport::Icmp, 0),
        Transport::Other | Transport::Fragment => return None,
    };
    Some(PortName { transport, port })
}

/// The record of a single packet, for packets that do not come through the kernel.
#[must_use]
pub fn record_of(observation: &sensor_common::Observation) -> Record {
    use sensor_common::record::{destination_bit, port_bit};
    Record {
        key: observation.flow_key(),
        packets: 1,
        bytes: observation.length,
        first_jiffies: 0,
        last_jiffies: 0,
        ttl: observation.ttl,
        tcp_flags: observation.tcp_flags,
        window: observation.window,
        peer_port: observation.peer_port(),
        cpu: 0,
        destinations: destination_bit(observation.destination),
        first_destination: observation.destination.low32(),
        peer_ports: port_bit(observation.peer_port()),
    }
}

#[cfg(test)]
mod tests {
    use sensor_common::{Address, Family, record::FlowKey};

    use super::*;

    fn record(source: [u8; 4], class: Class, port: u16, tools: ToolSet, packets: u32) -> Record {
        let kind = FlowKind {
            port,
            protocol: 6,
            class,
            tools,
            family: Family::Ipv4,
            fragment: false,
        };
        Record {
            key: FlowKey {
                source: Address::v4(u32::from_be_bytes(source)),
                kind: kind.pack(),
            },
            packets,
            bytes: 40 * packets,
            first_jiffies: 0,
            last_jiffies: 0,
            ttl: 64,
            tcp_flags: 2,
            window: 1024,
            peer_port: 40_000,
            cpu: 0,
            destinations: 1,
            first_destination: 0,
            peer_ports: 1,
        }
    }

    const TELNET: PortName = PortName {
        transport: PortTransport::Tcp,
        port: 23,
    };

    #[test]
    fn records_are_counted_by_region_and_scans_by_port_too() {
        let mut aggregator = Aggregator::new(Arc::new(RegionTable::without_database()), &[TELNET]);
        // 10.0.0.1 is a bogon; 192.88.98.1 is in no database here.
        aggregator.add(&record([10, 0, 0, 1], Class::Scan, 23, ToolSet::MIRAI, 5), 0);
        aggregator.add(&record([192, 88, 98, 1], Class::Scan, 23, ToolSet::NONE, 2), 0);
        aggregator.add(
            &record([10, 0, 0, 1], Class::Backscatter, 23, ToolSet::NONE, 7),
            0,
        );
        let derived = aggregator.derived();
        assert_eq!((derived.packets, derived.records, derived.mirai), (14, 3, 5));
        assert_eq!(
            derived.regions[Region::BOGON.index()],
            Marked {
                packets: 12,
                mirai: 5
            }
        );
        assert_eq!(
            derived.regions[Region::UNKNOWN.index()],
            Marked { packets: 2, mirai: 0 }
        );
        assert_eq!(
            derived.pairs[&(TELNET, Region::BOGON)],
            Marked { packets: 5, mirai: 5 }
        );
        assert_eq!(derived.watched[0].1[Region::BOGON.index()], 5);
        assert_eq!(derived.cells.packets(), 14);
        assert_eq!(derived.cells.cells.len(), 3);
    }

    #[test]
    fn an_unreadable_record_is_counted_and_not_forgotten() {
        let mut aggregator = Aggregator::new(Arc::new(RegionTable::without_database()), &[]);
        let mut broken = record([10, 0, 0, 1], Class::Scan, 23, ToolSet::NONE, 3);
        broken.key.kind = u64::MAX;
        aggregator.add(&broken, 0);
        let derived = aggregator.derived();
        assert_eq!((derived.packets, derived.unreadable), (3, 1));
        assert_eq!(
            derived.regions.iter().map(|region| region.packets).sum::<u64>(),
            3
        );
    }

    #[test]
    fn a_new_hour_begins_with_empty_cells() {
        let mut aggregator = Aggregator::new(Arc::new(RegionTable::without_database()), &[]);
        aggregator.add(&record([10, 0, 0, 1], Class::Scan, 23, ToolSet::NONE, 3), 3_599);
        assert_eq!(aggregator.derived().cells.hour, 0);
        aggregator.add(&record([10, 0, 0, 1], Class::Scan, 23, ToolSet::NONE, 4), 3_600);
        assert_eq!(
            (
                aggregator.derived().cells.hour,
                aggregator.derived().cells.packets()
            ),
            (3_600, 4)
        );
        assert_eq!(aggregator.derived().packets, 7);
    }
}
