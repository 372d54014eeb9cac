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
mod tests;
