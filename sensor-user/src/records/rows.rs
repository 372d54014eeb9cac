//! What the pipeline adds to an hour, as rows of the tables.

use std::net::Ipv4Addr;

use sensor_common::Family;
use sensor_keep::{Addition, FoldedPorts};
use sensor_records::{
    Micros,
    rows::{CellRow, CoverageRow, SourceRow},
};

use crate::{
    pipeline::{
        cells::{Cell, CellKey},
        hourly::{Detail, Hour, Row},
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
    for (source, Row { family, cell, detail }) in hour.sources.rows() {
        let text = source.to_ip(*family).to_string();
        addition.sources.push(SourceRow {
            transport: cell.transport.name().to_owned(),
            class: cell.class.name().to_owned(),
            protocol: Some(cell.protocol.into()),
            port: Some(cell.port.into()),
            ..whose(text, cell.source_region, *family, detail)
        });
    }
    for ((source, family), transport, class, folded) in hour.sources.folded() {
        let text = source.to_ip(family).to_string();
        addition.folded_ports.push(FoldedPorts {
            source: text.clone(),
            transport: transport.name().to_owned(),
            class: class.name().to_owned(),
            ports: folded.ports.iter().copied().collect(),
        });
        addition.sources.push(SourceRow {
            transport: transport.name().to_owned(),
            class: class.name().to_owned(),
            folded: true,
            ..whose(text, folded.region, family, &folded.detail)
        });
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

/// A row with a source of its own, with the first packet whole.
fn whose(source: String, region: Region, family: Family, detail: &Detail) -> SourceRow {
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
        source: Some(source),
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
