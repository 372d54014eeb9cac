//! What sensors did not observe, by the coverage tables.

use std::collections::BTreeMap;

use sensor_records::{Day, Place, Table};
use serde::Serialize;

use crate::{
    scan::{Columns, ScanError, Unreadable, scan},
    store::Store,
};

const HOUR: i64 = 3_600;
const MICROS: i64 = 1_000_000;

/// A time in which a sensor did not observe, or did not keep all that it observed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// The sensor's id.
    pub sensor: String,
    /// RFC 3339 in UTC.
    pub from: String,
    /// See `from`; it does not belong to the gap.
    pub to: String,
    /// Seconds not observed in between.
    pub seconds: u64,
    /// Packets observed whose detail is not in the tables.
    pub lost_packets: u64,
}

/// What was observed, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Gaps {
    /// Sensors with any coverage.
    pub sensors: usize,
    /// Seconds observed by them all.
    pub observed_seconds: u64,
    /// Seconds from each sensor's first hour to the last hour of all.
    pub expected_seconds: u64,
    /// By sensor and beginning.
    pub gaps: Vec<Gap>,
}

/// Seconds and lost packets by sensor and hour.
type Hours = BTreeMap<(String, i64), (f64, u64)>;

const LOST: [&str; 4] = [
    "lost_ring_packets",
    "lost_queue_packets",
    "lost_crash_packets",
    "unrecorded",
];

/// Reads the coverage from one day of UTC to another; all of it where none is given. The files that could not be read
/// stand beside the answer: their hours look like gaps.
///
/// # Errors
/// When the tables are out of reach.
pub fn gaps(store: &Store, from: Option<Day>, to: Option<Day>) -> Result<(Gaps, Vec<Unreadable>), ScanError> {
    let Some(held) = store.days(Table::Coverage)? else {
        return Ok((Gaps::default(), Vec::new()));
    };
    let from = from.unwrap_or(*held.start()).max(*held.start());
    let to = to.unwrap_or(*held.end()).min(*held.end());
    let files = store.files(Table::Coverage, from..=to)?;
    let mut columns = vec!["hour", "seconds_observed"];
    columns.extend(LOST);
    let found = scan::<Hours>(store, &files, &columns, &rows, &|| {})?;
    let mut hours = Hours::new();
    for (key, (seconds, lost)) in found.parts.into_iter().flatten() {
        let hour = hours.entry(key).or_default();
        hour.0 = (hour.0 + seconds).min(3_600.0);
        hour.1 += lost;
    }
    Ok((find(&hours), found.unreadable))
}

fn rows(part: &mut Hours, place: &Place, columns: Columns<'_>) -> Result<(), String> {
    let (hours, seconds) = (columns.times("hour")?, columns.reals("seconds_observed")?);
    let lost = LOST.map(|column| columns.counts(column));
    for row in 0..columns.0.num_rows() {
        let hour = hours.value(row).div_euclid(MICROS);
        let mut packets = 0;
        for column in &lost {
            let column = column.as_ref().map_err(Clone::clone)?;
            packets += u64::try_from(column.value(row)).unwrap_or(0);
        }
        let seconds = seconds.value(row);
        let of_hour = part
            .entry((place.sensor.clone(), hour - hour.rem_euclid(HOUR)))
            .or_default();
        of_hour.0 += if seconds.is_finite() {
            seconds.max(0.0)
        } else {
            0.0
        };
        of_hour.1 += packets;
    }
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds of hours that were written down"
)]
fn find(hours: &Hours) -> Gaps {
    let mut gaps = Gaps::default();
    let Some(end) = hours.keys().map(|(_, hour)| hour + HOUR).max() else {
        return gaps;
    };
    let mut first: BTreeMap<&str, i64> = BTreeMap::new();
    for (sensor, hour) in hours.keys() {
        let known = first.entry(sensor).or_insert(*hour);
        *known = *hour.min(known);
    }
    let mut observed = 0.0;
    for (sensor, begins) in first {
        gaps.sensors += 1;
        gaps.expected_seconds += (end - begins).unsigned_abs();
        let mut hour = begins;
        let mut open: Option<(i64, i64, u64, u64)> = None;
        while hour < end {
            let (seconds, lost) = hours.get(&(sensor.to_owned(), hour)).copied().unwrap_or((0.0, 0));
            observed += seconds;
            let missing = (3_600.0 - seconds).floor().max(0.0) as u64;
            if missing > 0 || lost > 0 {
                let gap = open.get_or_insert((hour, hour, 0, 0));
                gap.1 = hour + HOUR;
                gap.2 += missing;
                gap.3 += lost;
            } else {
                gaps.gaps.extend(open.take().map(|gap| named(sensor, gap)));
            }
            hour += HOUR;
        }
        gaps.gaps.extend(open.take().map(|gap| named(sensor, gap)));
    }
    gaps.observed_seconds = observed as u64;
    gaps
}

fn named(sensor: &str, (from, to, seconds, lost_packets): (i64, i64, u64, u64)) -> Gap {
    let text =
        |second: i64| jiff::Timestamp::from_second(second).map_or(String::new(), |time| time.to_string());
    Gap {
        sensor: sensor.to_owned(),
        from: text(from),
        to: text(to),
        seconds,
        lost_packets,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_hours_short_hours_and_lost_packets_are_gaps_and_neighbours_are_one() {
        let mut hours = Hours::new();
        for hour in 0..10 {
            hours.insert(("a".to_owned(), hour * HOUR), (3_600.0, 0));
            if hour >= 2 {
                hours.insert(("b".to_owned(), hour * HOUR), (3_600.0, 0));
            }
        }
        hours.remove(&("a".to_owned(), 3 * HOUR));
        hours.insert(("a".to_owned(), 4 * HOUR), (600.0, 0));
        hours.insert(("b".to_owned(), 9 * HOUR), (3_600.0, 7));
        let gaps = find(&hours);
        assert_eq!((gaps.sensors, gaps.expected_seconds), (2, 18 * 3_600));
        assert_eq!(gaps.observed_seconds, 16 * 3_600 + 600);
        let told: Vec<_> = gaps
            .gaps
            .iter()
            .map(|gap| {
                (
                    gap.sensor.as_str(),
                    gap.from.as_str(),
                    gap.to.as_str(),
                    gap.seconds,
                    gap.lost_packets,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("a", "1970-01-01T03:00:00Z", "1970-01-01T05:00:00Z", 6_600, 0),
                ("b", "1970-01-01T09:00:00Z", "1970-01-01T10:00:00Z", 0, 7),
            ]
        );
    }
}
