//! What was drawn, as rows of the tables.

use sensor_records::{
    Micros,
    rows::{CellRow, CoverageRow, DailyCellRow, SensorRow},
};

use crate::{Sensor, draw, events::Planted, profile::Stream};

/// Of a stream in one day of UTC.
#[derive(Clone, Copy, Default)]
pub(crate) struct Daily {
    pub(crate) packets: u64,
    pub(crate) largest: u64,
    pub(crate) hours: i32,
}

pub(crate) fn cell(stream: &Stream, hour: i64, packets: u64) -> CellRow {
    CellRow {
        hour: Micros::from_seconds(hour),
        transport: stream.transport.to_owned(),
        protocol: Some(stream.protocol),
        port: Some(stream.port),
        class: stream.class.to_owned(),
        source_region: Some(stream.region.to_owned()),
        tools: Some(stream.tools),
        other: false,
        packets: signed(packets),
        bytes: signed(packets) * length(stream),
        largest_source_packets: Some(signed(largest(stream, packets))),
    }
}

pub(crate) fn daily_cell(stream: &Stream, daily: &Daily) -> DailyCellRow {
    DailyCellRow {
        transport: stream.transport.to_owned(),
        protocol: Some(stream.protocol),
        port: Some(stream.port),
        class: stream.class.to_owned(),
        source_region: Some(stream.region.to_owned()),
        tools: Some(stream.tools),
        other: false,
        packets: signed(daily.packets),
        bytes: signed(daily.packets) * length(stream),
        largest_source_packets: Some(signed(daily.largest)),
        hours: daily.hours,
    }
}

/// An hour in which everything was observed; what was counted in it is still to come.
pub(crate) fn coverage(sensor: &Sensor, hour: i64, database: (String, i64)) -> CoverageRow {
    let (region_database, built) = database;
    CoverageRow {
        hour: Micros::from_seconds(hour),
        seconds_observed: 3_600.0,
        watched_addresses: i64::from(sensor.addresses),
        xdp_mode: "replay".to_owned(),
        program_digest: "0".repeat(64),
        region_database,
        region_database_built: Some(Micros::from_seconds(built)),
        ..CoverageRow::default()
    }
}

pub(crate) fn sensor(sensor: &Sensor, from: i64, to: i64) -> SensorRow {
    SensorRow {
        valid_from: Micros::from_seconds(from),
        valid_to: Micros::from_seconds(to),
        region: Some(sensor.region.to_owned()),
        operator: Some("synth".to_owned()),
        publish_name: Some(sensor.name.clone()),
        watched_addresses: i64::from(sensor.addresses),
        watched: String::new(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Packets of the source that sent most of a stream's.
pub(crate) fn largest(stream: &Stream, packets: u64) -> u64 {
    if Planted::is_one_source(stream) {
        packets
    } else {
        draw::largest_source(packets)
    }
}

/// The IP length of a usual probe.
fn length(stream: &Stream) -> i64 {
    match stream.transport {
        "tcp" => 40,
        "udp" => 68,
        _ => 28,
    }
}

pub(crate) fn signed(packets: u64) -> i64 {
    i64::try_from(packets).unwrap_or(i64::MAX)
}
