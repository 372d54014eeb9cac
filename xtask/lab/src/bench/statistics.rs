//! The middle of several measurements, and how far they lie apart.

use std::fmt;

use serde::Serialize;

/// A median with the range around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one; of an even number, the mean of the middle two.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub most: f64,
}

impl Spread {
    /// Of these measurements; of none, all zeros.
    #[must_use]
    pub fn of(measurements: &[f64]) -> Self {
        let mut sorted = measurements.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else {
            return Self::default();
        };
        let upper = sorted.len() / 2;
        let lower = (sorted.len() - 1) / 2;
        Self {
            median: f64::midpoint(sorted[lower], sorted[upper]),
            least,
            most,
        }
    }

    /// The value below which such a part of the measurements lies: the smallest one that has at least that part at or
    /// below it. Of none, 0.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "measurements are few, and parts of them between none and all"
    )]
    pub fn quantile(measurements: &[f64], part: f64) -> f64 {
        let mut sorted = measurements.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = (part * sorted.len() as f64).ceil() as usize;
        let last = sorted.len().saturating_sub(1);
        sorted
            .get(rank.saturating_sub(1).min(last))
            .copied()
            .unwrap_or(0.0)
    }

    /// The same, each multiplied; by a negative number the least would be the greatest.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            median: self.median * factor,
            least: self.least * factor,
            most: self.most * factor,
        }
    }

    /// How wide the range is, as a part of the median.
    #[must_use]
    pub fn width(&self) -> f64 {
        (self.most - self.least) / self.median
    }
}

impl fmt::Display for Spread {
    /// `median [least–greatest]`, with as many decimals as the format asks for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(1);
        let Self { median, least, most } = self;
        let text = format!("{median:.decimals$} [{least:.decimals$}–{most:.decimals$}]");
        write!(f, "{text:>width$}", width = f.width().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_has_its_part_at_or_below_it() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        for (part, expected) in [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.0, 1.0)] {
            assert!(
                (Spread::quantile(&hundred, part) - expected).abs() < 1e-9,
                "{part}"
            );
        }
        assert!((Spread::quantile(&[3.0], 0.99) - 3.0).abs() < 1e-9);
        assert!(Spread::quantile(&[], 0.5).abs() < 1e-9);
    }

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        for (measurements, median, least, most) in [
            (&[3.0, 1.0, 2.0][..], 2.0, 1.0, 3.0),
            (&[4.0, 1.0, 3.0, 2.0], 2.5, 1.0, 4.0),
            (&[7.0], 7.0, 7.0, 7.0),
            (&[], 0.0, 0.0, 0.0),
            (&[100.0, 1.0, 1.0, 1.0, 1.0], 1.0, 1.0, 100.0),
        ] {
            assert_eq!(Spread::of(measurements), Spread { median, least, most });
        }
    }
}
