//! Unique sources over time: of watched services by month over all data held, of Mirai by day of the period.
//!
//! Days and months are of UTC, as the daily sketches are: a sketch cannot be cut.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use sensor_records::{Place, Table};
use sensor_sketch::Sketch;

use super::{
    Progress,
    frame::Frame,
    maps::{Map, Set},
    uniques::{COLUMNS, Of, Wanted, each_row},
};
use crate::{
    model::{Line, Series, Step},
    scan::{Columns, ScanError, Unreadable, scan},
    store::Store,
};

/// Sketches by the day, or by the first day of the month, that they are of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    sketches: BTreeMap<(Date, Of), Sketch>,
    keys: BTreeSet<String>,
}

/// Reads the daily sketches: of the period, and of all days where `all_held` is asked for.
pub(crate) fn timeline(
    store: &Store,
    frame: &Frame,
    numbers: &Map<String, u16>,
    chosen: &Set<u16>,
    wanted: &Wanted,
    all_held: bool,
    progress: &dyn Progress,
) -> Result<(Timeline, Vec<Unreadable>), ScanError> {
    let held = store.days(Table::DailyUniques)?.filter(|_| all_held);
    let mut files = store.files(Table::DailyUniques, held.unwrap_or_else(|| frame.utc_days()))?;
    files.retain(|place| {
        numbers
            .get(&place.sensor)
            .is_some_and(|number| chosen.contains(number))
    });
    progress.expect(files.len());
    let fold = |part: &mut Timeline, place: &Place, columns: Columns<'_>| {
        let day = place.day.0;
        each_row(columns, |_, of, key, sketch| {
            let at = match of {
                Of::Port(port) | Of::PortRegion(port, _) if wanted.watched.contains(&port) => {
                    day.first_of_month()
                }
                Of::AllMirai => day,
                Of::Mirai(region) if region == wanted.domestic => day,
                _ => return Ok(()),
            };
            if !part.keys.contains(key) {
                part.keys.insert(key.to_owned());
            }
            let sketch = Sketch::from_bytes(sketch).map_err(|error| error.to_string())?;
            part.merge((at, of), sketch)
        })
    };
    let found = scan::<Timeline>(store, &files, &COLUMNS, &fold, &|| progress.advance())?;
    let mut timeline = Timeline::default();
    for part in found.parts {
        timeline.keys.extend(part.keys);
        for (key, sketch) in part.sketches {
            // Kinds differ only where a dimension's kind was changed: then the first one stays.
            drop(timeline.merge(key, sketch));
        }
    }
    Ok((timeline, found.unreadable))
}

impl Timeline {
    fn merge(&mut self, key: (Date, Of), sketch: Sketch) -> Result<(), String> {
        match self.sketches.get_mut(&key) {
            Some(known) => *known = known.merged(&sketch).map_err(|error| error.to_string())?,
            None => {
                self.sketches.insert(key, sketch);
            }
        }
        Ok(())
    }

    /// A line for each of the keys; none where there are no sketches, or several keys' that cannot be merged.
    pub(crate) fn series<K>(
        &self,
        step: Step,
        at: &[Date],
        lines: impl IntoIterator<Item = (Of, K)>,
    ) -> Series<K> {
        let estimate = |at: Date, of: Of| self.sketches.get(&(at, of)).map(Sketch::estimate);
        let lines: Vec<_> = lines
            .into_iter()
            .map(|(of, key)| Line {
                key,
                values: at.iter().map(|at| estimate(*at, of)).collect(),
            })
            .filter(|line| line.values.iter().any(Option::is_some))
            .collect();
        if self.keys.len() != 1 || lines.is_empty() {
            return Series::empty(step);
        }
        Series {
            step,
            at: at.to_vec(),
            lines,
        }
    }
}
