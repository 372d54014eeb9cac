//! The lists of a snapshot: by packets, descending, then by key.

use sensor_common::tool::{Certainty, Tool};

use super::{PortRegionRow, PortRow, ProtocolRow, RegionRow, ToolRow};
use crate::{
    pipeline::{PortName, PortTransport, derive::Derived, sources::Dimension, totals::KernelTotals},
    region::Region,
};

pub(super) fn port_rows(totals: &KernelTotals, derived: &Derived) -> Vec<PortRow> {
    let mut rows = Vec::new();
    let sources = |transport, port| derived.sources.of(Dimension::Port(PortName { transport, port }));
    for (port, counters) in (0..=u16::MAX).zip(&totals.ports) {
        if counters.tcp > 0 {
            rows.push(PortRow {
                transport: "tcp".to_owned(),
                port,
                packets: counters.tcp,
                syn: counters.syn,
                mirai: counters.mirai,
                sources: sources(PortTransport::Tcp, port),
            });
        }
        if counters.udp > 0 {
            rows.push(plain_port_row(
                "udp",
                port,
                counters.udp,
                sources(PortTransport::Udp, port),
            ));
        }
    }
    if totals.echo_requests() > 0 {
        rows.push(plain_port_row(
            "icmp",
            0,
            totals.echo_requests(),
            sources(PortTransport::Icmp, 0),
        ));
    }
    rows.sort_by(|a, b| {
        b.packets
            .cmp(&a.packets)
            .then_with(|| a.transport.cmp(&b.transport))
            .then_with(|| a.port.cmp(&b.port))
    });
    rows
}

fn plain_port_row(transport: &str, port: u16, packets: u64, sources: Option<u64>) -> PortRow {
    PortRow {
        transport: transport.to_owned(),
        port,
        packets,
        syn: 0,
        mirai: 0,
        sources,
    }
}

pub(super) fn region_rows(derived: &Derived) -> Vec<RegionRow> {
    let mut rows: Vec<_> = (0..Region::COUNT)
        .filter_map(Region::from_index)
        .zip(&derived.regions)
        .filter(|(_, marked)| marked.packets > 0)
        .map(|(region, marked)| RegionRow {
            source_region: region.code().to_owned(),
            packets: marked.packets,
            mirai: marked.mirai,
            sources: derived.sources.of(Dimension::Region(region)),
        })
        .collect();
    rows.sort_by(|a, b| {
        b.packets
            .cmp(&a.packets)
            .then_with(|| a.source_region.cmp(&b.source_region))
    });
    rows
}

pub(super) fn port_region_rows(derived: &Derived) -> Vec<PortRegionRow> {
    let mut pairs: Vec<_> = derived.pairs.rows.iter().collect();
    pairs
        .sort_unstable_by_key(|((port, region), marked)| (std::cmp::Reverse(marked.packets), *port, *region));
    pairs
        .into_iter()
        .map(|((port, region), marked)| PortRegionRow {
            transport: port.transport.name().to_owned(),
            port: port.port,
            source_region: region.code().to_owned(),
            packets: marked.packets,
            mirai: marked.mirai,
            sources: derived.sources.of(Dimension::PortRegion(*port, *region)),
        })
        .collect()
}

pub(super) fn tool_rows(derived: &Derived) -> Vec<ToolRow> {
    let rows = Tool::ALL.iter().flat_map(|tool| {
        Certainty::ALL.map(|certainty| ToolRow {
            tool: tool.name().to_owned(),
            certainty: certainty.name().to_owned(),
            packets: derived.tools.of(*tool, certainty),
            sources: derived.sources.of(match certainty {
                Certainty::Likely => Dimension::LikelyTool(tool.mark()),
                Certainty::Sure => Dimension::SureTool(tool.mark()),
            }),
        })
    });
    let mut rows: Vec<_> = rows.filter(|row| row.packets > 0).collect();
    rows.sort_by(|a, b| {
        b.packets
            .cmp(&a.packets)
            .then_with(|| a.tool.cmp(&b.tool))
            .then_with(|| a.certainty.cmp(&b.certainty))
    });
    rows
}

pub(super) fn protocol_rows(totals: &KernelTotals) -> Vec<ProtocolRow> {
    let mut rows: Vec<_> = (0..=u8::MAX)
        .zip(&totals.protocols)
        .filter(|(_, packets)| **packets > 0)
        .map(|(protocol, packets)| ProtocolRow {
            protocol,
            packets: *packets,
        })
        .collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.packets), row.protocol));
    rows
}
