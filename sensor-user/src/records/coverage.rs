//! What an interval saw: the difference of two readings of the totals.

use std::collections::BTreeMap;

use sensor_common::{Class, Observation, Outcome};
use sensor_keep::{HOUR, hour_of};
use sensor_records::{Micros, Outcomes, rows::CoverageRow};

use super::rows::count;
use crate::{pipeline::totals::KernelTotals, region::RegionInfo};

/// The counts of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    outcomes: [u64; Outcome::COUNT],
    classes: [u64; Class::ALL.len()],
    /// Records and packets that the ring refused, that the queue did, and that died with a daemon.
    lost: [(u64, u64); 3],
}

impl Reading {
    /// What the totals say, with what the queue refused, and what died with daemons before this one.
    #[must_use]
    pub fn of(totals: &KernelTotals, lost_queue: (u64, u64), lost_crash: (u64, u64)) -> Self {
        Self {
            outcomes: Outcome::ALL.map(|outcome| totals.outcome(outcome)),
            classes: totals.classes,
            lost: [
                (totals.losses.lost_records, totals.losses.lost_packets),
                lost_queue,
                lost_crash,
            ],
        }
    }

    /// What of it outlives a daemon: what the kernel counts.
    #[must_use]
    pub fn counters(&self) -> Vec<u64> {
        let (records, packets) = self.lost[0];
        let rest = [records, packets];
        self.outcomes
            .iter()
            .chain(&self.classes)
            .chain(&rest)
            .copied()
            .collect()
    }

    /// What [`Self::counters`] gave; `None` for what a program of another layout counted.
    #[must_use]
    pub fn from_counters(counters: &[u64]) -> Option<Self> {
        let mut reading = Self::default();
        let (outcomes, rest) = counters.split_at_checked(reading.outcomes.len())?;
        let (classes, rest) = rest.split_at_checked(reading.classes.len())?;
        reading.outcomes.copy_from_slice(outcomes);
        reading.classes.copy_from_slice(classes);
        let [records, packets] = *rest else { return None };
        reading.lost[0] = (records, packets);
        Some(reading)
    }

    /// Counts a packet, for packets that do not come through the kernel.
    pub fn count(&mut self, result: Result<&Observation, Outcome>) {
        let outcome = match result {
            Ok(observation) => {
                self.classes[observation.class as usize - 1] += 1;
                observation.outcome()
            }
            Err(outcome) => outcome,
        };
        self.outcomes[outcome as usize] += 1;
    }

    /// What came since an earlier reading, as a row of the coverage.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> CoverageRow {
        // A counter never goes back; one that did would show as a sum that does not fit, not as a huge number.
        let gained = |now: u64, then: u64| count(now.wrapping_sub(then));
        let mut outcomes = Outcomes::default();
        for (place, gain) in outcomes.0.iter_mut().enumerate() {
            *gain = gained(self.outcomes[place], earlier.outcomes[place]);
        }
        let class = |class: Class| {
            let place = class as usize - 1;
            gained(self.classes[place], earlier.classes[place])
        };
        let lost = |place: usize| {
            let ((records, packets), (then_records, then_packets)) = (self.lost[place], earlier.lost[place]);
            (gained(records, then_records), gained(packets, then_packets))
        };
        let (ring, queue, crash) = (lost(0), lost(1), lost(2));
        CoverageRow {
            seen: outcomes.0.iter().sum(),
            observed: Outcome::ALL
                .into_iter()
                .filter(|outcome| outcome.is_observed())
                .map(|outcome| outcomes.0[outcome as usize])
                .sum(),
            outcome: outcomes,
            class_scan: class(Class::Scan),
            class_backscatter: class(Class::Backscatter),
            class_other: class(Class::Other),
            lost_ring_records: ring.0,
            lost_ring_packets: ring.1,
            lost_queue_records: queue.0,
            lost_queue_packets: queue.1,
            lost_crash_records: crash.0,
            lost_crash_packets: crash.1,
            ..CoverageRow::default()
        }
    }
}

/// What does not change from interval to interval.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// Watched IPv4 addresses.
    pub watched_addresses: u64,
    /// `native`, `generic` or `replay`.
    pub xdp_mode: String,
    /// SHA-256 of the program.
    pub program_digest: String,
}

impl Circumstances {
    /// Puts them into a row, with the region database of the moment.
    pub fn put(&self, row: &mut CoverageRow, regions: &RegionInfo) {
        row.watched_addresses = count(self.watched_addresses);
        row.xdp_mode.clone_from(&self.xdp_mode);
        row.program_digest.clone_from(&self.program_digest);
        let digests: Vec<String> = regions
            .regions
            .iter()
            .map(|file| file.sha256.to_string())
            .collect();
        row.region_database = digests.join(" ");
        let built = regions.built_seconds();
        row.region_database_built = built.map(|built| Micros::from_seconds(count(built)));
    }
}

/// Splits the seconds from `begin` to `end` by the hours that they are in.
#[must_use]
pub fn seconds_by_hour(begin: f64, end: f64) -> BTreeMap<i64, f64> {
    let mut hours = BTreeMap::new();
    if !(end - begin).is_finite() || end <= begin {
        return hours;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "times of day are far below 2^53 seconds"
    )]
    let mut hour = hour_of(begin.floor() as i64);
    // A clock that was set by more than a day has no hours in between that were observed.
    for _ in 0..24 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "times of day are far below 2^53 seconds"
        )]
        let (from, to) = (hour as f64, (hour + HOUR) as f64);
        let within = end.min(to) - begin.max(from);
        if within <= 0.0 {
            break;
        }
        hours.insert(hour, within);
        hour += HOUR;
    }
    hours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_over_the_turn_of_the_hour_is_split() {
        let split = seconds_by_hour(3_595.0, 7_203.5);
        let expected = BTreeMap::from([(0, 5.0), (3_600, 3_600.0), (7_200, 3.5)]);
        assert_eq!(split, expected);
        assert_eq!(seconds_by_hour(10.0, 20.0), BTreeMap::from([(0, 10.0)]));
        assert!(seconds_by_hour(20.0, 10.0).is_empty());
    }

    #[test]
    fn a_reading_since_another_has_what_came_between() {
        let mut totals = KernelTotals::zero();
        totals.outcomes[Outcome::ObservedTcp as usize] = 10;
        totals.classes = [7, 2, 1];
        let first = Reading::of(&totals, (0, 0), (0, 0));
        totals.outcomes[Outcome::ObservedTcp as usize] = 15;
        totals.outcomes[Outcome::NotIp as usize] = 3;
        totals.classes = [11, 3, 1];
        totals.losses.lost_packets = 4;
        let row = Reading::of(&totals, (1, 2), (0, 0)).since(&first);
        assert_eq!((row.seen, row.observed), (8, 5));
        assert_eq!(
            (row.class_scan, row.class_backscatter, row.class_other),
            (4, 1, 0)
        );
        assert_eq!(
            (
                row.lost_ring_packets,
                row.lost_queue_records,
                row.lost_queue_packets
            ),
            (4, 1, 2)
        );
        assert_eq!(row.outcome.0[Outcome::NotIp as usize], 3);
    }
}
