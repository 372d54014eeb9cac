//! Lines of figures by day, from the hours that were read.

use std::collections::BTreeMap;

use super::{
    hourly::{Hourly, LineKey},
    rank::Known,
};
use crate::model::{Line, Measure, Series, Step};

const DAY: f64 = 86_400.0;

/// Draws lines over the days of a period, for a set of sensors.
pub(crate) struct Lines<'known> {
    pub(crate) known: &'known Known,
    pub(crate) hourly: &'known Hourly,
    pub(crate) measure: Measure,
    pub(crate) sensors: Vec<u16>,
}

impl Lines<'_> {
    /// One line for each of the keys, with its name.
    pub(crate) fn series<K>(&self, keys: impl IntoIterator<Item = (LineKey, K)>) -> Series<K> {
        let lines = keys.into_iter().map(|(line, key)| Line {
            key,
            values: self.line(line),
        });
        Series {
            step: Step::Day,
            at: self.known.frame.period.dates().collect(),
            lines: lines.collect(),
        }
    }

    /// Each day by the report's measure, over the sensors that observed on it; `None` where none did.
    fn line(&self, line: LineKey) -> Vec<Option<f64>> {
        (0..self.known.frame.hours.days())
            .map(|day| self.value(line, day))
            .collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate is no count")]
    fn value(&self, line: LineKey, day: usize) -> Option<f64> {
        let number = u16::try_from(day).ok()?;
        let mut rates = BTreeMap::new();
        let mut total = 0;
        for sensor in &self.sensors {
            let Some(observed) = self.known.observed.get(sensor) else {
                continue;
            };
            let seconds = observed.days.get(day).copied().unwrap_or(0.0);
            if seconds <= 0.0 {
                continue;
            }
            let packets = self
                .hourly
                .days
                .get(&(number, *sensor, line))
                .copied()
                .unwrap_or(0);
            total += packets;
            let addresses = match self.measure {
                Measure::Address => observed.addresses.max(1) as f64,
                _ => 1.0,
            };
            rates.insert(*sensor, packets as f64 / (seconds / DAY) / addresses);
        }
        if rates.is_empty() {
            return None;
        }
        Some(match self.measure {
            Measure::Total => total as f64,
            Measure::Median => super::rates::median(rates.into_values().collect()),
            Measure::Sensor | Measure::Address => rates.values().sum::<f64>() / rates.len() as f64,
        })
    }

    /// How many days any of the sensors observed on.
    pub(crate) fn days_observed(&self) -> usize {
        (0..self.known.frame.hours.days())
            .filter(|day| self.value(LineKey::All, *day).is_some())
            .count()
    }
}
