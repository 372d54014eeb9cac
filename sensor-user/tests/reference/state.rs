//! A made-up state of the sensor, in which as much as possible has happened.

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;
use sensor_common::{Class, Outcome};
use teiten::{
    export::{budget::Limits, published::State, series::Series},
    kernel::{Attachment, Mode},
    pipeline::{
        PortName, PortTransport,
        conservation::Report,
        derive::{Aggregator, Derived},
        ledger::Books,
        pairs::Marked,
        snapshot::{Frame, Snapshot},
        totals::KernelTotals,
    },
    region::{BuiltFrom, Digest, FileInfo, Format, Region, RegionInfo, RegionTable},
};

const WATCHED: [PortName; 10] = [
    tcp(22),
    tcp(23),
    tcp(80),
    tcp(445),
    tcp(2323),
    tcp(3389),
    tcp(6379),
    tcp(37215),
    PortName {
        transport: PortTransport::Udp,
        port: 5060,
    },
    PortName {
        transport: PortTransport::Icmp,
        port: 0,
    },
];

const fn tcp(port: u16) -> PortName {
    PortName {
        transport: PortTransport::Tcp,
        port,
    }
}

/// The state after so many updates, at each of which every port is asked for from every region.
pub fn flooded(limits: &Limits, updates: u64) -> State {
    let mut totals = KernelTotals::zero();
    let mut derived = Aggregator::new(Arc::new(RegionTable::without_database()), &WATCHED).derived();
    let mut series = Series::new(limits.listed_ports, &WATCHED);
    totals.interfaces = (0..limits.interfaces)
        .map(|number| (format!("eth{number}"), 1))
        .collect();
    let mut sums = series.update(&totals, &derived, 0);
    for update in 1..=updates {
        flood(&mut totals, &mut derived, update);
        sums = series.update(&totals, &derived, update);
    }
    let frame = Frame {
        sensor: "reference",
        from: Timestamp::UNIX_EPOCH,
        to: Timestamp::UNIX_EPOCH,
        xdp_mode: "native",
        report: Report::default(),
        lost_queue: (0, 0),
        earlier: Books::default(),
    };
    State {
        snapshot: Snapshot::new(&frame, &totals, &derived),
        attachments: (0..limits.interfaces).map(attachment).collect(),
        listed_ports: series.ports.rows().collect(),
        other_ports: series.ports.other(sums.ports),
        listed_regions: series.regions.rows().collect(),
        other_regions: series.regions.other(sums.regions),
        listed_pairs: series.pairs.rows().collect(),
        other_pairs: series.pairs.other(sums.pairs),
        tools: derived.tools.clone(),
        sources: derived.sources.clone(),
        cells: (derived.cells, derived.cells_overflow),
        regions: RegionInfo {
            regions: (0..limits.region_files).map(file).collect(),
            ..RegionInfo::default()
        },
        records: Some(Arc::default()),
        ship: Some(Arc::default()),
        ring_used_bytes: 0,
        books: Books::default(),
        pinned: true,
        read: Instant::now(),
        last_packet_seconds: 0.0,
        totals,
    }
}

/// One packet to every port from every region, and many more to a few that are others at each update.
fn flood(totals: &mut KernelTotals, derived: &mut Derived, update: u64) {
    totals.outcomes[Outcome::ObservedTcp as usize] += 65_536;
    totals.classes[Class::Scan as usize - 1] += 65_536;
    for (port, counters) in (0_u64..).zip(&mut totals.ports) {
        let packets = if port / 40 == update { 1_000 * update } else { 1 };
        counters.tcp += packets;
        counters.syn += packets;
        counters.mirai += packets;
    }
    for (region, marked) in (0_u64..).zip(&mut derived.regions) {
        let packets = if region / 5 == update { 1_000 * update } else { 1 };
        *marked = Marked {
            packets: marked.packets + packets,
            mirai: marked.mirai + packets,
        };
        derived.packets += packets;
    }
    for (_, regions) in &mut derived.watched {
        for (region, packets) in (0_u64..).zip(regions) {
            *packets += if region / 5 == update { 1_000 * update } else { 1 };
        }
    }
    // Every packet of the watched ports is one of all.
    derived.packets += derived.watched.len() as u64 * Region::COUNT as u64 * 1_000 * update;
}

fn attachment(number: usize) -> Attachment {
    Attachment {
        interface: format!("eth{number}"),
        index: u32::try_from(number).unwrap() + 2,
        mode: Mode::Native,
        reason: "asked for".to_owned(),
        present: true,
        program: 1,
        device: format!("eth{number}"),
        up: true,
        trouble: None,
        times_attached: 0,
    }
}

fn file(number: usize) -> FileInfo {
    FileInfo {
        path: format!("/usr/share/tor/geoip{number}").into(),
        format: Format::TorText,
        database: None,
        built_seconds: 1,
        built_from: BuiltFrom::Header,
        bytes: 1,
        sha256: Digest([u8::try_from(number).unwrap(); 32]),
        ranges_v4: 1,
        ranges_v6: 1,
    }
}
