//! Axes of values: from 0 to a round number above the largest.

use super::{Tick, tenth};
use crate::page::words;

/// An axis from 0 up.
pub(super) struct Scale {
    most: f64,
    step: f64,
}

impl Scale {
    /// With about `ticks` steps of 1, 2, 2.5 or 5 times a power of ten.
    pub(super) fn new(largest: f64, ticks: f64) -> Self {
        let largest = if largest.is_finite() && largest > 0.0 {
            largest
        } else {
            1.0
        };
        let raw = largest / ticks;
        let power = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|times| times * power)
            .find(|step| *step >= raw * (1.0 - 1e-9))
            .unwrap_or(10.0 * power);
        Self {
            most: (largest / step).ceil() * step,
            step,
        }
    }

    /// Where a value stands, from 0 to 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        value / self.most
    }

    /// Its ticks, each at its place between `from` and `to`.
    pub(super) fn ticks(&self, from: f64, to: f64) -> Vec<Tick> {
        let mut ticks = Vec::new();
        let mut number = 0_u32;
        loop {
            let value = f64::from(number) * self.step;
            if value > self.most * (1.0 + 1e-9) || number > 20 {
                return ticks;
            }
            ticks.push(Tick {
                at: tenth(from + (to - from) * self.place(value)),
                label: words::tick(value, self.step),
            });
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_that_holds_the_largest_value() {
        for (largest, last) in [
            (1.0, "1.0"),
            (7.3, "8"),
            (99.0, "100"),
            (101.0, "125"),
            (0.013, "0.015"),
            (45_000.0, "50,000"),
            (0.0, "1.0"),
            (f64::NAN, "1.0"),
        ] {
            let scale = Scale::new(largest, 5.0);
            let ticks = scale.ticks(0.0, 100.0);
            assert!((3..=7).contains(&ticks.len()), "{largest}: {ticks:?}");
            let end = ticks.last().unwrap();
            assert!((end.at - 100.0).abs() < 0.1, "{largest}: {ticks:?}");
            assert_eq!(end.label, last, "{largest}");
        }
    }
}
