//! Rates: packets of sensors made comparable by the time that each observed.

use std::{collections::BTreeMap, hash::Hash};

use super::{
    cube::{CellKey, Cube},
    maps::Map,
    roster::Observed,
};
use crate::model::Measure;

const DAY: f64 = 86_400.0;

/// What the packets of each sensor are divided by.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    measure: Measure,
    /// Days observed, times addresses where these count; sensors that observed nothing are not in it.
    divisors: BTreeMap<u16, f64>,
}

/// Packets by sensor.
pub(crate) type BySensor = BTreeMap<u16, u64>;

impl Weights {
    /// Of some sensors, for some pieces of a period.
    #[expect(clippy::cast_precision_loss, reason = "addresses of a sensor")]
    pub(crate) fn new<'a>(
        measure: Measure,
        sensors: impl IntoIterator<Item = (u16, &'a Observed)>,
        pieces: Option<&[usize]>,
    ) -> Self {
        let divisors = sensors.into_iter().filter_map(|(number, observed)| {
            let seconds = match pieces {
                Some(pieces) => pieces
                    .iter()
                    .filter_map(|piece| observed.pieces.get(*piece))
                    .sum::<f64>(),
                None => observed.seconds(),
            };
            let addresses = match measure {
                Measure::Address => observed.addresses.max(1) as f64,
                _ => 1.0,
            };
            (seconds > 0.0).then_some((number, seconds / DAY * addresses))
        });
        Self {
            measure,
            divisors: divisors.collect(),
        }
    }

    pub(crate) fn has(&self, sensor: u16) -> bool {
        self.divisors.contains_key(&sensor)
    }

    pub(crate) fn sensors(&self) -> usize {
        self.divisors.len()
    }

    /// The rate of something, from its packets by sensor.
    #[expect(clippy::cast_precision_loss, reason = "a rate is no count")]
    pub(crate) fn rate(&self, packets: &BySensor) -> f64 {
        let each =
            |(number, divisor): (&u16, &f64)| packets.get(number).copied().unwrap_or(0) as f64 / divisor;
        match self.measure {
            _ if self.divisors.is_empty() => 0.0,
            Measure::Total => self
                .divisors
                .keys()
                .filter_map(|number| packets.get(number))
                .sum::<u64>() as f64,
            Measure::Sensor | Measure::Address => {
                self.divisors.iter().map(each).sum::<f64>() / self.divisors.len() as f64
            }
            Measure::Median => median(self.divisors.iter().map(each).collect()),
        }
    }
}

/// The middle value; of an even number the mean of the two middle ones; 0 of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// Packets by something and sensor, over the cells that are selected.
pub(crate) fn group<K: Hash + Eq>(
    cube: &Cube,
    select: impl Fn(&CellKey) -> bool,
    key: impl Fn(&CellKey) -> K,
) -> Map<K, BySensor> {
    let mut groups: Map<K, BySensor> = Map::default();
    for (cell, packets) in &cube.cells {
        if select(cell) {
            *groups
                .entry(key(cell))
                .or_default()
                .entry(cell.sensor)
                .or_default() += packets;
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(days: f64, addresses: u64) -> Observed {
        Observed {
            pieces: vec![days * DAY],
            addresses,
            ..Observed::default()
        }
    }

    #[test]
    fn a_rate_is_the_mean_over_sensors_each_over_its_own_time() {
        // 10 packets in 1 day, 20 in 10 days, 600 in 2 days on 4 addresses: 10, 2 and 300 a day.
        let sensors = [
            observed(1.0, 1),
            observed(10.0, 1),
            observed(2.0, 4),
            observed(0.0, 1),
        ];
        let packets = BySensor::from([(0, 10), (1, 20), (2, 600), (3, 99)]);
        for (measure, rate) in [
            (Measure::Sensor, 104.0),
            (Measure::Address, 29.0),
            (Measure::Total, 630.0),
            (Measure::Median, 10.0),
        ] {
            let weights = Weights::new(measure, (0..).zip(&sensors), None);
            assert_eq!(weights.sensors(), 3);
            assert!((weights.rate(&packets) - rate).abs() < 1e-9, "{measure:?}");
        }
    }

    #[test]
    fn a_sensor_without_packets_counts_in_the_mean_and_no_sensor_makes_nothing() {
        let sensors = [observed(1.0, 1), observed(1.0, 1)];
        let weights = Weights::new(Measure::Sensor, (0..).zip(&sensors), Some(&[0]));
        assert!((weights.rate(&BySensor::from([(0, 10)])) - 5.0).abs() < 1e-9);
        let none = Weights::new(Measure::Sensor, [], None);
        assert!(none.rate(&BySensor::from([(0, 10)])).abs() < 1e-9);
        assert!((median(vec![1.0, 9.0, 3.0, 5.0]) - 4.0).abs() < 1e-9);
    }
}
