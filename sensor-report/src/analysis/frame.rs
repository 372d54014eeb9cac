//! A period cut into the pieces that a report compares: months, and the first and last ten days.

use sensor_records::Day;

use crate::{
    model::{Period, Span},
    period::{Hours, PeriodError, Zone},
};
use jiff::civil::Date;

/// Days of the averages at a period's ends.
const TEN_DAYS: usize = 10;

/// A period with its hours and pieces.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) period: Period,
    pub(crate) hours: Hours,
    /// Numbers of the days that the pieces begin with, and the number of days last.
    cuts: Vec<usize>,
}

impl Frame {
    /// A period in its pieces.
    pub(crate) fn new(period: &Period, zone: &Zone) -> Result<Self, PeriodError> {
        let hours = zone.span(period)?;
        let days = hours.days();
        let mut cuts = vec![0, days];
        for (day, date) in period.dates().enumerate() {
            if date.day() == 1 {
                cuts.push(day);
            }
        }
        if days >= 2 * TEN_DAYS {
            cuts.extend([TEN_DAYS, days - TEN_DAYS]);
        }
        cuts.sort_unstable();
        cuts.dedup();
        Ok(Self {
            period: period.clone(),
            hours,
            cuts,
        })
    }

    /// The same as one piece: for a period that is only compared with.
    pub(crate) fn whole(period: &Period, zone: &Zone) -> Result<Self, PeriodError> {
        let hours = zone.span(period)?;
        Ok(Self {
            period: period.clone(),
            cuts: vec![0, hours.days()],
            hours,
        })
    }

    pub(crate) fn pieces(&self) -> usize {
        self.cuts.len() - 1
    }

    /// First second, and the first that does not belong to it.
    pub(crate) fn seconds(&self) -> (i64, i64) {
        (self.hours.start().as_second(), self.hours.end().as_second())
    }

    /// The piece and the day that a second belongs to.
    pub(crate) fn place(&self, second: i64) -> Option<(usize, usize)> {
        let at = jiff::Timestamp::from_second(second).ok()?;
        let day = self.hours.day(at)?;
        Some((self.piece_of_day(day), day))
    }

    pub(crate) fn piece_of_day(&self, day: usize) -> usize {
        self.cuts.partition_point(|cut| *cut <= day) - 1
    }

    /// The piece that a whole day of UTC lies in, if it lies in one.
    pub(crate) fn piece_of_utc_day(&self, day: Day) -> Option<usize> {
        let (first, _) = self.place(day.begins())?;
        let (last, _) = self.place(day.plus(1).begins() - 1)?;
        (first == last).then_some(first)
    }

    /// The days of UTC that hold any of it.
    pub(crate) fn utc_days(&self) -> std::ops::RangeInclusive<Day> {
        let (from, to) = self.seconds();
        Day::of(from)..=Day::of(to - 1)
    }

    /// The pieces of both sides of a comparison within the period: `None` when it is too short for it.
    pub(crate) fn sides(&self, span: Span) -> Option<[Vec<usize>; 2]> {
        let days = self.hours.days();
        let pieces = |from: usize, to: usize| -> Vec<usize> {
            (0..self.pieces())
                .filter(|piece| self.cuts[*piece] >= from && self.cuts[*piece + 1] <= to)
                .collect()
        };
        let sides = match span {
            Span::TenDays if days >= 2 * TEN_DAYS => [pieces(0, TEN_DAYS), pieces(days - TEN_DAYS, days)],
            Span::Periods | Span::TenDays => return None,
            Span::Month(month) => {
                let first = self.day_number(month)?;
                let after = self
                    .period
                    .dates()
                    .position(|date| date > month.last_of_month())
                    .unwrap_or(days);
                [pieces(0, first), pieces(first, after)]
            }
        };
        sides.iter().all(|side| !side.is_empty()).then_some(sides)
    }

    fn day_number(&self, date: Date) -> Option<usize> {
        self.period.dates().position(|day| day == date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::quarter;
    use jiff::civil::date;

    #[test]
    fn a_quarter_is_cut_at_months_and_ten_days_and_sides_are_whole_pieces() {
        let zone = Zone::named("Asia/Tokyo").unwrap();
        let frame = Frame::new(&quarter("2022Q4", 1).unwrap(), &zone).unwrap();
        assert_eq!(frame.cuts, [0, 10, 31, 61, 82, 92]);
        assert_eq!(frame.sides(Span::TenDays), Some([vec![0], vec![4]]));
        let december = Span::Month(date(2022, 12, 1));
        assert_eq!(frame.sides(december), Some([vec![0, 1, 2], vec![3, 4]]));
        let november = Span::Month(date(2022, 11, 1));
        assert_eq!(frame.sides(november), Some([vec![0, 1], vec![2]]));
        assert_eq!(frame.sides(Span::Month(date(2022, 10, 1))), None);
    }

    #[test]
    fn a_day_of_utc_across_a_cut_is_in_no_piece() {
        let zone = Zone::named("Asia/Tokyo").unwrap();
        let frame = Frame::new(&quarter("2022Q4", 1).unwrap(), &zone).unwrap();
        let day = |text: &str| text.parse::<Day>().unwrap();
        assert_eq!(frame.piece_of_utc_day(day("2022-09-30")), None);
        assert_eq!(frame.piece_of_utc_day(day("2022-10-01")), Some(0));
        assert_eq!(frame.piece_of_utc_day(day("2022-10-10")), None);
        assert_eq!(frame.piece_of_utc_day(day("2022-10-11")), Some(1));
        assert_eq!(frame.piece_of_utc_day(day("2022-12-31")), None);
    }
}
