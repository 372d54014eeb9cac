//! Unique sources of a period: sketches of its hours and days, merged over the sensors.
//!
//! Estimates cannot be added up, so every figure here is of merged sketches alone. Sketches of different keys cannot be
//! merged: where a period has more than one, there is no estimate.

use std::collections::{BTreeSet, HashMap, HashSet};

use sensor_records::{Day, Place, Table};
use sensor_sketch::Sketch;

use super::{
    Progress,
    frame::Frame,
    keys::{PortId, RegionId},
};
use crate::{
    scan::{Columns, ScanError, Unreadable, scan, value},
    store::Store,
};

/// Of which keys estimates are wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) domestic: RegionId,
    pub(crate) ports: HashSet<PortId>,
    pub(crate) regions: HashSet<RegionId>,
}

/// What a sketch is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Of {
    All,
    Port(PortId),
    Region(RegionId),
    Mirai(RegionId),
}

/// Estimates of unique sources.
#[derive(Clone, Debug, Default)]
pub(crate) struct Estimates(HashMap<Of, f64>);

impl Estimates {
    pub(crate) fn get(&self, of: Of) -> Option<f64> {
        self.0.get(&of).copied()
    }
}

#[derive(Default)]
struct Part {
    sketches: HashMap<Of, Sketch>,
    keys: BTreeSet<String>,
}

impl Part {
    fn merge(&mut self, of: Of, sketch: Sketch) -> Result<(), String> {
        match self.sketches.get_mut(&of) {
            Some(known) => *known = known.merged(&sketch).map_err(|error| error.to_string())?,
            None => {
                self.sketches.insert(of, sketch);
            }
        }
        Ok(())
    }
}

const COLUMNS: [&str; 8] = [
    "hour",
    "dimension",
    "transport",
    "port",
    "source_region",
    "other",
    "sketch",
    "key_id",
];

/// Estimates a period's unique sources over the chosen sensors: none where there are no sketches.
pub(crate) fn estimates(
    store: &Store,
    frame: &Frame,
    numbers: &HashMap<String, u16>,
    chosen: &HashSet<u16>,
    wanted: &Wanted,
    progress: &dyn Progress,
) -> Result<(Estimates, Vec<Unreadable>), ScanError> {
    let is_chosen = |place: &Place| {
        numbers
            .get(&place.sensor)
            .is_some_and(|number| chosen.contains(number))
    };
    let (from, to) = frame.seconds();
    let is_whole = |day: Day| day.begins() >= from && day.plus(1).begins() <= to;
    let mut files = store.files(Table::DailyUniques, frame.utc_days())?;
    files.retain(|place| is_whole(place.day));
    let whole: HashSet<(Day, String)> = files
        .iter()
        .map(|place| (place.day, place.sensor.clone()))
        .collect();
    let mut hours = store.files(Table::Uniques, frame.utc_days())?;
    hours.retain(|place| !whole.contains(&(place.day, place.sensor.clone())));
    files.extend(hours);
    files.retain(is_chosen);
    progress.expect(files.len());
    let fold = |part: &mut Part, place: &Place, columns: Columns<'_>| {
        rows(part, columns, !place.table.is_daily(), from..to, wanted)
    };
    let found = scan::<Part>(store, &files, &COLUMNS, &fold, &|| progress.advance())?;
    let mut merged = Part::default();
    for part in found.parts {
        merged.keys.extend(part.keys);
        for (of, sketch) in part.sketches {
            // Kinds differ only where a dimension's kind was changed: then the first one stays.
            drop(merged.merge(of, sketch));
        }
    }
    let estimates = match merged.keys.len() {
        1 => merged
            .sketches
            .iter()
            .map(|(of, sketch)| (*of, sketch.estimate()))
            .collect(),
        _ => HashMap::new(),
    };
    Ok((Estimates(estimates), found.unreadable))
}

fn rows(
    gathered: &mut Part,
    columns: Columns<'_>,
    hourly: bool,
    period: std::ops::Range<i64>,
    wanted: &Wanted,
) -> Result<(), String> {
    let hour = hourly.then(|| columns.times("hour")).transpose()?;
    let (dimension, transport) = (columns.text("dimension")?, columns.text("transport")?);
    let (port, region) = (columns.small("port")?, columns.text("source_region")?);
    let (other, sketch) = (columns.flags("other")?, columns.bytes("sketch")?);
    let key = columns.text("key_id")?;
    for row in 0..columns.0.num_rows() {
        let is_outside = hour.is_some_and(|hour| !period.contains(&hour.value(row).div_euclid(1_000_000)));
        if other.value(row) || is_outside {
            continue;
        }
        let region = RegionId::of_row(value(region, row, arrow_array::StringArray::value));
        let port = value(transport, row, arrow_array::StringArray::value).map_or(PortId::REST, |transport| {
            PortId::of_scan(transport, value(port, row, arrow_array::Int32Array::value))
        });
        let of = match dimension.value(row) {
            "all" => Of::All,
            "port" if wanted.ports.contains(&port) => Of::Port(port),
            "region" if wanted.regions.contains(&region) => Of::Region(region),
            "mirai_region" if region == wanted.domestic || wanted.regions.contains(&region) => {
                Of::Mirai(region)
            }
            _ => continue,
        };
        gathered.keys.insert(key.value(row).to_owned());
        let sketch = Sketch::from_bytes(sketch.value(row)).map_err(|error| error.to_string())?;
        gathered.merge(of, sketch)?;
    }
    Ok(())
}
