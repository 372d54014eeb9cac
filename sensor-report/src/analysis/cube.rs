//! First pass: exact sums of a period by piece, sensor, port, region and Mirai mark, from the cheapest files there are.
//!
//! Whole days of UTC come from the daily tables; the hours at the edges of pieces, and days without a daily file,
//! from the hourly ones.

use std::collections::{BTreeMap, BTreeSet};

use sensor_records::{Day, Place, Table};

use super::{
    Progress,
    frame::Frame,
    keys::{PortId, RegionId},
    maps::{Map, Set},
};
use crate::{
    scan::{Columns, ScanError, Unreadable, scan, value},
    store::Store,
};

/// The bit of the Mirai mark in the column `tools`.
pub(crate) const MIRAI: i32 = sensor_common::ToolSet::MIRAI.0 as i32;
/// Of each sensor's day so many ports are looked at more closely than their totals.
const CANDIDATES: usize = 20;

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CellKey {
    pub(crate) piece: u8,
    pub(crate) sensor: u16,
    pub(crate) port: PortId,
    pub(crate) region: RegionId,
    pub(crate) mirai: bool,
}

/// The sums of a period.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cube {
    /// Packets of class `scan`.
    pub(crate) cells: Map<CellKey, u64>,
    /// Packets of every class, by sensor.
    pub(crate) packets: BTreeMap<u16, u64>,
    /// Ports that were among the first of a day somewhere.
    pub(crate) candidates: BTreeSet<PortId>,
}

/// A row of either table, as the cube takes it.
pub(crate) struct ScanRow {
    /// Seconds since 1970; `None` in daily tables.
    pub(crate) hour: Option<i64>,
    pub(crate) port: PortId,
    pub(crate) region: RegionId,
    pub(crate) mirai: bool,
    pub(crate) is_scan: bool,
    pub(crate) packets: u64,
    pub(crate) largest: u64,
}

/// Hands each row of a batch of `cells` or `daily_cells` on.
pub(crate) fn rows(columns: Columns<'_>, hourly: bool, mut take: impl FnMut(&ScanRow)) -> Result<(), String> {
    let hour = hourly.then(|| columns.times("hour")).transpose()?;
    let (transport, port) = (columns.text("transport")?, columns.small("port")?);
    let (class, region) = (columns.text("class")?, columns.text("source_region")?);
    let (tools, packets) = (columns.small("tools")?, columns.counts("packets")?);
    let largest = columns.counts("largest_source_packets")?;
    if packets.iter().flatten().any(i64::is_negative) {
        return Err("a count of packets is negative".to_owned());
    }
    for row in 0..columns.0.num_rows() {
        let is_scan = class.value(row) == "scan";
        let number = value(port, row, arrow_array::Int32Array::value);
        take(&ScanRow {
            hour: hour.map(|hour| hour.value(row).div_euclid(1_000_000)),
            port: if is_scan {
                PortId::of_scan(transport.value(row), number)
            } else {
                PortId::REST
            },
            region: RegionId::of_row(value(region, row, arrow_array::StringArray::value)),
            mirai: value(tools, row, arrow_array::Int32Array::value).is_some_and(|tools| tools & MIRAI != 0),
            is_scan,
            packets: packets.value(row).unsigned_abs(),
            largest: value(largest, row, arrow_array::Int64Array::value)
                .and_then(|largest| u64::try_from(largest).ok())
                .unwrap_or(0),
        });
    }
    Ok(())
}

/// The columns that [`rows`] reads.
pub(crate) const COLUMNS: [&str; 8] = [
    "hour",
    "transport",
    "port",
    "class",
    "source_region",
    "tools",
    "packets",
    "largest_source_packets",
];

/// The files that a period's sums come from.
fn files(store: &Store, frame: &Frame) -> Result<Vec<Place>, ScanError> {
    let mut daily = store.files(Table::DailyCells, frame.utc_days())?;
    daily.retain(|place| frame.piece_of_utc_day(place.day).is_some());
    let whole: Set<(Day, &str)> = daily
        .iter()
        .map(|place| (place.day, place.sensor.as_str()))
        .collect();
    let mut files = store.files(Table::Cells, frame.utc_days())?;
    files.retain(|place| !whole.contains(&(place.day, place.sensor.as_str())));
    files.extend(daily.clone());
    Ok(files)
}

#[derive(Default)]
struct Part {
    cube: Cube,
    /// Of the file that is being read.
    day: Map<PortId, u64>,
    file: Option<Place>,
}

impl Part {
    /// The first ports of a file become candidates.
    fn close_file(&mut self) {
        let mut ports: Vec<_> = self.day.drain().collect();
        ports.sort_by_key(|(port, packets)| (std::cmp::Reverse(*packets), *port));
        let first = ports.into_iter().take(CANDIDATES).map(|(port, _)| port);
        self.cube
            .candidates
            .extend(first.filter(|port| *port != PortId::REST));
    }
}

/// Sums a period over the sensors that have a number.
pub(crate) fn cube(
    store: &Store,
    frame: &Frame,
    numbers: &Map<String, u16>,
    progress: &dyn Progress,
) -> Result<(Cube, Vec<Unreadable>), ScanError> {
    let mut files = files(store, frame)?;
    files.retain(|place| numbers.contains_key(&place.sensor));
    progress.expect(files.len());
    let fold = |part: &mut Part, place: &Place, columns: Columns<'_>| {
        let Some(&sensor) = numbers.get(&place.sensor) else {
            return Ok(());
        };
        if part.file.as_ref() != Some(place) {
            part.close_file();
            part.file = Some(place.clone());
        }
        let hourly = !place.table.is_daily();
        let of_day = frame.piece_of_utc_day(place.day);
        rows(columns, hourly, |row| {
            let piece = match row.hour {
                Some(hour) => frame.place(hour).map(|(piece, _)| piece),
                None => of_day,
            };
            let Some(piece) = piece.and_then(|piece| u8::try_from(piece).ok()) else {
                return;
            };
            *part.cube.packets.entry(sensor).or_default() += row.packets;
            if !row.is_scan {
                return;
            }
            *part.day.entry(row.port).or_default() += row.packets;
            let key = CellKey {
                piece,
                sensor,
                port: row.port,
                region: row.region,
                mirai: row.mirai,
            };
            *part.cube.cells.entry(key).or_default() += row.packets;
        })
    };
    let found = scan::<Part>(store, &files, &COLUMNS, &fold, &|| progress.advance())?;
    let mut cube = Cube::default();
    for mut part in found.parts {
        part.close_file();
        if cube.cells.is_empty() {
            cube.cells = part.cube.cells;
        } else {
            for (key, packets) in part.cube.cells {
                *cube.cells.entry(key).or_default() += packets;
            }
        }
        for (sensor, packets) in part.cube.packets {
            *cube.packets.entry(sensor).or_default() += packets;
        }
        cube.candidates.extend(part.cube.candidates);
    }
    Ok((cube, found.unreadable))
}
