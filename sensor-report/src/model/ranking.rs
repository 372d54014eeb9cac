//! Tables of ranks.

use serde::Serialize;

use super::Series;

/// A quantity of the previous period and of this one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Change<T> {
    /// In the previous period.
    pub before: T,
    /// In this one.
    pub after: T,
}

impl Change<f64> {
    /// The change in parts of what was before: 0.5 is half as much again. `None` when there was nothing.
    #[must_use]
    pub fn relative(&self) -> Option<f64> {
        (self.before > 0.0).then(|| self.after / self.before - 1.0)
    }

    /// What came, or went.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.after - self.before
    }
}

impl Change<u64> {
    /// See [`Change::<f64>::relative`].
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a change in parts is no count")]
    pub fn relative(&self) -> Option<f64> {
        let (before, after) = (self.before as f64, self.after as f64);
        Change { before, after }.relative()
    }
}

impl Change<Option<f64>> {
    /// See [`Change::<f64>::relative`]; `None` where either is not known.
    #[must_use]
    pub fn relative(&self) -> Option<f64> {
        let (before, after) = (self.before?, self.after?);
        Change { before, after }.relative()
    }
}

/// The rank that something had in the previous period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviousRank {
    /// This one, from 1.
    Rank(usize),
    /// None: it was not seen at all.
    New,
    /// There are no records of the previous period.
    NoData,
}

/// Averages of the first and the last ten days: packets a sensor and day over the days that were observed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TenDays {
    /// Of the first ten days.
    pub first: f64,
    /// Of the last ten days.
    pub last: f64,
}

impl TenDays {
    /// The change in parts of the first average; `None` when that is 0.
    #[must_use]
    pub fn relative(&self) -> Option<f64> {
        (self.first > 0.0).then(|| self.last / self.first - 1.0)
    }
}

/// One row of a table.
#[derive(Clone, Debug, Serialize)]
pub struct Ranked<K> {
    /// What the row is about.
    pub key: K,
    /// From 1; `None` when nothing was seen of it in this period.
    pub rank: Option<usize>,
    /// Before.
    pub previous_rank: PreviousRank,
    /// By the report's measure, over the sensors that are in this period.
    pub rate: f64,
    /// By the report's measure, over the sensors that are in both periods and no others.
    pub comparable: Change<f64>,
    /// Packets, exact, over the sensors that are in each period.
    pub packets: Change<u64>,
    /// `None` when the period is shorter than 20 days.
    pub ten_days: Option<TenDays>,
    /// Unique sources, estimated; `None` without sketches.
    pub sources: Change<Option<f64>>,
}

/// A table of ranks, and the figure under it.
#[derive(Clone, Debug, Serialize)]
pub struct Ranking<K> {
    /// The first ones of this period, by rank.
    pub rows: Vec<Ranked<K>>,
    /// Those that were in the previous period's table and are not in this one's, by previous rank.
    pub left: Vec<Ranked<K>>,
    /// How many there are in all.
    pub distinct: usize,
    /// A line for each of `rows`, by day: packets a sensor and day.
    pub daily: Series<K>,
}
