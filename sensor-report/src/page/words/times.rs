//! How days and times are printed.

use jiff::civil::Date;

use super::Language;
use crate::model::{Period, PeriodKind};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn english_month(date: Date) -> &'static str {
    usize::try_from(date.month() - 1)
        .ok()
        .and_then(|month| MONTHS.get(month).copied())
        .unwrap_or("")
}

/// `2022年10月1日`, `1 October 2022`.
pub(crate) fn day(date: Date, language: Language) -> String {
    match language {
        Language::Japanese => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
        Language::English => format!("{} {} {}", date.day(), english_month(date), date.year()),
    }
}

/// Without the year, and short: `10/1`, `1 Oct`.
pub(crate) fn day_of_month(date: Date, language: Language) -> String {
    match language {
        Language::Japanese => format!("{}/{}", date.month(), date.day()),
        Language::English => format!(
            "{} {}",
            date.day(),
            english_month(date).get(..3).unwrap_or_default()
        ),
    }
}

/// `12月`, `December`.
pub(crate) fn month(date: Date, language: Language) -> String {
    match language {
        Language::Japanese => format!("{}月", date.month()),
        Language::English => english_month(date).to_owned(),
    }
}

/// `2022年12月`, `December 2022`.
pub(crate) fn month_of_year(date: Date, language: Language) -> String {
    match language {
        Language::Japanese => format!("{}年{}月", date.year(), date.month()),
        Language::English => format!("{} {}", english_month(date), date.year()),
    }
}

/// A time of RFC 3339, whose civil part is printed: `11月3日 09:00`, `3 November 09:00`.
pub(crate) fn moment(text: &str, language: Language) -> String {
    let Some((date, time)) = text
        .split_once('T')
        .and_then(|(date, time)| Some((date.parse::<Date>().ok()?, time.get(..5)?)))
    else {
        return text.to_owned();
    };
    match language {
        Language::Japanese => format!("{}月{}日 {time}", date.month(), date.day()),
        Language::English => format!("{} {} {time}", date.day(), english_month(date)),
    }
}

/// `2022年10月1日～12月31日`, `1 October to 31 December 2022`.
pub(crate) fn days(period: &Period, language: Language) -> String {
    let (from, to) = (period.from, period.to);
    if from == to {
        return day(from, language);
    }
    let same_year = from.year() == to.year();
    match language {
        Language::Japanese if same_year => {
            format!("{}～{}月{}日", day(from, language), to.month(), to.day())
        }
        Language::Japanese => format!("{}～{}", day(from, language), day(to, language)),
        Language::English if same_year => {
            format!("{} {} to {}", from.day(), english_month(from), day(to, language))
        }
        Language::English => format!("{} to {}", day(from, language), day(to, language)),
    }
}

/// What a period is called: `2022年第4四半期`; the days themselves where it has no other name.
pub(crate) fn period(period: &Period, language: Language) -> String {
    match (period.kind, language) {
        (
            PeriodKind::Quarter {
                year,
                quarter,
                year_begins_in,
            },
            Language::Japanese,
        ) => {
            let kind = if year_begins_in == 1 { "年" } else { "年度" };
            format!("{year}{kind}第{quarter}四半期")
        }
        (
            PeriodKind::Quarter {
                year,
                quarter,
                year_begins_in,
            },
            Language::English,
        ) => {
            let kind = if year_begins_in == 1 { "" } else { "fiscal year " };
            let ordinal = ["first", "second", "third", "fourth"];
            let ordinal = usize::try_from(quarter - 1)
                .ok()
                .and_then(|quarter| ordinal.get(quarter));
            format!("{} quarter of {kind}{year}", ordinal.unwrap_or(&"some"))
        }
        _ => days(period, language),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_quarter_has_its_name_and_its_days_in_both_languages() {
        let quarter = |year_begins_in| Period {
            kind: PeriodKind::Quarter {
                year: 2022,
                quarter: 3,
                year_begins_in,
            },
            from: date(2022, 10, 1),
            to: date(2022, 12, 31),
        };
        assert_eq!(period(&quarter(1), Language::Japanese), "2022年第3四半期");
        assert_eq!(period(&quarter(4), Language::Japanese), "2022年度第3四半期");
        assert_eq!(
            period(&quarter(4), Language::English),
            "third quarter of fiscal year 2022"
        );
        assert_eq!(days(&quarter(4), Language::Japanese), "2022年10月1日～12月31日");
        assert_eq!(
            days(&quarter(4), Language::English),
            "1 October to 31 December 2022"
        );
    }

    #[test]
    fn a_moment_is_printed_as_the_clock_of_the_zone_shows_it() {
        let text = "2022-11-03T09:00:00+09:00";
        assert_eq!(moment(text, Language::Japanese), "11月3日 09:00");
        assert_eq!(moment(text, Language::English), "3 November 09:00");
        assert_eq!(moment("soon", Language::English), "soon");
    }
}
