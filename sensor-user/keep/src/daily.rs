//! The end of a day: what its hours come to.

use std::{collections::HashMap, path::PathBuf};

use sensor_records::{
    Day, Digest, Existing, Manifest, Micros, Place, RecordsError, Row, Writer, digest_file,
    layout::Period,
    read_rows,
    rows::{CellRow, DailyCellRow, DailyUniqueRow, SensorRow, SourceRow, UniqueRow},
};
use sensor_sketch::Sketch;

use crate::{DAY, KeepError, Status, close::Writing, networks::Networks, store::Store};

/// The most rows of a day; what comes beyond goes into the rest of its transport and class.
const MAX_CELLS: usize = 1 << 20;

/// Writes the daily files of a day, from its hourly ones.
pub(crate) fn close_day(
    store: &mut Store,
    writer: &Writer,
    status: &Status,
    day: i64,
    existing: &Existing,
) -> Result<(), KeepError> {
    let hours = Hours::of(writer, Day::of(day))?;
    let writing = Writing {
        writer,
        status,
        hour: day,
        existing,
    };
    let mut cells = DailyCells::default();
    hours.each(|rows: Vec<CellRow>| cells.add(rows));
    writing.table(&mut cells.rows())?;
    let mut uniques = DailyUniques::default();
    hours.each(|rows: Vec<UniqueRow>| uniques.add(rows));
    writing.table(&mut uniques.rows())?;
    let mut networks = Networks::default();
    hours.each(|rows: Vec<SourceRow>| networks.add(&rows));
    writing.table(&mut networks.rows())?;
    writing.table(&mut descriptions_of(store.descriptions()?, day))?;
    store.forget_descriptions(Micros::from_seconds(day).0)?;
    store.forget_day(day)?;
    tracing::info!(day = %Day::of(day), "a day of records is closed");
    Ok(())
}

/// What the sensor was on a day; a description ends where the next begins.
fn descriptions_of(mut descriptions: Vec<SensorRow>, day: i64) -> Vec<SensorRow> {
    let (begin, end) = (Micros::from_seconds(day), Micros::from_seconds(day + DAY));
    let starts: Vec<Micros> = descriptions.iter().skip(1).map(|next| next.valid_from).collect();
    for (description, next) in descriptions.iter_mut().zip(starts) {
        description.valid_to = description.valid_to.min(next);
    }
    descriptions.retain(|description| description.valid_from < end && description.valid_to >= begin);
    for description in &mut descriptions {
        description.valid_to = description.valid_to.min(end);
    }
    descriptions
}

/// The hourly files of a day that are what was written.
struct Hours {
    files: Vec<(Place, PathBuf, Digest)>,
}

impl Hours {
    fn of(writer: &Writer, day: Day) -> Result<Self, RecordsError> {
        let manifest = Manifest::read(writer.root(), day, writer.sensor())?;
        let files = manifest
            .files
            .into_iter()
            .filter(|(place, _)| matches!(place.period, Period::Hour(..)))
            .map(|(place, digest)| (place.clone(), writer.root().join(place.path()), digest))
            .collect();
        Ok(Self { files })
    }

    /// Hands on the rows of each file of a table. A damaged file is left out, and said.
    fn each<R: Row>(&self, mut take: impl FnMut(Vec<R>)) {
        for (place, path, digest) in self.files.iter().filter(|(place, ..)| place.table == R::TABLE) {
            let whole = digest_file(path).is_ok_and(|found| found == *digest);
            match read_rows(path) {
                Ok(rows) if whole => take(rows),
                Ok(_) => {
                    tracing::error!(%place, "the file is not what was written: it is left out of its day");
                }
                Err(error) => tracing::error!(%place, %error, "the file is left out of its day"),
            }
        }
    }
}

type CellKey = (
    String,
    Option<i32>,
    Option<i32>,
    String,
    Option<String>,
    Option<i32>,
    bool,
);

#[derive(Default)]
struct DailyCells {
    cells: HashMap<CellKey, DailyCellRow>,
    /// The last hour that each key was met in is the number of the file.
    hour: i32,
    last: HashMap<CellKey, i32>,
}

impl DailyCells {
    fn add(&mut self, rows: Vec<CellRow>) {
        self.hour += 1;
        for row in rows {
            let mut row = DailyCellRow {
                transport: row.transport,
                protocol: row.protocol,
                port: row.port,
                class: row.class,
                source_region: row.source_region,
                tools: row.tools,
                other: row.other,
                packets: row.packets,
                bytes: row.bytes,
                largest_source_packets: row.largest_source_packets,
                hours: 1,
            };
            if self.cells.len() >= MAX_CELLS && !self.cells.contains_key(&key(&row)) {
                row = DailyCellRow {
                    protocol: None,
                    port: None,
                    source_region: None,
                    tools: None,
                    other: true,
                    largest_source_packets: None,
                    ..row
                };
            }
            let key = key(&row);
            let met = self.last.insert(key.clone(), self.hour) == Some(self.hour);
            let Some(sum) = self.cells.get_mut(&key) else {
                self.cells.insert(key, row);
                continue;
            };
            sum.packets += row.packets;
            sum.bytes += row.bytes;
            sum.largest_source_packets = sum.largest_source_packets.max(row.largest_source_packets);
            sum.hours += i32::from(!met);
        }
    }

    fn rows(self) -> Vec<DailyCellRow> {
        self.cells.into_values().collect()
    }
}

fn key(row: &DailyCellRow) -> CellKey {
    (
        row.transport.clone(),
        row.protocol,
        row.port,
        row.class.clone(),
        row.source_region.clone(),
        row.tools,
        row.other,
    )
}

type UniqueKey = (
    String,
    Option<String>,
    Option<i32>,
    Option<String>,
    Option<String>,
    bool,
    String,
    String,
);

#[derive(Default)]
struct DailyUniques {
    sketches: HashMap<UniqueKey, (Sketch, i32)>,
}

impl DailyUniques {
    fn add(&mut self, rows: Vec<UniqueRow>) {
        for row in rows {
            let sketch = match Sketch::from_bytes(&row.sketch) {
                Ok(sketch) => sketch,
                Err(error) => {
                    tracing::error!(dimension = row.dimension, %error, "a sketch is left out of its day");
                    continue;
                }
            };
            let key = (
                row.dimension,
                row.transport,
                row.port,
                row.source_region,
                row.tool,
                row.other,
                row.family,
                row.key_id,
            );
            match self.sketches.get_mut(&key) {
                None => {
                    self.sketches.insert(key, (sketch, 1));
                }
                Some((sum, hours)) => match sum.merged(&sketch) {
                    Ok(merged) => {
                        *sum = merged;
                        *hours += 1;
                    }
                    Err(error) => tracing::error!(%error, "a sketch is left out of its day"),
                },
            }
        }
    }

    fn rows(self) -> Vec<DailyUniqueRow> {
        self.sketches
            .into_iter()
            .map(|(key, (sketch, hours))| {
                let (dimension, transport, port, source_region, tool, other, family, key_id) = key;
                DailyUniqueRow {
                    dimension,
                    transport,
                    port,
                    source_region,
                    tool,
                    other,
                    family,
                    sketch: sketch.to_bytes(),
                    estimate: sketch.estimate(),
                    key_id,
                    hours,
                }
            })
            .collect()
    }
}
