//! The time that a report is about.

use jiff::civil::Date;
use serde::Serialize;

/// A run of civil days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    /// What was asked for.
    pub kind: PeriodKind,
    /// The first day.
    pub from: Date,
    /// The last day, which belongs to it.
    pub to: Date,
}

/// How a period was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodKind {
    /// A quarter of a year that begins with a given month.
    Quarter {
        /// The year in which that year begins.
        year: i16,
        /// From 1 to 4.
        quarter: i8,
        /// The year's first month: 1, or 4 for Japanese fiscal years.
        year_begins_in: i8,
    },
    /// Any days.
    Range,
    /// One day.
    Day,
}

impl Period {
    /// How many days it has.
    #[must_use]
    pub fn days(&self) -> usize {
        self.dates().count()
    }

    /// Each of its days.
    pub fn dates(&self) -> impl Iterator<Item = Date> + use<> {
        let last = self.to;
        self.from
            .series(jiff::Span::new().days(1))
            .take_while(move |date| *date <= last)
    }

    /// Each of its months, by the first day of the month, however little of it belongs to the period.
    #[must_use]
    pub fn months(&self) -> Vec<Date> {
        let mut months: Vec<_> = self.dates().map(Date::first_of_month).collect();
        months.dedup();
        months
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            PeriodKind::Quarter { year, quarter, .. } => write!(formatter, "{year}Q{quarter}"),
            PeriodKind::Range => write!(formatter, "{}/{}", self.from, self.to),
            PeriodKind::Day => write!(formatter, "{}", self.from),
        }
    }
}
