//! Ranks of ports and of regions, in this period and the one before.

use std::{collections::BTreeMap, hash::Hash};

use super::{
    cube::{CellKey, Cube},
    frame::Frame,
    maps::Map,
    rates::{BySensor, Weights, group},
    roster::Observed,
};
use crate::model::{Change, Measure, PreviousRank, Ranked, Span, TenDays};

/// What is known of a period.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) frame: Frame,
    pub(crate) cube: Cube,
    /// By the sensor's number.
    pub(crate) observed: BTreeMap<u16, Observed>,
}

/// Two periods on a set of sensors.
#[derive(Clone, Debug)]
pub(crate) struct Compared<'known> {
    pub(crate) before: &'known Known,
    pub(crate) now: &'known Known,
    pub(crate) measure: Measure,
    sensors: Vec<u16>,
    /// All sensors of the set that observed in each period.
    pub(crate) weights: Change<Weights>,
    /// Those that observed in both.
    pub(crate) common: Change<Weights>,
}

/// A row of a table, before it has its words.
#[derive(Clone, Debug)]
pub(crate) struct Entry<K> {
    pub(crate) key: K,
    pub(crate) rank: Option<usize>,
    pub(crate) previous_rank: PreviousRank,
    /// Over all sensors of the set.
    pub(crate) rates: Change<f64>,
    /// Over the sensors that are in both periods.
    pub(crate) comparable: Change<f64>,
    pub(crate) packets: Change<u64>,
}

impl<'known> Compared<'known> {
    pub(crate) fn new(
        before: &'known Known,
        now: &'known Known,
        measure: Measure,
        in_set: impl Fn(u16) -> bool,
    ) -> Self {
        let of = |known: &'known Known| -> Vec<(u16, &'known Observed)> {
            known
                .observed
                .iter()
                .filter(|(number, observed)| in_set(**number) && observed.seconds() > 0.0)
                .map(|(number, observed)| (*number, observed))
                .collect()
        };
        let (earlier, later) = (of(before), of(now));
        let both = |one: &[(u16, &'known Observed)], other: &[(u16, &'known Observed)]| {
            let is_in_other = |number: u16| other.iter().any(|(found, _)| *found == number);
            one.iter()
                .copied()
                .filter(|(number, _)| is_in_other(*number))
                .collect::<Vec<_>>()
        };
        let mut sensors: Vec<_> = earlier.iter().chain(&later).map(|(number, _)| *number).collect();
        sensors.sort_unstable();
        sensors.dedup();
        Self {
            before,
            now,
            measure,
            sensors,
            common: Change {
                before: Weights::new(measure, both(&earlier, &later), None),
                after: Weights::new(measure, both(&later, &earlier), None),
            },
            weights: Change {
                before: Weights::new(measure, earlier, None),
                after: Weights::new(measure, later, None),
            },
        }
    }

    pub(crate) fn has_previous(&self) -> bool {
        self.weights.before.sensors() > 0
    }

    pub(crate) fn has_sensor(&self, sensor: u16) -> bool {
        self.sensors.binary_search(&sensor).is_ok()
    }

    /// The weights of two sides of a comparison within this period, over the sensors of the set that observed in both.
    pub(crate) fn side_weights(&self, sides: &[Vec<usize>; 2]) -> [Weights; 2] {
        let seconds = |observed: &Observed, side: &[usize]| -> f64 {
            side.iter().filter_map(|piece| observed.pieces.get(*piece)).sum()
        };
        let in_both: Vec<_> = self
            .now
            .observed
            .iter()
            .filter(|(number, observed)| {
                self.has_sensor(**number) && sides.iter().all(|side| seconds(observed, side) > 0.0)
            })
            .map(|(number, observed)| (*number, observed))
            .collect();
        sides
            .each_ref()
            .map(|side| Weights::new(self.measure, in_both.clone(), Some(side)))
    }

    /// Every entry of a table, by rank; what was seen in the previous period alone comes last.
    pub(crate) fn table<K: Hash + Ord + Copy>(
        &self,
        select: impl Fn(&CellKey) -> bool,
        key: impl Fn(&CellKey) -> Option<K>,
    ) -> Vec<Entry<K>> {
        let groups = |known: &Known| {
            let mut groups = group(
                &known.cube,
                |cell| self.has_sensor(cell.sensor) && select(cell),
                &key,
            );
            groups.remove(&None);
            groups
                .into_iter()
                .filter_map(|(key, packets)| Some((key?, packets)))
                .collect::<Map<K, BySensor>>()
        };
        let (before, now) = (groups(self.before), groups(self.now));
        let nothing = BySensor::new();
        let mut entries: Vec<_> = before
            .keys()
            .chain(now.keys().filter(|key| !before.contains_key(key)))
            .map(|key| {
                let packets = Change {
                    before: before.get(key).unwrap_or(&nothing),
                    after: now.get(key).unwrap_or(&nothing),
                };
                self.entry(*key, packets)
            })
            .collect();
        give_ranks(&mut entries);
        entries
    }

    fn entry<K>(&self, key: K, packets: Change<&BySensor>) -> Entry<K> {
        let rates = |weights: &Change<Weights>| Change {
            before: weights.before.rate(packets.before),
            after: weights.after.rate(packets.after),
        };
        let sum = |weights: &Weights, packets: &BySensor| {
            let of_set = packets.iter().filter(|(sensor, _)| weights.has(**sensor));
            of_set.map(|(_, packets)| packets).sum()
        };
        Entry {
            key,
            rank: None,
            previous_rank: if self.has_previous() {
                PreviousRank::New
            } else {
                PreviousRank::NoData
            },
            rates: rates(&self.weights),
            comparable: rates(&self.common),
            packets: Change {
                before: sum(&self.weights.before, packets.before),
                after: sum(&self.weights.after, packets.after),
            },
        }
    }

    /// The averages of the first and the last ten days of what is selected, over the sensors that observed in both.
    pub(crate) fn ten_days(&self, select: impl Fn(&CellKey) -> bool) -> Option<TenDays> {
        let sides = self.now.frame.sides(Span::TenDays)?;
        let weights = self.side_weights(&sides);
        let average = |side: usize| {
            let in_side = |cell: &CellKey| sides[side].contains(&usize::from(cell.piece));
            let packets = group(&self.now.cube, |cell| in_side(cell) && select(cell), |_| ());
            weights[side].rate(packets.get(&()).unwrap_or(&BySensor::new()))
        };
        Some(TenDays {
            first: average(0),
            last: average(1),
        })
    }
}

/// By rate, then by packets, then by key, so that equal rates have the same ranks every time.
fn give_ranks<K: Ord + Copy>(entries: &mut [Entry<K>]) {
    entries.sort_by(|one, other| {
        let rate = other.rates.before.total_cmp(&one.rates.before);
        rate.then(other.packets.before.cmp(&one.packets.before))
            .then(one.key.cmp(&other.key))
    });
    let seen = entries.iter_mut().filter(|entry| entry.packets.before > 0);
    for (rank, entry) in (1..).zip(seen) {
        entry.previous_rank = PreviousRank::Rank(rank);
    }
    entries.sort_by(|one, other| {
        let rate = other.rates.after.total_cmp(&one.rates.after);
        rate.then(other.packets.after.cmp(&one.packets.after))
            .then(one.key.cmp(&other.key))
    });
    let seen = entries.iter_mut().filter(|entry| entry.packets.after > 0);
    for (rank, entry) in (1..).zip(seen) {
        entry.rank = Some(rank);
    }
}

impl<K> Entry<K> {
    /// With its name, its averages and its sources.
    pub(crate) fn ranked<M>(
        &self,
        key: M,
        ten_days: Option<TenDays>,
        sources: Change<Option<f64>>,
    ) -> Ranked<M> {
        Ranked {
            key,
            rank: self.rank,
            previous_rank: self.previous_rank,
            rate: self.rates.after,
            comparable: self.comparable,
            packets: self.packets,
            ten_days,
            sources,
        }
    }
}
