use sensor_common::{Address, Family, ToolSet, record::Record};

use super::*;
use crate::{
    pipeline::{
        cells::{CellKey, HOUR},
        made::{self, scan},
        sources::Facts,
    },
    region::Region,
};

const LIMITS: Limits = Limits {
    cells: 50,
    sources: 300,
    source_rows: 64,
    hours: 2,
};

fn record(source: u32, port: u16, packets: u32) -> Record {
    made::record(source, scan(port, ToolSet::NONE), packets)
}

/// A record that came from nowhere known.
fn arrival(record: &Record, first: i64, last: i64) -> Arrival {
    let known = FlowKind::unpack(record.key.kind).map(|kind| Known {
        cell: CellKey::of(&kind, Region::UNKNOWN),
        facts: Facts {
            key: record.key,
            region: Region::UNKNOWN,
            watched: None,
            syn_to: None,
            tools: ToolSet::NONE,
            sure: ToolSet::NONE,
        },
    });
    Arrival {
        known,
        ..Arrival::new(*record, first, last)
    }
}

/// Takes in one record.
fn add(hourly: &mut Hourly, record: &Record, first: i64, last: i64) {
    hourly.add_all(&[arrival(record, first, last)]);
}

/// Packets of an hour by its cells, and by its sources.
fn packets(hour: &Hour) -> (u64, u64) {
    let cells = hour.cells.cells.values().map(|cell| cell.packets).sum::<u64>()
        + hour.other_cells.values().map(|cell| cell.packets).sum::<u64>();
    let sources = &hour.sources;
    let rows: u64 = sources.rows().map(|(_, row)| row.detail.packets).sum();
    let folded: u64 = sources.folded().map(|(.., folded)| folded.detail.packets).sum();
    let others: u64 = hour.other_sources.values().map(|detail| detail.packets).sum();
    (cells, rows + folded + others)
}

#[test]
fn a_scanner_of_every_port_is_few_rows_and_crowds_nobody_out() {
    let mut hourly = Hourly::new(LIMITS);
    for port in 0..=u16::MAX {
        add(&mut hourly, &record(1, port, 2), 0, 0);
    }
    add(&mut hourly, &record(2, 23, 5), 0, 0);
    let hours = hourly.take();
    assert_eq!(hours.len(), 1);
    assert_eq!(packets(&hours[0]), (2 * 65_536 + 5, 2 * 65_536 + 5));
    let sources = &hours[0].sources;
    let rows_of = |address| {
        sources
            .rows()
            .filter(|(source, _)| *source == Address::v4(address))
            .count()
    };
    assert_eq!((rows_of(1), rows_of(2)), (64, 1));
    let folded: Vec<_> = sources.folded().collect();
    let [(source, Transport::Tcp, Class::Scan, folded)] = folded[..] else {
        panic!("{folded:?}");
    };
    assert_eq!(source, (Address::v4(1), Family::Ipv4));
    assert_eq!(folded.ports.len(), 65_536 - 64);
    assert!(hourly.take().is_empty());
}

#[test]
fn a_spoofed_flood_stays_within_the_limits_and_no_packet_is_missing() {
    let mut hourly = Hourly::new(LIMITS);
    for source in 0..10_000_u32 {
        let port = u16::try_from(source % 100).unwrap();
        add(&mut hourly, &record(source, port, 3), 0, 0);
    }
    assert_eq!(hourly.rows(), 50 + 300);
    let hours = hourly.take();
    assert_eq!(packets(&hours[0]), (30_000, 30_000));
    assert_eq!(hours[0].sources.len(), 300);
}

#[test]
fn hours_that_nobody_takes_give_up_their_detail_and_keep_their_count() {
    let mut hourly = Hourly::new(LIMITS);
    for hour in 0..5 {
        let time = hour * HOUR * 1_000_000;
        add(&mut hourly, &record(1, 23, 10), time, time);
    }
    let hours = hourly.take();
    let seen: Vec<_> = hours
        .iter()
        .map(|hour| (hour.cells.hour / HOUR, packets(hour).0, hour.unrecorded))
        .collect();
    assert_eq!(seen, [(0, 0, 10), (1, 0, 10), (2, 0, 10), (3, 10, 0), (4, 10, 0)]);
}

#[test]
fn a_record_stands_in_the_hour_of_its_last_packet_and_the_first_stays_whole() {
    let mut hourly = Hourly::new(LIMITS);
    let second = 1_000_000;
    let end = HOUR * second;
    add(&mut hourly, &record(1, 23, 1), end - second, end);
    let mut earlier = record(1, 23, 1);
    (earlier.ttl, earlier.tcp_flags) = (9, 16);
    add(&mut hourly, &earlier, end - 2 * second, end + second);
    let mut unreadable = record(1, 23, 4);
    unreadable.key.kind = u64::MAX;
    add(&mut hourly, &unreadable, end, end);
    let hours = hourly.take();
    assert_eq!(
        (hours.len(), hours[0].cells.hour, hours[0].unrecorded),
        (1, HOUR, 4)
    );
    let rows: Vec<_> = hours[0].sources.rows().collect();
    let [(_, Row { detail, .. })] = rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(
        (detail.first_seen, detail.last_seen),
        (end - 2 * second, end + second)
    );
    assert_eq!((detail.first_ttl, detail.tcp_flags, detail.packets), (9, 18, 2));
}

#[test]
fn records_taken_together_come_to_what_they_come_to_one_by_one() {
    // Around the end of an hour, in no order.
    let arrivals: Vec<Arrival> = (0..500_u32)
        .map(|number| {
            let mixed = number.wrapping_mul(0x9e37_79b9) >> 8;
            let port = u16::try_from(mixed % 7).unwrap();
            let time = (HOUR - 2 + i64::from(mixed % 4)) * 1_000_000;
            arrival(&record(mixed % 97, port, 1 + number % 5), time - 1_000_000, time)
        })
        .collect();
    let rows = |hourly: &mut Hourly| {
        let hours = hourly.take();
        let row = |hour: &Hour| {
            let mut cells: Vec<_> = hour.cells.cells.iter().map(|(key, cell)| (*key, *cell)).collect();
            let mut sources: Vec<_> = hour.sources.rows().map(|(source, row)| (source, *row)).collect();
            cells.sort_unstable_by_key(|(key, _)| *key);
            sources.sort_unstable_by_key(|(source, row)| (*source, row.cell));
            (hour.cells.hour, hour.records, cells, sources)
        };
        hours.iter().map(row).collect::<Vec<_>>()
    };
    let (mut together, mut apart) = (Hourly::new(Limits::default()), Hourly::new(Limits::default()));
    together.add_all(&arrivals);
    for arrival in &arrivals {
        apart.add_all(std::slice::from_ref(arrival));
    }
    let rows = (rows(&mut together), rows(&mut apart));
    assert_eq!(rows.0.len(), 2, "the records are of two hours");
    assert_eq!(rows.0, rows.1);
}
