//! Unique sources of a period: sketches of its hours and days, merged over the sensors.
//!
//! Estimates cannot be added up, so every figure here is of merged sketches alone. Sketches of different keys cannot be
//! merged: where a period has more than one, there is no estimate.

use std::collections::BTreeSet;

use sensor_records::{Day, Place, Table};
use sensor_sketch::Sketch;

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

/// Of which keys estimates are wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) domestic: RegionId,
    pub(crate) ports: Set<PortId>,
    pub(crate) regions: Set<RegionId>,
    pub(crate) watched: Set<PortId>,
}

/// What a sketch is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Of {
    All,
    Port(PortId),
    Region(RegionId),
    PortRegion(PortId, RegionId),
    /// With the Mirai mark.
    AllMirai,
    Mirai(RegionId),
    /// Sent SYN to ports that Mirai and its kin look for.
    IotSyn,
    /// Ever had the mark.
    Marked,
}

impl Wanted {
    fn has(&self, of: Of) -> bool {
        match of {
            Of::All | Of::AllMirai | Of::IotSyn | Of::Marked => true,
            Of::Port(port) => self.ports.contains(&port),
            Of::Region(region) => self.regions.contains(&region),
            Of::Mirai(region) => region == self.domestic || self.regions.contains(&region),
            Of::PortRegion(port, region) => {
                self.watched.contains(&port) && (region == self.domestic || self.regions.contains(&region))
            }
        }
    }
}

/// Estimates of unique sources.
#[derive(Clone, Debug, Default)]
pub(crate) struct Estimates {
    of: Map<Of, f64>,
    unmarked: Option<f64>,
}

impl Estimates {
    pub(crate) fn get(&self, of: Of) -> Option<f64> {
        self.of.get(&of).copied()
    }

    /// Sources that looked for devices of the Internet of Things, and never had the mark.
    pub(crate) fn unmarked(&self) -> Option<f64> {
        self.unmarked
    }
}

#[derive(Default)]
struct Part {
    sketches: Map<Of, Sketch>,
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

pub(super) const COLUMNS: [&str; 8] = [
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
    numbers: &Map<String, u16>,
    chosen: &Set<u16>,
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
    let whole: Set<(Day, String)> = files
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
    if merged.keys.len() != 1 {
        return Ok((Estimates::default(), found.unreadable));
    }
    let unmarked = match (merged.sketches.get(&Of::IotSyn), merged.sketches.get(&Of::Marked)) {
        (Some(Sketch::Set(all)), Some(Sketch::Set(marked))) => Some(all.without(marked).estimate()),
        (Some(Sketch::Set(all)), None) => Some(all.estimate()),
        _ => None,
    };
    let sketches = merged.sketches.iter();
    let of = sketches.map(|(of, sketch)| (*of, sketch.estimate())).collect();
    Ok((Estimates { of, unmarked }, found.unreadable))
}

fn rows(
    gathered: &mut Part,
    columns: Columns<'_>,
    hourly: bool,
    period: std::ops::Range<i64>,
    wanted: &Wanted,
) -> Result<(), String> {
    let hour = hourly.then(|| columns.times("hour")).transpose()?;
    each_row(columns, |row, of, key, sketch| {
        let is_outside = hour.is_some_and(|hour| !period.contains(&hour.value(row).div_euclid(1_000_000)));
        if is_outside || !wanted.has(of) {
            return Ok(());
        }
        if !gathered.keys.contains(key) {
            gathered.keys.insert(key.to_owned());
        }
        let sketch = Sketch::from_bytes(sketch).map_err(|error| error.to_string())?;
        gathered.merge(of, sketch)
    })
}

/// Tells each row that is of a dimension known here: its number, what it is of, its key's id, and its sketch.
pub(super) fn each_row(
    columns: Columns<'_>,
    mut told: impl FnMut(usize, Of, &str, &[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let (dimension, transport) = (columns.text("dimension")?, columns.text("transport")?);
    let (port, region) = (columns.small("port")?, columns.text("source_region")?);
    let (other, sketch) = (columns.flags("other")?, columns.bytes("sketch")?);
    let key = columns.text("key_id")?;
    for row in (0..columns.0.num_rows()).filter(|row| !other.value(*row)) {
        let region = RegionId::of_row(value(region, row, arrow_array::StringArray::value));
        let port = value(transport, row, arrow_array::StringArray::value).map_or(PortId::REST, |transport| {
            PortId::of_scan(transport, value(port, row, arrow_array::Int32Array::value))
        });
        let of = match dimension.value(row) {
            "all" => Of::All,
            "mirai" => Of::AllMirai,
            "port" => Of::Port(port),
            "region" => Of::Region(region),
            "port_region" => Of::PortRegion(port, region),
            "mirai_region" => Of::Mirai(region),
            "iot_syn" => Of::IotSyn,
            "marked" => Of::Marked,
            _ => continue,
        };
        told(row, of, key.value(row), sketch.value(row))?;
    }
    Ok(())
}
