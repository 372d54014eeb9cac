//! Which hours are drawn: two quarters in Japanese time, the months before, and a day around.

use jiff::{
    Span, Timestamp,
    civil::{Date, date},
    tz::{Offset, TimeZone},
};

/// Seconds of an hour, and of a day.
pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Japan's time zone; it has had no summer time since 1951.
pub(crate) fn tokyo() -> TimeZone {
    TimeZone::fixed(Offset::constant(9))
}

/// The quarters that are drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// First days of the earlier quarter, of the later one, and of the one after.
    pub quarters: [Date; 3],
    /// The first day of the daily tables.
    pub history: Date,
}

impl Calendar {
    /// The calendar quarter of this name, such as `2022Q4`, with the one before it, and so many months of daily
    /// tables up to its end.
    ///
    /// # Errors
    /// When there is no such quarter; the text says what to write.
    pub fn of(quarter: &str, history_months: u32) -> Result<Self, String> {
        let wrong =
            || format!("{quarter:?} is no quarter: write a year from 1971 on and a quarter, such as 2022Q4");
        let (year, number) = quarter.split_once(['Q', 'q']).ok_or_else(wrong)?;
        let year: i16 = year.parse().map_err(|_| wrong())?;
        let number: i8 = number.parse().map_err(|_| wrong())?;
        if !(1_971..=9_000).contains(&year) || !(1..=4).contains(&number) {
            return Err(wrong());
        }
        let later = date(year, 3 * number - 2, 1);
        let months = |count: i64| later.saturating_add(Span::new().months(count));
        let history = i64::from(history_months.clamp(6, 600));
        Ok(Self {
            quarters: [months(-3), later, months(3)],
            history: months(3 - history),
        })
    }

    /// The first and the last hour of hourly tables, as seconds since 1970: a day more on both sides.
    #[must_use]
    pub fn hours(&self) -> (i64, i64) {
        let [from, _, to] = self.quarters.map(midnight);
        (day_of(from) - DAY, day_of(to) + 2 * DAY - HOUR)
    }

    /// When the later quarter begins, and ends.
    #[must_use]
    pub fn later(&self) -> (i64, i64) {
        let [_, from, to] = self.quarters.map(midnight);
        (from, to)
    }

    /// When the earlier quarter begins, and ends.
    #[must_use]
    pub fn earlier(&self) -> (i64, i64) {
        let [from, to, _] = self.quarters.map(midnight);
        (from, to)
    }

    /// A moment in the later quarter: some days after its first midnight in Japan.
    pub(crate) fn moment(&self, days: i64, hours: i64) -> i64 {
        self.later().0 + days * DAY + hours * HOUR
    }
}

/// A day's beginning in Japan, in seconds since 1970.
pub(crate) fn midnight(day: Date) -> i64 {
    day.to_zoned(tokyo())
        .map_or(0, |time| time.timestamp().as_second())
}

/// The beginning of the day of UTC.
pub(crate) const fn day_of(seconds: i64) -> i64 {
    seconds - seconds.rem_euclid(DAY)
}

/// RFC 3339 in UTC.
pub(crate) fn text(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or(String::new(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_quarter_of_2022_begins_at_15_hours_of_utc_the_day_before() {
        let calendar = Calendar::of("2022Q4", 27).unwrap();
        assert_eq!(text(calendar.later().0), "2022-09-30T15:00:00Z");
        assert_eq!(text(calendar.later().1), "2022-12-31T15:00:00Z");
        assert_eq!(text(calendar.earlier().0), "2022-06-30T15:00:00Z");
        assert_eq!(calendar.history.to_string(), "2020-10-01");
        assert_eq!(text(calendar.hours().0), "2022-06-29T00:00:00Z");
        assert_eq!(text(calendar.hours().1), "2023-01-01T23:00:00Z");
        assert!(Calendar::of("2022Q5", 27).is_err());
    }
}
