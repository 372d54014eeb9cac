//! Surges: hours in which a port or a region had far more packets than it usually has.
//!
//! Usual is the median of the period's hours, over the sensors that observed nearly all of it. An hour belongs to a
//! surge when its packets are above twice the usual, above the usual and eight times the median absolute deviation
//! (times 1.4826, which is one standard deviation of normally distributed hours; Hampel, 1974), and above the usual and
//! five times its square root and 10 packets. Hours of a surge that are at most six apart are one surge; one of fewer
//! than three hours in which less than a usual day's packets came is none. Regions that a new region database changed
//! are left out, and a region's surge that is a port's is told once, as the port's.

use std::collections::BTreeSet;

use sensor_records::{Day, Period, Place, Table};

use super::{
    Progress,
    cube::{COLUMNS, rows},
    explain::Subject,
    hourly::{HourSums, Hourly, LineKey},
    keys::{PortId, RegionId},
    maps::{Map, Set},
    moments::text_in,
    rates::median,
    roster::Observed,
    surge_sources::sources,
};
use crate::{
    model::{Key, Share, Surge},
    period::Zone,
    scan::{Columns, ScanError, Unreadable, scan},
    store::Store,
};

const HOUR: i64 = 3_600;
const DEVIATIONS: f64 = 8.0 * 1.4826;
const TIMES: f64 = 2.0;
const ROOTS: f64 = 5.0;
const PACKETS: f64 = 10.0;
const GAP_HOURS: i64 = 6;
const SHORT_HOURS: usize = 3;
const HOURS_OF_DAY: f64 = 24.0;
const MOST_SURGES: usize = 20;
const PARTS: usize = 3;
/// A region's surge is that of a port when the port has so much of its packets.
const SAME: f64 = 0.9;

/// A run of hours.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) subject: Subject,
    pub(crate) from: i64,
    pub(crate) to: i64,
    hours: usize,
    usual: f64,
    peak: u64,
    excess: f64,
    sums: HourSums,
}

impl Run {
    /// The part of its packets that came from the largest source of each hour, where rows are large enough to tell;
    /// 0 where they are not.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub(crate) fn largest_source(&self) -> f64 {
        // Unless most packets tell, those that do say nothing of the others.
        if self.sums.telling == 0 || self.sums.telling * 2 < self.sums.packets {
            return 0.0;
        }
        self.sums.largest as f64 / self.sums.telling as f64
    }
}

/// The largest surges of a period, by their beginning.
///
/// `shifted` has the regions that a new region database gave packets to or took them from: these have no usual hour.
pub(crate) fn runs(hourly: &Hourly, steady: &[&Observed], shifted: &Set<Subject>) -> Vec<Run> {
    // An hour that one of them missed is not compared with the others.
    let hours: Vec<i64> = steady.first().map_or(Vec::new(), |first| {
        let all_observed = |hour: &i64| {
            steady
                .iter()
                .all(|sensor| sensor.hours.get(hour).is_some_and(|seconds| *seconds > 0.0))
        };
        first.hours.keys().copied().filter(all_observed).collect()
    });
    let lines: Set<LineKey> = hourly.hours.keys().map(|(line, _)| *line).collect();
    let mut runs: Vec<_> = lines
        .into_iter()
        .filter_map(|line| match line {
            LineKey::Port(port) => Some((line, Subject::Port(port))),
            LineKey::Region(region) => Some((line, Subject::Region(region))),
            _ => None,
        })
        .filter(|(_, subject)| !shifted.contains(subject))
        .flat_map(|(line, subject)| runs_of(hourly, line, subject, &hours))
        .collect();
    runs.sort_by(|one, other| other.excess.total_cmp(&one.excess));
    runs.truncate(MOST_SURGES);
    runs.sort_by_key(|run| (run.from, run.to, run.subject));
    runs
}

#[expect(clippy::cast_precision_loss, reason = "packets of an hour")]
fn runs_of(hourly: &Hourly, line: LineKey, subject: Subject, hours: &[i64]) -> Vec<Run> {
    let sums_of = |hour: i64| hourly.hours.get(&(line, hour)).copied().unwrap_or_default();
    let packets: Vec<f64> = hours.iter().map(|hour| sums_of(*hour).packets as f64).collect();
    let usual = median(packets.clone());
    let deviation = median(packets.iter().map(|packets| (packets - usual).abs()).collect());
    let limit = (usual * TIMES)
        .max(usual + DEVIATIONS * deviation)
        .max(usual + ROOTS * usual.sqrt() + PACKETS);
    let mut runs: Vec<Run> = Vec::new();
    for (hour, packets) in hours.iter().zip(packets).filter(|(_, packets)| *packets > limit) {
        let sums = sums_of(*hour);
        match runs.last_mut() {
            Some(run) if hour - run.to <= GAP_HOURS * HOUR => {
                run.to = hour + HOUR;
                run.hours += 1;
                run.peak = run.peak.max(sums.packets);
                run.excess += packets - usual;
                run.sums.add(sums);
            }
            _ => runs.push(Run {
                subject,
                from: *hour,
                to: hour + HOUR,
                hours: 1,
                usual,
                peak: sums.packets,
                excess: packets - usual,
                sums,
            }),
        }
    }
    runs.retain(|run| run.hours >= SHORT_HOURS || run.excess >= usual * HOURS_OF_DAY);
    runs
}

/// Packets of each surge by what they are made of.
#[derive(Default)]
struct Parts {
    ports: Map<(usize, PortId), u64>,
    regions: Map<(usize, RegionId), u64>,
    sensors: Map<(usize, u16), u64>,
}

/// Reads the hours of surges once more, for what these are made of.
pub(crate) fn surges(
    store: &Store,
    runs: &[Run],
    numbers: &Map<String, u16>,
    steady: &Set<u16>,
    zone: &Zone,
    progress: &dyn Progress,
) -> Result<(Vec<Surge>, Vec<Unreadable>), ScanError> {
    let (sources, mut unreadable) = sources(store, runs, numbers, steady, progress)?;
    let files = hours_of(store, Table::Cells, runs, numbers, steady)?;
    progress.expect(files.len());
    let fold = |part: &mut Parts, place: &Place, columns: Columns<'_>| {
        let Some(sensor) = numbers
            .get(&place.sensor)
            .filter(|sensor| steady.contains(sensor))
        else {
            return Ok(());
        };
        rows(columns, true, |row| {
            let Some(hour) = row.hour.filter(|_| row.is_scan) else {
                return;
            };
            for (index, run) in runs.iter().enumerate() {
                let is_in = match run.subject {
                    Subject::Port(port) => port == row.port,
                    Subject::Region(region) => region == row.region,
                };
                if is_in && (run.from..run.to).contains(&hour) {
                    *part.ports.entry((index, row.port)).or_default() += row.packets;
                    *part.regions.entry((index, row.region)).or_default() += row.packets;
                    *part.sensors.entry((index, *sensor)).or_default() += row.packets;
                }
            }
        })
    };
    let found = scan::<Parts>(store, &files, &COLUMNS, &fold, &|| progress.advance())?;
    let mut parts = Parts::default();
    for part in found.parts {
        add(&mut parts.ports, part.ports);
        add(&mut parts.regions, part.regions);
        add(&mut parts.sensors, part.sensors);
    }
    let surges = runs.iter().enumerate();
    let surges: Vec<_> = surges
        .zip(sources)
        .filter_map(|((index, run), sources)| surge(index, run, &parts, sources, zone))
        .collect();
    let once = surges.iter().filter(|surge| !is_told_by_a_port(surge, &surges));
    unreadable.extend(found.unreadable);
    Ok((once.cloned().collect(), unreadable))
}

/// Whether a region's surge is that of a port, which is told besides and names the region.
fn is_told_by_a_port(surge: &Surge, surges: &[Surge]) -> bool {
    let (Key::SourceRegion(_), Some(part)) = (&surge.subject, surge.ports.first()) else {
        return false;
    };
    let same = |other: &&Surge| {
        other.subject == Key::Port(part.key.clone()) && other.from <= surge.to && surge.from <= other.to
    };
    part.share >= SAME && surges.iter().any(|other| same(&other))
}

fn add<K: std::hash::Hash + Eq>(sums: &mut Map<K, u64>, others: Map<K, u64>) {
    for (key, packets) in others {
        *sums.entry(key).or_default() += packets;
    }
}

/// The files of the hours of surges, of the steady sensors.
pub(super) fn hours_of(
    store: &Store,
    table: Table,
    runs: &[Run],
    numbers: &Map<String, u16>,
    steady: &Set<u16>,
) -> Result<Vec<Place>, ScanError> {
    let days: BTreeSet<Day> = runs
        .iter()
        .flat_map(|run| {
            let days = std::iter::successors(Some(Day::of(run.from)), |day| Some(day.plus(1)));
            days.take_while(|day| *day <= Day::of(run.to - 1))
        })
        .collect();
    let mut files = Vec::new();
    for day in days {
        files.extend(store.files(table, day..=day)?);
    }
    files.retain(|place| {
        let is_steady = numbers
            .get(&place.sensor)
            .is_some_and(|number| steady.contains(number));
        let Period::Hour(hour, _) = place.period else {
            return false;
        };
        let hour = place.day.begins() + i64::from(hour) * HOUR;
        is_steady && runs.iter().any(|run| (run.from..run.to).contains(&hour))
    });
    Ok(files)
}

fn surge(index: usize, run: &Run, parts: &Parts, sources: Option<f64>, zone: &Zone) -> Option<Surge> {
    let packets = parts
        .sensors
        .iter()
        .filter(|((of, _), _)| *of == index)
        .map(|(_, packets)| packets)
        .sum();
    Some(Surge {
        subject: run.subject.key()?,
        from: text_in(zone, run.from),
        to: text_in(zone, run.to),
        hours: run.hours,
        packets,
        excess: run.excess,
        usual: run.usual,
        peak: run.peak,
        ports: shares(index, &parts.ports, packets, PortId::port),
        source_regions: shares(index, &parts.regions, packets, RegionId::region),
        sensors: parts.sensors.keys().filter(|(of, _)| *of == index).count(),
        sources,
        largest_source: run.largest_source(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn shares<K: Copy + Ord, M>(
    index: usize,
    parts: &Map<(usize, K), u64>,
    whole: u64,
    model: impl Fn(K) -> Option<M>,
) -> Vec<Share<M>> {
    let mut parts: Vec<_> = parts
        .iter()
        .filter(|((of, _), _)| *of == index)
        .map(|((_, key), packets)| (std::cmp::Reverse(*packets), *key))
        .collect();
    parts.sort_unstable();
    let shares = parts.into_iter().take(PARTS).filter_map(|(packets, key)| {
        Some(Share {
            key: model(key)?,
            packets: packets.0,
            share: packets.0 as f64 / whole.max(1) as f64,
        })
    });
    shares.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady(hours: i64) -> Observed {
        Observed {
            hours: (0..hours).map(|hour| (hour * HOUR, 3_600.0)).collect(),
            ..Observed::default()
        }
    }

    fn line(packets: impl Fn(i64) -> u64, hours: i64) -> Hourly {
        let line = LineKey::Port(PortId::of_scan("tcp", Some(23)));
        let sums = |hour: i64| HourSums {
            packets: packets(hour),
            telling: packets(hour),
            largest: packets(hour) / 2,
        };
        Hourly {
            hours: (0..hours).map(|hour| ((line, hour * HOUR), sums(hour))).collect(),
            ..Hourly::default()
        }
    }

    #[test]
    fn a_surge_is_found_with_its_hours_and_ordinary_noise_is_none() {
        let observed = steady(500);
        let noise = |hour: i64| 100 + (hour * 7_919 % 41).unsigned_abs();
        assert!(runs(&line(noise, 500), &[&observed], &Set::default()).is_empty());
        let surge = |hour: i64| {
            if (100..124).contains(&hour) {
                900
            } else {
                noise(hour)
            }
        };
        let found = runs(&line(surge, 500), &[&observed], &Set::default());
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].from, found[0].to, found[0].hours),
            (100 * HOUR, 124 * HOUR, 24)
        );
        assert_eq!(found[0].peak, 900);
        assert!((found[0].largest_source() - 0.5).abs() < 0.01);
    }

    #[test]
    fn a_gap_of_hours_does_not_cut_a_surge_and_an_hour_that_was_not_observed_is_not_compared() {
        let mut observed = steady(500);
        let surge = |hour: i64| {
            if (100..110).contains(&hour) || (114..120).contains(&hour) {
                900
            } else {
                100
            }
        };
        assert_eq!(runs(&line(surge, 500), &[&observed], &Set::default()).len(), 1);
        observed
            .hours
            .retain(|hour, _| !(100..120).contains(&(hour / HOUR)));
        assert!(runs(&line(surge, 500), &[&observed], &Set::default()).is_empty());
    }
}
