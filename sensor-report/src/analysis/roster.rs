//! Which sensors there are, where they stand, and how long each observed.

use std::collections::BTreeMap;

use sensor_records::{Place, Table};

use super::{Progress, frame::Frame};
use crate::{
    model::Region,
    scan::{Columns, ScanError, Unreadable, scan, value},
    store::Store,
};

const MICROS: i64 = 1_000_000;

/// A sensor, as its own tables describe it.
#[derive(Clone, Debug)]
pub(crate) struct Sensor {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `None` when it is not configured.
    pub(crate) region: Option<Region>,
    pub(crate) in_service_from: i64,
}

/// Seconds that a sensor observed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    /// By piece of the period.
    pub(crate) pieces: Vec<f64>,
    /// By day.
    pub(crate) days: Vec<f64>,
    /// By hour, as seconds since 1970.
    pub(crate) hours: BTreeMap<i64, f64>,
    pub(crate) addresses: u64,
}

impl Observed {
    pub(crate) fn seconds(&self) -> f64 {
        self.pieces.iter().sum()
    }
}

/// The sensors that have rows in `sensors` within a period, by id; of several rows the last holds.
pub(crate) fn sensors(
    store: &Store,
    frame: &Frame,
    progress: &dyn Progress,
) -> Result<(BTreeMap<String, Sensor>, Vec<Unreadable>), ScanError> {
    let files = store.files(Table::Sensors, frame.utc_days())?;
    let columns = ["valid_from", "valid_to", "region", "publish_name"];
    let found = scan::<BTreeMap<String, (i64, Sensor)>>(store, &files, &columns, &sensor_rows, &|| {
        progress.advance();
    })?;
    let mut sensors: BTreeMap<String, (i64, Sensor)> = BTreeMap::new();
    for (id, (valid_to, sensor)) in found.parts.into_iter().flatten() {
        let from = sensor.in_service_from;
        let newest = sensors.entry(id).or_insert_with(|| (valid_to, sensor.clone()));
        let first = newest.1.in_service_from.min(from);
        if valid_to > newest.0 {
            *newest = (valid_to, sensor);
        }
        newest.1.in_service_from = first;
    }
    let sensors = sensors
        .into_iter()
        .map(|(id, (_, sensor))| (id, sensor))
        .collect();
    Ok((sensors, found.unreadable))
}

fn sensor_rows(
    part: &mut BTreeMap<String, (i64, Sensor)>,
    place: &Place,
    columns: Columns<'_>,
) -> Result<(), String> {
    let (valid_from, valid_to) = (columns.times("valid_from")?, columns.times("valid_to")?);
    let (region, name) = (columns.text("region")?, columns.text("publish_name")?);
    for row in 0..columns.0.num_rows() {
        let from = valid_from.value(row).div_euclid(MICROS);
        let to = valid_to.value(row).div_euclid(MICROS);
        let sensor = Sensor {
            id: place.sensor.clone(),
            name: value(name, row, |array, row| array.value(row).to_owned())
                .unwrap_or_else(|| place.sensor.clone()),
            region: value(region, row, |array, row| Region(array.value(row).to_owned())),
            in_service_from: from,
        };
        match part.get_mut(&place.sensor) {
            Some(known) => {
                let first = known.1.in_service_from.min(from);
                if to > known.0 {
                    *known = (to, sensor);
                }
                known.1.in_service_from = first;
            }
            None => {
                part.insert(place.sensor.clone(), (to, sensor));
            }
        }
    }
    Ok(())
}
