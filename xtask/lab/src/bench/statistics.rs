//! The middle of several measurements, and how far they lie apart.

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

    /// How wide the range is, as a part of the median.
    #[must_use]
    pub fn width(&self) -> f64 {
        (self.most - self.least) / self.median
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
