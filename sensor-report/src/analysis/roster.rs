//! Which sensors there are, where they stand, and how much of the time each observed.

use std::collections::{BTreeMap, BTreeSet};

use sensor_common::Outcome;
use sensor_records::{Place, Table};

use super::{Progress, frame::Frame};
use crate::{
    model::{Conservation, Outage, Region, RegionDatabase, SensorCoverage},
    period::Zone,
    scan::{Columns, ScanError, Unreadable, scan, value},
    store::Store,
};

const HOUR: i64 = 3_600;
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

/// What the coverage tables say of a period.
#[derive(Clone, Debug, Default)]
pub(crate) struct Covered {
    /// By sensor's id.
    pub(crate) sensors: BTreeMap<String, Observed>,
    pub(crate) law: Conservation,
    pub(crate) databases: Vec<RegionDatabase>,
    pub(crate) programs: Vec<String>,
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

/// Reads the coverage of a period. The law of conservation is summed over the sensors for which `in_report` holds.
pub(crate) fn coverage(
    store: &Store,
    frame: &Frame,
    in_report: &(dyn Fn(&str) -> bool + Sync),
    progress: &dyn Progress,
) -> Result<(Covered, Vec<Unreadable>), ScanError> {
    let (from, to) = frame.seconds();
    let files = store.files(Table::Coverage, frame.utc_days())?;
    let outcomes: Vec<_> = Outcome::ALL
        .into_iter()
        .map(|outcome| format!("outcome_{}", outcome.name()))
        .collect();
    let mut columns = vec![
        "hour",
        "seconds_observed",
        "watched_addresses",
        "seen",
        "observed",
        "recorded",
        "xdp_mode",
        "program_digest",
        "region_database",
        "region_database_built",
    ];
    columns.extend(outcomes.iter().map(String::as_str));
    columns.extend(LOST.map(|(column, _)| column));
    let fold = |part: &mut Part, place: &Place, columns: Columns<'_>| {
        coverage_rows(part, place, columns, from..to, in_report(&place.sensor))
    };
    let found = scan::<Part>(store, &files, &columns, &fold, &|| progress.advance())?;
    Ok((gather(frame, found.parts), found.unreadable))
}

fn coverage_rows(
    part: &mut Part,
    place: &Place,
    columns: Columns<'_>,
    period: std::ops::Range<i64>,
    in_report: bool,
) -> Result<(), String> {
    let hours = columns.times("hour")?;
    let (seconds, addresses) = (
        columns.reals("seconds_observed")?,
        columns.counts("watched_addresses")?,
    );
    let counts = |name: &str| columns.counts(name);
    let (seen, observed, recorded) = (counts("seen")?, counts("observed")?, counts("recorded")?);
    let lost = LOST.map(|(column, reason)| (counts(column), reason));
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
        if !in_report {
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
        for outcome in Outcome::ALL {
            // One that came later is missing in the files before.
            if let Ok(array) = counts(&format!("outcome_{}", outcome.name())) {
                *part.law.outcomes.entry(outcome.name().to_owned()).or_default() += whole(array);
            }
        }
        for (array, reason) in &lost {
            let array = array.as_ref().map_err(Clone::clone)?;
            *part.law.lost.entry((*reason).to_owned()).or_default() += whole(array);
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
            *sums.entry(name).or_default() += packets;
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

pub(crate) fn text(second: i64) -> String {
    jiff::Timestamp::from_second(second).map_or(String::new(), |time| time.to_string())
}

/// The same in a time zone, with its offset.
pub(crate) fn text_in(zone: &Zone, second: i64) -> String {
    let Ok(time) = jiff::Timestamp::from_second(second) else {
        return String::new();
    };
    time.to_zoned(zone.time_zone().clone())
        .strftime("%Y-%m-%dT%H:%M:%S%:z")
        .to_string()
}

/// When the last of the sensors was seen to observe within the period: what comes after is not yet, and no outage.
pub(crate) fn known_until(frame: &Frame, covered: &Covered) -> i64 {
    let last = |observed: &Observed| {
        observed
            .hours
            .keys()
            .next_back()
            .map_or(i64::MIN, |hour| hour + HOUR)
    };
    let known = covered.sensors.values().map(last).max();
    known
        .unwrap_or(i64::MIN)
        .clamp(frame.seconds().0, frame.seconds().1)
}

/// What a sensor observed of the time in which it was in service, and what it missed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "seconds of a period"
)]
pub(crate) fn outages(
    sensor: &Sensor,
    observed: &Observed,
    frame: &Frame,
    until: i64,
    zone: &Zone,
) -> (SensorCoverage, Vec<Outage>) {
    let from = sensor.in_service_from.max(frame.seconds().0);
    let mut outages: Vec<(i64, i64, u64)> = Vec::new();
    let mut hour = from - from.rem_euclid(HOUR);
    while hour < until {
        let expected = (hour + HOUR).min(until) - hour.max(from);
        let seconds = observed.hours.get(&hour).copied().unwrap_or(0.0);
        // Less than a second is the clock's grain, not a gap.
        let missing = (expected as f64 - seconds).floor().max(0.0) as u64;
        if missing > 0 {
            match outages.last_mut() {
                Some((_, to, seconds)) if *to == hour => {
                    *to = hour + HOUR;
                    *seconds += missing;
                }
                _ => outages.push((hour, hour + HOUR, missing)),
            }
        }
        hour += HOUR;
    }
    let outages = outages.into_iter().map(|(from, to, seconds)| Outage {
        sensor: sensor.name.clone(),
        from: text_in(zone, from),
        to: text_in(zone, to),
        seconds,
    });
    let coverage = SensorCoverage {
        name: sensor.name.clone(),
        region: sensor.region.clone().unwrap_or_else(|| Region("ZZ".to_owned())),
        observed_seconds: observed.seconds() as u64,
        expected_seconds: (until - from).max(0) as u64,
    };
    (coverage, outages.collect())
}
