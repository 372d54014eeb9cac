//! The derived totals: what is known from records, as far as they reached us.

use std::sync::Arc;

use sensor_common::record::{FlowKey, FlowKind, Record, destination_bit};
use sensor_sketch::SourceKey;

use super::{
    PortName, PortTransport,
    arrival::{Arrival, Known},
    cells::{CellKey, Cells, HOUR},
    pairs::{Marked, Pairs, scanned_port},
    sources::{DEFAULT_IOT_PORTS, Estimates, Facts, Sources},
    tools::{ToolTotals, Tools},
};
use crate::region::{Region, RegionTable};

/// Cells of an hour that are kept apart.
const MAX_CELLS: usize = 1 << 17;

/// Totals from records, at one moment.
#[derive(Clone, Debug)]
pub struct Derived {
    /// Packets in the records that were taken in.
    pub packets: u64,
    /// Those records.
    pub records: u64,
    /// Records that no program of ours can have made. Never seen; counted, so that they cannot hide.
    pub unreadable: u64,
    /// Packets by tool.
    pub tools: ToolTotals,
    /// All observed packets by source region, by [`Region::index`].
    pub regions: Vec<Marked>,
    /// Scans of the watched ports, in their order, by [`Region::index`].
    pub watched: Vec<(PortName, Vec<u64>)>,
    /// Scans by destination port and source region.
    pub pairs: Pairs,
    /// Cells of the open hour.
    pub cells: usize,
    /// Packets of the open hour that found no cell.
    pub cells_overflow: u64,
    /// Unique sources of the last hour.
    pub sources: Estimates,
}

/// Takes records in. One look-up of the region and one of the cell a record; the rest follows from them.
pub struct Aggregator {
    regions: Arc<RegionTable>,
    watched: Watched,
    packets: u64,
    records: u64,
    unreadable: u64,
    tools: Tools,
    by_region: Vec<Marked>,
    cells: Cells,
    /// What the hours before the open one came to; in its rest also what of the open one found no cell.
    earlier: Pairs,
    sources: Sources,
}

impl Aggregator {
    /// An aggregation that knows nothing yet. `watched` ports are kept by region whatever else comes.
    #[must_use]
    pub fn new(regions: Arc<RegionTable>, watched: &[PortName]) -> Self {
        Self {
            regions,
            watched: Watched::new(watched),
            packets: 0,
            records: 0,
            unreadable: 0,
            tools: Tools::default(),
            by_region: vec![Marked::default(); Region::COUNT],
            cells: Cells::new(MAX_CELLS, 0),
            earlier: Pairs::default(),
            sources: Sources::new(SourceKey::public(), watched, &DEFAULT_IOT_PORTS),
        }
    }

    /// The same with unique sources under a key, and with these ports of the Internet of Things.
    #[must_use]
    pub fn with_sources(mut self, key: SourceKey, iot_ports: &[u16]) -> Self {
        let watched: Vec<PortName> = self.watched.rows.iter().map(|(port, _)| *port).collect();
        self.sources = Sources::new(key, &watched, iot_ports);
        self
    }

    /// From now on sources are looked up here.
    pub fn use_regions(&mut self, regions: Arc<RegionTable>) {
        if !Arc::ptr_eq(&self.regions, &regions) {
            self.sources.forget_recent();
        }
        self.regions = regions;
    }

    /// The time of day went on, whether records came or not.
    pub fn turn_sources_to(&mut self, seconds: i64) {
        self.sources.turn_to(seconds);
    }

    /// Unique sources.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Takes records in, and writes beside each what was found out of it.
    pub fn add_all(&mut self, arrivals: &mut [Arrival]) {
        for arrival in &mut *arrivals {
            arrival.known = self.look(arrival);
        }
        for arrival in &*arrivals {
            self.add_to_cell(arrival);
        }
        for arrival in &*arrivals {
            if let Some(known) = &arrival.known {
                self.sources.add(&known.facts, arrival.seconds());
            }
        }
    }

    /// Counts a record where no table is asked but that of the regions, and finds out what the others need.
    fn look(&mut self, arrival: &Arrival) -> Option<Known> {
        let record = &arrival.record;
        let packets = u64::from(record.packets);
        self.records += 1;
        self.packets += packets;
        let Some(mut kind) = FlowKind::unpack(record.key.kind) else {
            self.unreadable += 1;
            self.by_region[Region::UNKNOWN.index()].packets += packets;
            return None;
        };
        let sure = self.tools.add(record, &kind, arrival.seconds());
        // What a packet only nearly has is of no concern to anybody else.
        kind.tools = kind.tools.marks();
        let region = self.regions.lookup(record.key.source, kind.family);
        self.by_region[region.index()].add(packets, kind.tools);
        let cell = CellKey::of(&kind, region);
        let scanned = scanned_port(&cell);
        let watched = scanned.and_then(|port| self.watched.place(port));
        if let Some(place) = watched {
            self.watched.add(place, region, packets);
        }
        let facts = Facts {
            key: FlowKey {
                source: record.key.source,
                kind: kind.pack(),
            },
            region,
            watched,
            syn_to: scanned
                .filter(|port| port.transport == PortTransport::Tcp)
                .map(|port| port.port),
            tools: cell.tools,
            sure,
        };
        Some(Known { cell, facts })
    }

    fn add_to_cell(&mut self, arrival: &Arrival) {
        let Some(Known { cell, .. }) = arrival.known else {
            return;
        };
        self.turn_to(arrival.seconds());
        let packets = u64::from(arrival.record.packets);
        let has_cell = self.cells.add(cell, packets, arrival.record.bytes.into());
        if !has_cell && scanned_port(&cell).is_some() {
            self.earlier.other.add(packets, cell.tools);
        }
    }

    /// Opens the hour of a record when it is another than the open one.
    fn turn_to(&mut self, seconds: i64) {
        if (self.cells.hour..self.cells.hour + HOUR).contains(&seconds) {
            return;
        }
        self.earlier.add(&self.cells);
        self.cells = Cells::new(MAX_CELLS, seconds - seconds.rem_euclid(HOUR));
    }

    /// What is known.
    #[must_use]
    pub fn derived(&self) -> Derived {
        let mut pairs = self.earlier.clone();
        pairs.add(&self.cells);
        Derived {
            packets: self.packets,
            records: self.records,
            unreadable: self.unreadable,
            tools: self.tools.totals(),
            regions: self.by_region.clone(),
            watched: self.watched.rows.clone(),
            pairs,
            cells: self.cells.cells.len(),
            cells_overflow: self.cells.other.packets,
            sources: self.sources.estimates(),
        }
    }
}

/// The watched ports, found by one load.
struct Watched {
    /// By transport and port: the place in `rows` plus one, or 0.
    places: Vec<u8>,
    rows: Vec<(PortName, Vec<u64>)>,
}

impl Watched {
    fn new(ports: &[PortName]) -> Self {
        let mut places = vec![0; 3 << 16];
        for (place, port) in (1..=u8::MAX).zip(ports) {
            places[Self::index(*port)] = place;
        }
        Self {
            places,
            rows: ports.iter().map(|port| (*port, vec![0; Region::COUNT])).collect(),
        }
    }

    fn index(port: PortName) -> usize {
        (port.transport as usize) << 16 | usize::from(port.port)
    }

    fn place(&self, port: PortName) -> Option<usize> {
        usize::from(self.places[Self::index(port)]).checked_sub(1)
    }

    fn add(&mut self, place: usize, region: Region, packets: u64) {
        self.rows[place].1[region.index()] += packets;
    }
}

/// The record of a single packet, for packets that do not come through the kernel.
#[must_use]
pub fn record_of(observation: &sensor_common::Observation) -> Record {
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
        peer_ports: observation.peer_ports(),
    }
}

#[cfg(test)]
mod tests {
    use sensor_common::{Class, ToolSet, tool::Tool};

    use super::*;
    use crate::pipeline::{
        made::{self, scan},
        pairs::MAX_PAIRS,
    };

    fn record(source: [u8; 4], class: Class, port: u16, tools: ToolSet, packets: u32) -> Record {
        let kind = FlowKind {
            class,
            ..scan(port, tools)
        };
        made::record(u32::from_be_bytes(source), kind, packets)
    }

    /// Takes in one record whose packets came at this second.
    fn add(aggregator: &mut Aggregator, record: &Record, seconds: i64) {
        let micros = seconds * 1_000_000;
        aggregator.add_all(&mut [Arrival::new(*record, micros, micros)]);
    }

    const TELNET: PortName = PortName {
        transport: PortTransport::Tcp,
        port: 23,
    };

    #[test]
    fn records_are_counted_by_region_and_scans_by_port_too() {
        let mut aggregator = Aggregator::new(Arc::new(RegionTable::without_database()), &[TELNET]);
        // 10.0.0.1 is a bogon; 192.88.98.1 is in no database here.
        add(
            &mut aggregator,
            &record([10, 0, 0, 1], Class::Scan, 23, ToolSet::MIRAI, 5),
            0,
        );
        add(
            &mut aggregator,
            &record([192, 88, 98, 1], Class::Scan, 23, ToolSet::NONE, 2),
            0,
        );
        add(
            &mut aggregator,
            &record([10, 0, 0, 1], Class::Backscatter, 23, ToolSet::NONE, 7),
            0,
        );
        let derived = aggregator.derived();
        assert_eq!((derived.packets, derived.records), (14, 3));
        assert_eq!(derived.tools.all_of(Tool::Mirai), 5);
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
            derived.pairs.rows[&(TELNET, Region::BOGON)],
            Marked { packets: 5, mirai: 5 }
        );
        assert_eq!(derived.watched[0].1[Region::BOGON.index()], 5);
        assert_eq!((derived.cells, derived.cells_overflow), (3, 0));
    }

    #[test]
    fn an_unreadable_record_is_counted_and_not_forgotten() {
        let mut aggregator = Aggregator::new(Arc::new(RegionTable::without_database()), &[]);
        let mut broken = record([10, 0, 0, 1], Class::Scan, 23, ToolSet::NONE, 3);
        broken.key.kind = u64::MAX;
        add(&mut aggregator, &broken, 0);
        let derived = aggregator.derived();
        assert_eq!((derived.packets, derived.unreadable), (3, 1));
        assert_eq!(
            derived.regions.iter().map(|region| region.packets).sum::<u64>(),
            3
        );
    }

    #[test]
    fn scans_of_earlier_hours_stay_in_the_pairs() {
        let mut aggregator = Aggregator::new(Arc::new(RegionTable::without_database()), &[]);
        for (seconds, packets) in [(3_599, 3), (3_600, 4), (7_200, 5)] {
            add(
                &mut aggregator,
                &record([10, 0, 0, 1], Class::Scan, 23, ToolSet::NONE, packets),
                seconds,
            );
            assert_eq!(aggregator.derived().cells, 1, "each hour begins with empty cells");
        }
        let derived = aggregator.derived();
        assert_eq!(derived.pairs.rows[&(TELNET, Region::BOGON)].packets, 12);
        assert_eq!(derived.packets, 12);
    }

    #[test]
    fn the_busiest_pairs_have_rows_however_many_there_are() {
        let mut aggregator = Aggregator::new(Arc::new(RegionTable::without_database()), &[]);
        let (bogon, unknown) = ([10, 0, 0, 1], [192, 88, 98, 1]);
        for port in 0..=u16::MAX {
            add(
                &mut aggregator,
                &record(bogon, Class::Scan, port, ToolSet::NONE, 1),
                0,
            );
        }
        for port in 0..40_000 {
            let packets = if port % 40 == 0 { 2 } else { 1 };
            add(
                &mut aggregator,
                &record(unknown, Class::Scan, port, ToolSet::NONE, packets),
                0,
            );
        }
        let pairs = aggregator.derived().pairs;
        assert_eq!(pairs.rows.len(), MAX_PAIRS);
        assert_eq!(pairs.rows.values().filter(|row| row.packets == 2).count(), 1_000);
        assert_eq!(
            pairs.other,
            Marked {
                packets: 40_000,
                mirai: 0
            }
        );
    }

    #[test]
    fn the_rest_of_the_pairs_holds_scans_alone_and_their_marks() {
        let mut aggregator = Aggregator::new(Arc::new(RegionTable::without_database()), &[]);
        for class in [Class::Backscatter, Class::Other] {
            for port in 0..=u16::MAX {
                add(
                    &mut aggregator,
                    &record([10, 0, 0, 1], class, port, ToolSet::NONE, 1),
                    0,
                );
            }
        }
        // No cell is left.
        add(
            &mut aggregator,
            &record([10, 0, 0, 1], Class::Backscatter, 23, ToolSet(2), 5),
            0,
        );
        add(
            &mut aggregator,
            &record([10, 0, 0, 1], Class::Scan, 23, ToolSet::MIRAI, 3),
            0,
        );
        add(
            &mut aggregator,
            &record([10, 0, 0, 1], Class::Scan, 23, ToolSet::NONE, 2),
            0,
        );
        let derived = aggregator.derived();
        assert_eq!(derived.cells_overflow, 10);
        assert_eq!(derived.pairs.rows.len(), 0);
        assert_eq!(derived.pairs.other, Marked { packets: 5, mirai: 3 });
        // The next hour has cells again, and forgets nothing.
        add(
            &mut aggregator,
            &record([10, 0, 0, 1], Class::Scan, 23, ToolSet::MIRAI, 4),
            HOUR,
        );
        let pairs = aggregator.derived().pairs;
        assert_eq!(
            pairs.rows[&(TELNET, Region::BOGON)],
            Marked { packets: 4, mirai: 4 }
        );
        assert_eq!(pairs.other, Marked { packets: 5, mirai: 3 });
    }

    #[test]
    fn watched_ports_are_exact_when_cells_and_pairs_overflow() {
        let mut aggregator = Aggregator::new(Arc::new(RegionTable::without_database()), &[TELNET]);
        let tools = (0..4).map(ToolSet);
        for tools in tools {
            for port in 0..=u16::MAX {
                add(
                    &mut aggregator,
                    &record([10, 0, 0, 1], Class::Scan, port, tools, 1),
                    0,
                );
            }
        }
        let derived = aggregator.derived();
        assert!(derived.cells_overflow > 0);
        assert_eq!(derived.watched[0].1[Region::BOGON.index()], 4);
        let rows: u64 = derived.pairs.rows.values().map(|row| row.packets).sum();
        assert_eq!(
            rows + derived.pairs.other.packets,
            derived.packets,
            "no scan is left out"
        );
    }

    #[test]
    fn records_taken_together_come_to_what_they_come_to_one_by_one() {
        let mut arrivals: Vec<Arrival> = (0..500_u32)
            .map(|number| {
                let mixed = number.wrapping_mul(0x9e37_79b9) >> 8;
                let port = if mixed % 3 == 0 { 23 } else { 2_323 };
                let tools = if mixed % 5 == 0 {
                    ToolSet::MIRAI
                } else {
                    ToolSet::NONE
                };
                let source = [192, 88, 98, mixed.to_le_bytes()[0]];
                let micros = (HOUR - 2 + i64::from(mixed % 4)) * 1_000_000;
                Arrival::new(
                    record(source, Class::Scan, port, tools, 1 + number % 5),
                    micros,
                    micros,
                )
            })
            .collect();
        let aggregator = || Aggregator::new(Arc::new(RegionTable::without_database()), &[TELNET]);
        let (mut together, mut apart) = (aggregator(), aggregator());
        for arrival in &arrivals {
            apart.add_all(&mut [*arrival]);
        }
        together.add_all(&mut arrivals);
        let (together, apart) = (together.derived(), apart.derived());
        assert_eq!(together.packets, apart.packets);
        assert_eq!(together.pairs.rows, apart.pairs.rows);
        assert_eq!(together.watched, apart.watched);
        assert_eq!(together.tools, apart.tools);
        assert_eq!(together.sources.rows, apart.sources.rows);
    }
}
