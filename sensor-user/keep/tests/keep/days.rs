//! Hours that become days, what comes late, gaps, and what is too old.

use sensor_keep::{DAY, HOUR, Keeper, Reason, Status};
use sensor_records::{
    Kept, Micros, Table,
    rows::DailyUniqueRow,
    rows::{CellRow, CoverageRow, DailyCellRow, NetworkRow, SensorRow, SourceRow, UniqueRow},
    verify,
};
use sensor_sketch::{Distinct, Sketch, SourceKey};
use std::sync::Arc;

use crate::support::{BEGIN, cell, files, interval, open, rows, settings, source};

#[test]
fn a_day_is_the_sum_of_its_hours() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let mut keeper = open(root);
    keeper
        .describe(&SensorRow {
            valid_from: Micros::from_seconds(BEGIN - 5),
            valid_to: Micros::from_seconds(BEGIN + 2 * DAY),
            watched_addresses: 256,
            ..SensorRow::default()
        })
        .unwrap();
    for hour in 0..24 {
        let time = BEGIN + hour * HOUR;
        let mut cells = vec![cell(23, hour + 1)];
        if hour % 2 == 0 {
            cells.push(cell(80, 1));
        }
        let sources = vec![source("192.0.2.1", 23, hour + 1, time)];
        keeper.commit(&interval(time, cells, sources), time).unwrap();
        keeper.maintain(time + HOUR).unwrap();
    }
    assert_eq!(files(root, Table::DailyCells).len(), 0);
    keeper.maintain(BEGIN + DAY + 60).unwrap();
    let daily: Vec<DailyCellRow> = rows(root);
    let seen: Vec<_> = daily
        .iter()
        .map(|row| (row.port, row.packets, row.hours))
        .collect();
    assert_eq!(seen, [(Some(23), 300, 24), (Some(80), 12, 12)]);
    assert_eq!(daily[0].largest_source_packets, Some(24));
    assert_eq!(files(root, Table::Cells).len(), 24);
    assert_eq!(rows::<CoverageRow>(root).len(), 24);
    let networks: Vec<NetworkRow> = rows(root);
    assert_eq!(networks.len(), 1);
    assert_eq!((networks[0].packets, networks[0].sources), (300, Some(1)));
    let sensors: Vec<SensorRow> = rows(root);
    assert_eq!((sensors.len(), sensors[0].watched_addresses), (1, 256));
    assert_eq!(sensors[0].valid_to, Micros::from_seconds(BEGIN + DAY));
    assert!(verify(root).unwrap().faults.is_empty());
}

#[test]
fn sketches_are_merged_over_intervals_hours_and_the_day() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let mut keeper = open(root);
    let key = SourceKey::public();
    let sketch = |hosts: std::ops::Range<u32>| {
        let mut sketch = Distinct::default();
        for host in hosts {
            sketch.insert(key.hash(address(host)).coupon());
        }
        Sketch::Distinct(sketch).to_bytes()
    };
    for hour in 0..2_i64 {
        let time = BEGIN + hour * HOUR;
        for part in 0..2_u32 {
            let from = u32::try_from(hour).unwrap() * 1_000 + part * 500;
            let mut interval = interval(time, vec![], vec![]);
            interval.hours[0].uniques.push(UniqueRow {
                dimension: "all".to_owned(),
                family: "hll".to_owned(),
                key_id: "k".to_owned(),
                // Half of each hour's sources come in the next hour too.
                sketch: sketch(from..from + 1_000),
                ..UniqueRow::default()
            });
            keeper.commit(&interval, time).unwrap();
        }
    }
    keeper.close_all().unwrap();
    let near = |estimate: f64, truth: f64| (estimate / truth - 1.0).abs() < 0.05;
    let hours: Vec<UniqueRow> = rows(root);
    assert_eq!(hours.len(), 2);
    assert!(
        hours.iter().all(|row| near(row.estimate, 1_500.0)),
        "{}",
        hours[0].estimate
    );
    let days: Vec<DailyUniqueRow> = rows(root);
    assert_eq!((days.len(), days[0].hours), (1, 2));
    assert!(near(days[0].estimate, 2_500.0), "{}", days[0].estimate);
}

fn address(host: u32) -> sensor_common::Address {
    sensor_common::Address::v4(0x0a00_0000 + host)
}

#[test]
fn what_comes_for_a_closed_hour_is_in_the_open_one_and_counted_as_late() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let mut keeper = open(root);
    keeper
        .commit(&interval(BEGIN, vec![cell(23, 5)], vec![]), BEGIN)
        .unwrap();
    keeper.maintain(BEGIN + HOUR + 60).unwrap();
    keeper
        .commit(&interval(BEGIN, vec![cell(23, 7)], vec![]), BEGIN + HOUR + 61)
        .unwrap();
    keeper.maintain(BEGIN + 2 * HOUR + 60).unwrap();
    let cells: Vec<CellRow> = rows(root);
    let seen: Vec<_> = cells
        .iter()
        .map(|row| (row.hour.0 / 1_000_000 - BEGIN, row.packets))
        .collect();
    assert_eq!(seen, [(0, 5), (HOUR, 7)]);
    let late: Vec<_> = rows::<CoverageRow>(root).iter().map(|row| row.late).collect();
    assert_eq!(late, [0, 7]);
}

#[test]
fn hours_in_which_nobody_observed_stand_in_the_coverage() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let mut keeper = open(root);
    keeper.note_gap(BEGIN).unwrap();
    keeper
        .commit(&interval(BEGIN, vec![cell(23, 5)], vec![]), BEGIN)
        .unwrap();
    drop(keeper);
    let now = BEGIN + 4 * HOUR + 100;
    let mut keeper = open(root);
    keeper.note_gap(now).unwrap();
    keeper
        .commit(&interval(now - 100, vec![cell(23, 1)], vec![]), now)
        .unwrap();
    keeper.maintain(now + HOUR).unwrap();
    let seen: Vec<_> = rows::<CoverageRow>(root)
        .iter()
        .map(|row| (row.hour.0 / 1_000_000 - BEGIN, row.seconds_observed.to_bits()))
        .collect();
    let (none, some) = (0.0_f64.to_bits(), 10.0_f64.to_bits());
    assert_eq!(
        seen,
        [
            (0, some),
            (HOUR, none),
            (2 * HOUR, none),
            (3 * HOUR, none),
            (4 * HOUR, some)
        ]
    );
}

#[test]
fn what_is_older_than_its_table_is_kept_goes_and_the_rest_stays() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let status = Arc::new(Status::default());
    let mut settings = settings(root);
    settings.kept = vec![(Table::Sources, Kept::Days(2)), (Table::Cells, Kept::Days(5))];
    let mut keeper = Keeper::open(settings, Arc::clone(&status)).unwrap();
    for day in 0..8 {
        let time = BEGIN + day * DAY;
        let sources = vec![source("192.0.2.1", 23, 1, time)];
        keeper
            .commit(&interval(time, vec![cell(23, 1)], sources), time)
            .unwrap();
        keeper.maintain(time + DAY + 60).unwrap();
    }
    // The eighth day is over: sources of the seventh and eighth stay, and the open one's.
    assert_eq!(rows::<SourceRow>(root).len(), 2);
    assert_eq!(rows::<CellRow>(root).len(), 5);
    assert_eq!(rows::<CoverageRow>(root).len(), 8);
    assert_eq!(rows::<DailyCellRow>(root).len(), 8);
    assert_eq!(status.removed(Table::Sources, Reason::Retention), 6);
    let verified = verify(root).unwrap();
    assert_eq!((verified.removed, verified.faults), (9, vec![]));
}

#[test]
fn records_that_are_there_are_not_written_over_by_a_replay() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for round in 0..2 {
        let mut keeper = Keeper::open_once(settings(root), Arc::default()).unwrap();
        keeper
            .commit(&interval(BEGIN, vec![cell(23, 5)], vec![]), BEGIN)
            .unwrap();
        let closed = keeper.close_all();
        assert_eq!(closed.is_ok(), round == 0, "{closed:?}");
    }
    assert_eq!(rows::<CellRow>(root).len(), 1);
    assert!(verify(root).unwrap().faults.is_empty());
}
