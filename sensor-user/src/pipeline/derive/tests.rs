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
