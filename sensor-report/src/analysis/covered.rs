//! What the coverage tables say of a period: seconds observed, the law of conservation, databases and programs.

use std::collections::{BTreeMap, BTreeSet};

use sensor_common::Outcome;
use sensor_records::{Place, Table};

use super::{Progress, frame::Frame, moments::text, roster::Observed};
use crate::{
    model::{Conservation, RegionDatabase},
    scan::{Columns, ScanError, Unreadable, scan, value},
    store::Store,
};

const HOUR: i64 = 3_600;
const MICROS: i64 = 1_000_000;

/// What the coverage tables say of a period.
#[derive(Clone, Debug, Default)]
pub(crate) struct Covered {
    /// By sensor's id.
    pub(crate) sensors: BTreeMap<String, Observed>,
    pub(crate) law: Conservation,
    pub(crate) databases: Vec<RegionDatabase>,
    pub(crate) programs: Vec<String>,
}

/// What one reader gathers of the coverage.
#[derive(Default)]
struct Part {
    /// Sensor and hour.
    hours: BTreeMap<(String, i64), (f64, u64)>,
    law: Conservation,
    databases: BTreeMap<(String, Option<i64>), i64>,
    programs: BTreeSet<String>,
}

const LOST: [(&str, &str); 4] = [
    ("lost_ring_packets", "ring"),
    ("lost_queue_packets", "queue"),
    ("lost_crash_packets", "crash"),
    ("unrecorded", "unrecorded"),
];

const TIMES: [&str; 3] = ["hour", "seconds_observed", "watched_addresses"];

/// Reads how much of a period each sensor observed, and nothing else.
pub(crate) fn times(
    store: &Store,
    frame: &Frame,
    progress: &dyn Progress,
) -> Result<(Covered, Vec<Unreadable>), ScanError> {
    read(store, frame, &TIMES, &|_| false, progress)
}

/// Reads the coverage of a period. The law of conservation is summed over the sensors for which `in_report` holds.
pub(crate) fn coverage(
    store: &Store,
    frame: &Frame,
    in_report: &(dyn Fn(&str) -> bool + Sync),
    progress: &dyn Progress,
) -> Result<(Covered, Vec<Unreadable>), ScanError> {
    let outcomes: Vec<_> = Outcome::ALL
        .into_iter()
        .map(|outcome| format!("outcome_{}", outcome.name()))
        .collect();
    let mut columns = TIMES.to_vec();
    columns.extend([
        "seen",
        "observed",
        "recorded",
        "xdp_mode",
        "program_digest",
        "region_database",
        "region_database_built",
    ]);
    columns.extend(outcomes.iter().map(String::as_str));
    columns.extend(LOST.map(|(column, _)| column));
    read(store, frame, &columns, in_report, progress)
}

fn read(
    store: &Store,
    frame: &Frame,
    columns: &[&str],
    in_report: &(dyn Fn(&str) -> bool + Sync),
    progress: &dyn Progress,
) -> Result<(Covered, Vec<Unreadable>), ScanError> {
    let (from, to) = frame.seconds();
    let files = store.files(Table::Coverage, frame.utc_days())?;
    progress.expect(files.len());
    let fold = |part: &mut Part, place: &Place, columns: Columns<'_>| {
        time_rows(part, place, columns, from..to)?;
        if in_report(&place.sensor) {
            law_rows(part, columns, from..to)?;
        }
        Ok(())
    };
    let found = scan::<Part>(store, &files, columns, &fold, &|| progress.advance())?;
    Ok((gather(frame, found.parts), found.unreadable))
}

/// Seconds observed of each hour.
fn time_rows(
    part: &mut Part,
    place: &Place,
    columns: Columns<'_>,
    period: std::ops::Range<i64>,
) -> Result<(), String> {
    let hours = columns.times("hour")?;
    let (seconds, addresses) = (
        columns.reals("seconds_observed")?,
        columns.counts("watched_addresses")?,
    );
    for row in 0..columns.0.num_rows() {
        let hour = hours.value(row).div_euclid(MICROS);
        if !period.contains(&hour) {
            continue;
        }
        let of_hour = part
            .hours
            .entry((place.sensor.clone(), hour - hour.rem_euclid(HOUR)))
            .or_default();
        // A sensor that began the hour anew has two parts of it.
        let observed_seconds = seconds.value(row);
        if observed_seconds.is_finite() {
            of_hour.0 = (of_hour.0 + observed_seconds.max(0.0)).min(3_600.0);
        }
        of_hour.1 = u64::try_from(addresses.value(row)).unwrap_or(0);
    }
    Ok(())
}

/// What was counted in each hour, and what with.
fn law_rows(part: &mut Part, columns: Columns<'_>, period: std::ops::Range<i64>) -> Result<(), String> {
    let hours = columns.times("hour")?;
    let counts = |name: &str| columns.counts(name);
    let (seen, observed, recorded) = (counts("seen")?, counts("observed")?, counts("recorded")?);
    // One that came later is missing in the files before.
    let outcomes: Vec<_> = Outcome::ALL
        .into_iter()
        .filter_map(|outcome| {
            let array = counts(&format!("outcome_{}", outcome.name())).ok()?;
            Some((outcome.name(), array))
        })
        .collect();
    let mut lost = Vec::new();
    for (column, reason) in LOST {
        lost.push((reason, counts(column)?));
    }
    let (mode, program) = (columns.text("xdp_mode")?, columns.text("program_digest")?);
    let (database, built) = (
        columns.text("region_database")?,
        columns.times("region_database_built")?,
    );
    for row in 0..columns.0.num_rows() {
        let hour = hours.value(row).div_euclid(MICROS);
        if !period.contains(&hour) {
            continue;
        }
        let whole = |array: &arrow_array::Int64Array| {
            value(array, row, arrow_array::Int64Array::value)
                .and_then(|count| u64::try_from(count).ok())
                .unwrap_or(0)
        };
        part.law.seen += whole(seen);
        part.law.observed += whole(observed);
        part.law.cells += whole(recorded);
        for (name, array) in &outcomes {
            add_to(&mut part.law.outcomes, name, whole(array));
        }
        for (reason, array) in &lost {
            add_to(&mut part.law.lost, reason, whole(array));
        }
        part.programs
            .insert(format!("{} {}", mode.value(row), program.value(row)));
        let built = value(built, row, |array, row| array.value(row).div_euclid(MICROS));
        let first = part
            .databases
            .entry((database.value(row).to_owned(), built))
            .or_insert(hour);
        *first = hour.min(*first);
    }
    Ok(())
}

/// Adds to a sum; its name is copied where it is new alone.
fn add_to(sums: &mut BTreeMap<String, u64>, name: &str, packets: u64) {
    match sums.get_mut(name) {
        Some(sum) => *sum += packets,
        None => {
            sums.insert(name.to_owned(), packets);
        }
    }
}

fn gather(frame: &Frame, parts: Vec<Part>) -> Covered {
    let mut covered = Covered::default();
    let mut databases: BTreeMap<(String, Option<i64>), i64> = BTreeMap::new();
    let mut programs = BTreeSet::new();
    for part in parts {
        for ((sensor, hour), (seconds, addresses)) in part.hours {
            let observed = covered.sensors.entry(sensor).or_insert_with(|| Observed {
                pieces: vec![0.0; frame.pieces()],
                days: vec![0.0; frame.hours.days()],
                ..Observed::default()
            });
            if let Some((piece, day)) = frame.place(hour) {
                observed.pieces[piece] += seconds;
                observed.days[day] += seconds;
            }
            observed.hours.insert(hour, seconds);
            observed.addresses = observed.addresses.max(addresses);
        }
        add_law(&mut covered.law, part.law);
        programs.extend(part.programs);
        for (database, first) in part.databases {
            let known = databases.entry(database).or_insert(first);
            *known = first.min(*known);
        }
    }
    let law = &mut covered.law;
    law.outcomes_difference = difference(law.seen, law.outcomes.values().sum());
    law.difference = difference(law.observed, law.cells + law.lost.values().sum::<u64>());
    covered.databases = databases
        .into_iter()
        .map(|((digest, built), first)| RegionDatabase {
            from: text(first),
            name: match built {
                Some(built) => format!(
                    "{} of {}",
                    short(&digest),
                    &text(built)[..10.min(text(built).len())]
                ),
                None => short(&digest),
            },
        })
        .collect();
    covered.databases.sort();
    covered.programs = programs.into_iter().collect();
    covered
}

fn add_law(law: &mut Conservation, other: Conservation) {
    law.seen += other.seen;
    law.observed += other.observed;
    law.cells += other.cells;
    for (sums, others) in [(&mut law.outcomes, other.outcomes), (&mut law.lost, other.lost)] {
        for (name, packets) in others {
            add_to(sums, &name, packets);
        }
    }
}

fn difference(one: u64, other: u64) -> i64 {
    i64::try_from(i128::from(one) - i128::from(other)).unwrap_or(i64::MAX)
}

/// The first digits of each digest: enough to tell databases apart.
fn short(digests: &str) -> String {
    if digests.is_empty() {
        return "none".to_owned();
    }
    let first = |digest: &str| digest.chars().take(12).collect::<String>();
    digests.split(' ').map(first).collect::<Vec<_>>().join(" ")
}
