//! Lines of figures.

use jiff::civil::Date;
use serde::Serialize;

/// How far apart the points of a line are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A civil day.
    Day,
    /// A calendar month, by its first day.
    Month,
}

/// Lines over the same days or months.
#[derive(Clone, Debug, Serialize)]
pub struct Series<K> {
    /// How far apart the points are.
    pub step: Step,
    /// Each point's day, or the first day of its month.
    pub at: Vec<Date>,
    /// As many values each as there are points.
    pub lines: Vec<Line<K>>,
}

/// One line of a figure.
#[derive(Clone, Debug, Serialize)]
pub struct Line<K> {
    /// What it shows.
    pub key: K,
    /// `None` where no sensor observed: a gap, not a 0.
    pub values: Vec<Option<f64>>,
}

impl<K> Series<K> {
    /// A figure with nothing in it.
    #[must_use]
    pub fn empty(step: Step) -> Self {
        Self {
            step,
            at: Vec::new(),
            lines: Vec::new(),
        }
    }
}
