//! Where the files of records lie: `TABLE/date=YYYY-MM-DD/sensor=ID/HH.parquet`, `day.parquet` for daily tables.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{RecordsError, Table};

/// The folder of manifests, beside those of the tables.
pub const MANIFESTS: &str = "manifest";
/// The name of a manifest in its partition.
pub const MANIFEST_FILE: &str = "SHA256SUMS";
/// The folder in which files are written before they are whole.
pub const ASIDE: &str = ".aside";
/// The longest id of a sensor.
const MAX_SENSOR: usize = 64;

/// A day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub Date);

impl Day {
    /// The day of a time in seconds since 1970; times beyond the calendar are at its ends.
    #[must_use]
    pub fn of(seconds: i64) -> Self {
        let limit = if seconds < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        let time = Timestamp::from_second(seconds).unwrap_or(limit);
        Self(time.to_zoned(TimeZone::UTC).date())
    }

    /// When it begins, in seconds since 1970.
    #[must_use]
    pub fn begins(self) -> i64 {
        self.0
            .to_zoned(TimeZone::UTC)
            .map_or(i64::MAX, |time| time.timestamp().as_second())
    }

    /// The day some days later, or earlier.
    #[must_use]
    pub fn plus(self, days: i64) -> Self {
        Self::of(self.begins().saturating_add(days.saturating_mul(86_400)))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for Day {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

/// What a file is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// An hour of a day, 0 to 23, and which part of it: 0, or more where a sensor without its memory began anew.
    Hour(u8, u16),
    /// The whole day.
    Day,
}

/// The place of a file within the directory of records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The table.
    pub table: Table,
    /// The day, in UTC.
    pub day: Day,
    /// The sensor's id.
    pub sensor: String,
    /// What of the day.
    pub period: Period,
}

impl Place {
    /// The place of an hour of a table, or of a day of a daily one; `seconds` since 1970 is any time in it.
    #[must_use]
    pub fn of(table: Table, sensor: &str, seconds: i64) -> Self {
        let hour = u8::try_from(seconds.rem_euclid(86_400) / 3_600).unwrap_or(0);
        Self {
            table,
            day: Day::of(seconds),
            sensor: sensor.to_owned(),
            period: if table.is_daily() {
                Period::Day
            } else {
                Period::Hour(hour, 0)
            },
        }
    }

    /// The same place for the part after this one.
    #[must_use]
    pub fn next_part(mut self) -> Self {
        if let Period::Hour(_, part) = &mut self.period {
            *part = part.saturating_add(1);
        }
        self
    }

    /// The path, from the directory of records on.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::from(self.to_string())
    }

    /// The folder of the manifest that lists a sensor's day.
    #[must_use]
    pub fn manifest_folder(day: Day, sensor: &str) -> PathBuf {
        PathBuf::from(format!("{MANIFESTS}/date={day}/sensor={sensor}"))
    }

    /// Reads the path of a file, from the directory of records on.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(path: &Path) -> Result<Self, RecordsError> {
        let text = path.to_string_lossy();
        let broken = |cause| RecordsError::Place {
            path: text.clone().into_owned(),
            cause,
        };
        let parts: Vec<&str> = text.split('/').collect();
        let [table, date, sensor, file] = parts[..] else {
            return Err(broken("it has not four parts"));
        };
        let table: Table = table.parse().map_err(|_| broken("there is no such table"))?;
        let date = date
            .strip_prefix("date=")
            .ok_or_else(|| broken("its second part is no `date=`"))?;
        let day = date.parse().map_err(|_| broken("its date is none"))?;
        let sensor = sensor
            .strip_prefix("sensor=")
            .ok_or_else(|| broken("its third part is no `sensor=`"))?;
        if !is_sensor(sensor) {
            return Err(broken("its sensor's id cannot be one"));
        }
        let name = file
            .strip_suffix(".parquet")
            .ok_or_else(|| broken("it does not end in .parquet"))?;
        let period = parse_period(name, table.is_daily()).ok_or_else(|| broken("its name is no period"))?;
        let place = Self {
            table,
            day,
            sensor: sensor.to_owned(),
            period,
        };
        // One place has one path.
        if place.to_string() == text {
            Ok(place)
        } else {
            Err(broken("it is written in another way than ours"))
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            day,
            sensor,
            period,
        } = self;
        write!(formatter, "{table}/date={day}/sensor={sensor}/")?;
        match period {
            Period::Hour(hour, 0) => write!(formatter, "{hour:02}.parquet"),
            Period::Hour(hour, part) => write!(formatter, "{hour:02}-{part}.parquet"),
            Period::Day => write!(formatter, "day.parquet"),
        }
    }
}

/// Whether a text can be a sensor's id: 1 to 64 letters, digits, `-`, `_` and `.`.
#[must_use]
pub fn is_sensor(id: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_SENSOR).contains(&id.len()) && id.bytes().all(good)
}

fn parse_period(name: &str, daily: bool) -> Option<Period> {
    if daily {
        return (name == "day").then_some(Period::Day);
    }
    let (hour, part) = match name.split_once('-') {
        Some((hour, part)) => (hour, part.parse().ok()?),
        None => (name, 0),
    };
    let hour = hour.parse().ok().filter(|hour| *hour < 24)?;
    Some(Period::Hour(hour, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_and_its_path_say_the_same() {
        let cases = [
            (
                Table::Cells,
                1_669_993_200,
                "cells/date=2022-12-02/sensor=a-1/15.parquet",
            ),
            (
                Table::DailyCells,
                1_669_993_200,
                "daily_cells/date=2022-12-02/sensor=a-1/day.parquet",
            ),
            (
                Table::Sources,
                -1,
                "sources/date=1969-12-31/sensor=a-1/23.parquet",
            ),
        ];
        for (table, seconds, path) in cases {
            let place = Place::of(table, "a-1", seconds);
            assert_eq!(place.to_string(), path);
            assert_eq!(Place::parse(Path::new(path)).unwrap(), place);
        }
        let second = Place::of(Table::Cells, "a", 0).next_part();
        assert_eq!(second.to_string(), "cells/date=1970-01-01/sensor=a/00-1.parquet");
        assert_eq!(Place::parse(&second.path()).unwrap(), second);
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for path in [
            "",
            "cells/date=2022-12-02/sensor=a/24.parquet",
            "cells/date=2022-12-02/sensor=a/day.parquet",
            "daily_cells/date=2022-12-02/sensor=a/01.parquet",
            "cells/date=2022-12-02/sensor=a/1.parquet",
            "cells/date=2022-12-02/sensor=a/01-0.parquet",
            "cells/date=2022-13-02/sensor=a/01.parquet",
            "cells/date=2022-12-02/sensor=/01.parquet",
            "cells/date=2022-12-02/sensor=../01.parquet/x",
            "../date=2022-12-02/sensor=a/01.parquet",
        ] {
            assert!(Place::parse(Path::new(path)).is_err(), "{path}");
        }
    }
}
