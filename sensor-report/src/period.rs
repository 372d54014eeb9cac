//! Reads the names of periods, and says which instants these are in a time zone.

use jiff::{
    SignedDuration, Span, Timestamp,
    civil::{Date, date},
    tz::TimeZone,
};

use crate::model::{Period, PeriodKind};

/// Why a period cannot be reported.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PeriodError {
    /// No such quarter.
    #[error("{0:?} is no quarter: write a year and a quarter from 1 to 4, such as 2022Q4")]
    Quarter(String),
    /// A year begins in a month.
    #[error("a year cannot begin in month {0}: write 1 to 12, such as `--fiscal-start 4`")]
    FiscalStart(i8),
    /// The days are the wrong way round.
    #[error("the last day {to} is before the first {from}: write the earlier day first")]
    Backwards {
        /// First day.
        from: Date,
        /// Last day.
        to: Date,
    },
    /// Ten years are the most.
    #[error(
        "{0} days are more than ten years: ask for less, or for the daily tables with `teiten-report sql`"
    )]
    TooLong(usize),
    /// Beyond what calendars have.
    #[error("the days around {0} are beyond the calendar: ask for years from 1 to 9998")]
    OutOfRange(Date),
    /// No such zone.
    #[error("the time zone {0:?} is not known: write its name in the IANA database, such as Asia/Tokyo")]
    UnknownZone(String),
    /// Days would not be whole hours.
    #[error(
        "the time zone {zone} is {offset} from UTC at {day}, which is not a whole number of hours: the tables \
         count by the hour of UTC, so a day there cannot be cut out of them; take a zone such as UTC or Asia/Tokyo"
    )]
    NotWholeHours {
        /// The zone.
        zone: String,
        /// Its offset.
        offset: String,
        /// The day on which it has it.
        day: Date,
    },
}

/// The most days that a report is about.
const LONGEST_DAYS: usize = 3_660;

/// The quarter of this name, such as `2022Q4`, in years that begin with the month `year_begins_in`.
///
/// # Errors
/// When there is no such quarter or month.
pub fn quarter(text: &str, year_begins_in: i8) -> Result<Period, PeriodError> {
    let wrong = || PeriodError::Quarter(text.to_owned());
    if !(1..=12).contains(&year_begins_in) {
        return Err(PeriodError::FiscalStart(year_begins_in));
    }
    let (year, quarter) = text.trim().split_once(['Q', 'q']).ok_or_else(wrong)?;
    let year: i16 = year.parse().map_err(|_| wrong())?;
    let quarter: i8 = quarter.parse().map_err(|_| wrong())?;
    if !(1..=9_997).contains(&year) || !(1..=4).contains(&quarter) {
        return Err(wrong());
    }
    let first_month = date(year, 1, 1)
        .checked_add(Span::new().months(i32::from(year_begins_in) - 1 + 3 * (i32::from(quarter) - 1)))
        .map_err(|_| wrong())?;
    let to = first_month
        .checked_add(Span::new().months(3))
        .and_then(Date::yesterday)
        .map_err(|_| wrong())?;
    Ok(Period {
        kind: PeriodKind::Quarter {
            year,
            quarter,
            year_begins_in,
        },
        from: first_month,
        to,
    })
}

/// The days from one to another, both of which belong to it.
///
/// # Errors
/// When they are the wrong way round, or too many.
pub fn range(from: Date, to: Date) -> Result<Period, PeriodError> {
    if to < from {
        return Err(PeriodError::Backwards { from, to });
    }
    let kind = if from == to {
        PeriodKind::Day
    } else {
        PeriodKind::Range
    };
    let period = Period { kind, from, to };
    match period.days() {
        days if days > LONGEST_DAYS => Err(PeriodError::TooLong(days)),
        _ => Ok(period),
    }
}

/// What a period is compared with: the quarter before a quarter, else as many days before.
///
/// # Errors
/// When that is before the calendar's beginning.
pub fn before(period: &Period) -> Result<Period, PeriodError> {
    let beyond = |_| PeriodError::OutOfRange(period.from);
    let to = period.from.yesterday().map_err(beyond)?;
    if let PeriodKind::Quarter {
        year,
        quarter,
        year_begins_in,
    } = period.kind
    {
        let (year, quarter) = if quarter == 1 {
            (year - 1, 4)
        } else {
            (year, quarter - 1)
        };
        let from = period.from.checked_sub(Span::new().months(3)).map_err(beyond)?;
        let kind = PeriodKind::Quarter {
            year,
            quarter,
            year_begins_in,
        };
        return Ok(Period { kind, from, to });
    }
    let days = i64::try_from(period.days()).map_err(|_| PeriodError::OutOfRange(period.from))?;
    let from = period.from.checked_sub(Span::new().days(days)).map_err(beyond)?;
    Ok(Period { from, to, ..*period })
}

/// A time zone whose days are whole hours of UTC.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// The zone of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<Self, PeriodError> {
        let zone = TimeZone::get(name).map_err(|_| PeriodError::UnknownZone(name.to_owned()))?;
        Ok(Self {
            name: name.to_owned(),
            zone,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone itself.
    #[must_use]
    pub fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    /// When a day begins.
    ///
    /// # Errors
    /// When that is not on a whole hour of UTC.
    pub fn start(&self, day: Date) -> Result<Timestamp, PeriodError> {
        let start = day
            .to_zoned(self.zone.clone())
            .map_err(|_| PeriodError::OutOfRange(day))?;
        if start.timestamp().as_second() % 3_600 == 0 {
            return Ok(start.timestamp());
        }
        Err(PeriodError::NotWholeHours {
            zone: self.name.clone(),
            offset: start.offset().to_string(),
            day,
        })
    }

    /// When a period begins and ends; the end does not belong to it.
    ///
    /// # Errors
    /// When one of its days does not begin on a whole hour of UTC.
    pub fn span(&self, period: &Period) -> Result<Hours, PeriodError> {
        let after = period
            .to
            .tomorrow()
            .map_err(|_| PeriodError::OutOfRange(period.to))?;
        let mut starts = Vec::with_capacity(period.days() + 1);
        for day in period.dates().chain([after]) {
            starts.push(self.start(day)?);
        }
        Ok(Hours {
            first_day: period.from,
            starts,
        })
    }
}

/// The hours of a period, cut into its days.
#[derive(Clone, Debug)]
pub struct Hours {
    first_day: Date,
    /// When each day begins, and when the last one ends.
    starts: Vec<Timestamp>,
}

impl Hours {
    /// The first instant.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.starts.first().copied().unwrap_or_default()
    }

    /// The first instant that does not belong to it.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.starts.last().copied().unwrap_or_default()
    }

    /// How many hours there are.
    #[must_use]
    pub fn count(&self) -> i64 {
        (self.end().as_second() - self.start().as_second()) / 3_600
    }

    /// How many days there are.
    #[must_use]
    pub fn days(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The day that an instant belongs to, from 0; `None` outside.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> Option<usize> {
        let day = self.starts.partition_point(|start| *start <= at).checked_sub(1)?;
        (day < self.days()).then_some(day)
    }

    /// Runs of days that have the same length of 24 hours one after another: where each run begins, and the number
    /// of its first day. Within a run the day is the run's first plus whole 24 hours since its beginning.
    #[must_use]
    pub fn runs(&self) -> Vec<(Timestamp, usize)> {
        let day = SignedDuration::from_hours(24);
        let mut runs: Vec<_> = self.starts.iter().copied().zip(0..).take(1).collect();
        for (index, pair) in self.starts.windows(2).enumerate() {
            if pair[1].duration_since(pair[0]) != day && index + 2 < self.starts.len() {
                runs.push((pair[1], index + 1));
            }
        }
        runs
    }

    /// The civil date of a day by its number.
    #[must_use]
    pub fn date(&self, day: usize) -> Date {
        let days = i64::try_from(day).unwrap_or(0);
        self.first_day.saturating_add(Span::new().days(days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(period: &Period) -> (String, String) {
        (period.from.to_string(), period.to.to_string())
    }

    #[test]
    fn quarters_are_three_months_of_a_year_that_may_begin_in_any_month() {
        for (text, begins, from, to) in [
            ("2022Q4", 1, "2022-10-01", "2022-12-31"),
            ("2012q3", 1, "2012-07-01", "2012-09-30"),
            ("2022Q4", 4, "2023-01-01", "2023-03-31"),
            ("2022Q1", 4, "2022-04-01", "2022-06-30"),
            ("2024Q1", 1, "2024-01-01", "2024-03-31"),
        ] {
            let found = quarter(text, begins).unwrap();
            assert_eq!(
                days(&found),
                (from.to_owned(), to.to_owned()),
                "{text} from {begins}"
            );
            assert_eq!(found.to_string(), text.to_uppercase());
        }
        for wrong in [
            "2022", "2022Q0", "2022Q5", "Q4", "22Q", "", "-1Q1", "99999Q1", "2022Q4Q1", "日Q1",
        ] {
            assert_eq!(
                quarter(wrong, 1),
                Err(PeriodError::Quarter(wrong.to_owned())),
                "{wrong:?}"
            );
        }
        assert_eq!(quarter("2022Q4", 13), Err(PeriodError::FiscalStart(13)));
    }

    #[test]
    fn a_quarter_is_compared_with_the_quarter_before_and_days_with_as_many_days() {
        let first = quarter("2022Q1", 1).unwrap();
        let previous = before(&first).unwrap();
        assert_eq!(previous.to_string(), "2021Q4");
        assert_eq!(
            days(&previous),
            ("2021-10-01".to_owned(), "2021-12-31".to_owned())
        );
        let week = range(date(2022, 3, 1), date(2022, 3, 7)).unwrap();
        assert_eq!(
            days(&before(&week).unwrap()),
            ("2022-02-22".to_owned(), "2022-02-28".to_owned())
        );
        assert!(range(date(2022, 3, 2), date(2022, 3, 1)).is_err());
        assert!(range(date(1000, 1, 1), date(2022, 3, 1)).is_err());
    }

    #[test]
    fn half_past_midnight_in_tokyo_belongs_to_the_day_and_half_an_hour_earlier_does_not() {
        let hours = Zone::named("Asia/Tokyo")
            .unwrap()
            .span(&quarter("2022Q4", 1).unwrap())
            .unwrap();
        assert_eq!(hours.count(), 92 * 24);
        for (at, day) in [
            ("2022-10-01T00:30:00+09:00", Some(0)),
            ("2022-09-30T23:30:00+09:00", None),
            ("2022-12-31T23:30:00+09:00", Some(91)),
            ("2023-01-01T00:30:00+09:00", None),
        ] {
            assert_eq!(hours.day(at.parse().unwrap()), day, "{at}");
        }
        assert_eq!(hours.runs(), [(hours.start(), 0)]);
    }

    #[test]
    fn days_of_23_and_25_hours_are_days() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let hours = zone.span(&quarter("2022Q4", 1).unwrap()).unwrap();
        assert_eq!(hours.count(), 92 * 24 + 1);
        assert_eq!(hours.runs().len(), 2);
        for (start, first) in hours.runs() {
            assert_eq!(hours.day(start), Some(first));
        }
        assert_eq!(hours.date(30), date(2022, 10, 31));
        let day = hours.runs()[1];
        assert_eq!(day, ("2022-10-30T23:00:00Z".parse().unwrap(), 30));
    }

    #[test]
    fn a_zone_of_half_hours_is_refused_with_the_reason() {
        for name in ["Asia/Kolkata", "Asia/Kathmandu"] {
            let error = Zone::named(name)
                .unwrap()
                .span(&quarter("2022Q4", 1).unwrap())
                .unwrap_err();
            assert!(error.to_string().contains("whole number of hours"), "{error}");
        }
        assert!(Zone::named("Asia/Nowhere").is_err());
    }
}
