//! What the pipeline adds to an hour, as rows of the tables.

use std::net::Ipv4Addr;

use sensor_common::{Address, Family};
use sensor_keep::{Addition, FoldedPorts};
use sensor_records::{
    Micros,
    rows::{CellRow, CoverageRow, SourceRow},
};

use crate::{
    pipeline::{
        cells::{Cell, CellKey},
        hourly::{Detail, Folded, Hour, Source},
    },
    region::Region,
};

/// A count as it stands in a table: none of ours ever reaches 2^63.
pub(super) fn count(packets: u64) -> i64 {
    packets.cast_signed()
}

/// Everything that was added to an hour.
pub(super) fn addition(hour: &Hour) -> Addition {
    let mut addition = Addition {
        hour: hour.cells.hour,
        coverage: CoverageRow {
            unrecorded: count(hour.unrecorded),
            ..CoverageRow::default()
        },
        records: hour.records,
        ..Addition::default()
    };
    let cells = hour.cells.cells.iter().map(|(key, cell)| cell_row(key, *cell));
    addition.cells.extend(cells);
    let others = hour.other_cells.iter().map(|((transport, class), cell)| CellRow {
        transport: transport.name().to_owned(),
        class: class.name().to_owned(),
        other: true,
        packets: count(cell.packets),
        bytes: count(cell.bytes),
        ..CellRow::default()
    });
    addition.cells.extend(others);
    for ((address, family), source) in &hour.sources {
        add_source(&mut addition, *address, *family, source);
    }
    let others = hour
        .other_sources
        .iter()
        .map(|((transport, class), detail)| SourceRow {
            transport: transport.name().to_owned(),
            class: class.name().to_owned(),
            other: true,
            ..detail_row(detail)
        });
    addition.sources.extend(others);
    addition
}

fn cell_row(key: &CellKey, cell: Cell) -> CellRow {
    CellRow {
        transport: key.transport.name().to_owned(),
        protocol: Some(key.protocol.into()),
        port: Some(key.port.into()),
        class: key.class.name().to_owned(),
        source_region: Some(key.source_region.code().to_owned()),
        tools: Some(key.tools.0.into()),
        packets: count(cell.packets),
        bytes: count(cell.bytes),
        ..CellRow::default()
    }
}

fn add_source(addition: &mut Addition, address: Address, family: Family, source: &Source) {
    let text = address.to_ip(family).to_string();
    for (key, detail) in &source.rows {
        addition.sources.push(SourceRow {
            transport: key.transport.name().to_owned(),
            class: key.class.name().to_owned(),
            protocol: Some(key.protocol.into()),
            port: Some(key.port.into()),
            ..whose(&text, source.region, family, detail)
        });
    }
    for folded in &source.folded {
        addition.sources.push(SourceRow {
            transport: folded.transport.name().to_owned(),
            class: folded.class.name().to_owned(),
            folded: true,
            ..whose(&text, source.region, family, &folded.detail)
        });
        addition.folded_ports.push(folded_ports(&text, folded));
    }
}

fn folded_ports(source: &str, folded: &Folded) -> FoldedPorts {
    FoldedPorts {
        source: source.to_owned(),
        transport: folded.transport.name().to_owned(),
        class: folded.class.name().to_owned(),
        ports: folded.ports.iter().copied().collect(),
    }
}

/// A row with a source of its own, with the first packet whole.
fn whose(source: &str, region: Region, family: Family, detail: &Detail) -> SourceRow {
    let destination = Ipv4Addr::from_bits(detail.first_destination);
    let first_destination = match family {
        Family::Ipv4 => destination.to_string(),
        Family::Ipv6 => {
            let [one, two, three, four] = destination.octets();
            let (high, low) = (u16::from_be_bytes([one, two]), u16::from_be_bytes([three, four]));
            format!("::{high:x}:{low:x}")
        }
    };
    SourceRow {
        source: Some(source.to_owned()),
        source_region: Some(region.code().to_owned()),
        tools: Some(detail.tools.0.into()),
        first_destination: Some(first_destination),
        first_peer_port: Some(detail.first_peer_port.into()),
        first_ttl: Some(detail.first_ttl.into()),
        first_window: Some(detail.first_window.into()),
        ..detail_row(detail)
    }
}

fn detail_row(detail: &Detail) -> SourceRow {
    SourceRow {
        packets: count(detail.packets),
        bytes: count(detail.bytes),
        first_seen: Micros(detail.first_seen),
        last_seen: Micros(detail.last_seen),
        tcp_flags: detail.tcp_flags.into(),
        destination_bits: detail.destination_bits.cast_signed(),
        peer_port_bits: detail.peer_port_bits.into(),
        ..SourceRow::default()
    }
}
