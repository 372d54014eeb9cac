//! How many sources made each surge, where there are sketches of its hours.

use std::collections::BTreeSet;

use sensor_records::{Place, Table};
use sensor_sketch::Sketch;

use super::{
    Progress,
    explain::Subject,
    maps::{Map, Set},
    surges::{Run, hours_of},
    uniques::{COLUMNS, Of, each_row},
};
use crate::{
    scan::{Columns, ScanError, Unreadable, scan},
    store::Store,
};

#[derive(Default)]
struct Part {
    sketches: Map<usize, Sketch>,
    keys: BTreeSet<String>,
}

impl Part {
    fn merge(&mut self, run: usize, sketch: Sketch) -> Result<(), String> {
        match self.sketches.get_mut(&run) {
            Some(known) => *known = known.merged(&sketch).map_err(|error| error.to_string())?,
            None => {
                self.sketches.insert(run, sketch);
            }
        }
        Ok(())
    }
}

/// Estimates the sources of each run, over its hours and the steady sensors; none where these have no sketches of it, or
/// several keys' that cannot be merged.
pub(crate) fn sources(
    store: &Store,
    runs: &[Run],
    numbers: &Map<String, u16>,
    steady: &Set<u16>,
    progress: &dyn Progress,
) -> Result<(Vec<Option<f64>>, Vec<Unreadable>), ScanError> {
    let files = hours_of(store, Table::Uniques, runs, numbers, steady)?;
    progress.expect(files.len());
    let fold = |part: &mut Part, _: &Place, columns: Columns<'_>| {
        let hours = columns.times("hour")?;
        each_row(columns, |row, of, key, sketch| {
            let subject = match of {
                Of::Port(port) => Subject::Port(port),
                Of::Region(region) => Subject::Region(region),
                _ => return Ok(()),
            };
            let hour = hours.value(row).div_euclid(1_000_000);
            let is_in = |run: &Run| run.subject == subject && (run.from..run.to).contains(&hour);
            for (run, _) in runs.iter().enumerate().filter(|(_, run)| is_in(run)) {
                if !part.keys.contains(key) {
                    part.keys.insert(key.to_owned());
                }
                let sketch = Sketch::from_bytes(sketch).map_err(|error| error.to_string())?;
                part.merge(run, sketch)?;
            }
            Ok(())
        })
    };
    let found = scan::<Part>(store, &files, &COLUMNS, &fold, &|| progress.advance())?;
    let mut all = Part::default();
    for part in found.parts {
        all.keys.extend(part.keys);
        for (run, sketch) in part.sketches {
            // Kinds differ only where a dimension's kind was changed: then the first one stays.
            drop(all.merge(run, sketch));
        }
    }
    let estimate = |run: usize| all.sketches.get(&run).map(Sketch::estimate);
    let estimates = (0..runs.len()).map(|run| estimate(run).filter(|_| all.keys.len() == 1));
    Ok((estimates.collect(), found.unreadable))
}
