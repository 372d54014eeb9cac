//! How numbers are printed.
//!
//! Counts are printed with all their digits; rates, shares and estimates are rounded, and stand whole in the CSV tables.

use super::Language;

/// 1234567 is `1,234,567`, in both languages.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// To as many digits as say something: 1,234; 12.3; 0.12.
pub(crate) fn rate(number: f64) -> String {
    let size = number.abs();
    let digits = if size >= 100.0 || size == 0.0 {
        0
    } else if size >= 10.0 {
        1
    } else {
        2
    };
    if size > 0.0 && size < 0.005 {
        return "<0.01".to_owned();
    }
    grouped(&format!("{number:.digits$}"))
}

/// An estimate to three digits: sketches are not more exact than that.
pub(crate) fn estimate(number: f64) -> String {
    let whole = format!("{:.0}", number.max(0.0));
    let keep = whole.len().min(3);
    let (first, rest) = whole.split_at(keep);
    let unit = 10_f64.powi(i32::try_from(rest.len()).unwrap_or(0));
    let rounded = if rest.is_empty() {
        first.to_owned()
    } else {
        format!("{:.0}", (number / unit).round() * unit)
    };
    grouped(&rounded)
}

/// A share, as percent: `0.3%`, `4.5%`, `82%`.
pub(crate) fn percent(share: f64) -> String {
    let percent = share.abs() * 100.0;
    // What rounds to 100 without being it is not printed as if nothing were missing.
    if share.abs() < 1.0 && percent >= 99.5 {
        let digits = if percent < 99.95 { 1 } else { 2 };
        let text = format!("{percent:.digits$}%");
        return if text.starts_with("100") {
            ">99.99%".to_owned()
        } else {
            text
        };
    }
    let digits = usize::from(percent < 9.95 && percent > 0.0);
    format!("{}%", grouped(&format!("{percent:.digits$}")))
}

/// A change with its sign.
pub(crate) fn signed_percent(change: f64) -> String {
    let text = percent(change);
    if text == "0%" || text == "0.0%" {
        text
    } else if change > 0.0 {
        format!("+{text}")
    } else {
        format!("−{text}")
    }
}

/// A change in tenths, as reports in Japanese have it: 約2割. `None` below one tenth.
pub(crate) fn tenths(change: f64) -> Option<String> {
    let tenths = (change.abs() * 10.0).round();
    (1.0..10.0).contains(&tenths).then(|| format!("約{tenths:.0}割"))
}

/// A value of an axis, with the digits that its steps need.
pub(crate) fn tick(value: f64, step: f64) -> String {
    let mut digits = 0;
    while digits < 6 && (step * 10_f64.powi(digits)).fract().abs() > 1e-6 {
        digits += 1;
    }
    grouped(&format!("{value:.*}", usize::try_from(digits).unwrap_or(0)))
}

/// How many times as many: `8.2`.
pub(crate) fn factor(factor: f64) -> String {
    let digits = usize::from(factor < 10.0);
    grouped(&format!("{factor:.digits$}"))
}

/// A time, in the two largest units that it has.
pub(crate) fn duration(seconds: u64, language: Language) -> String {
    const UNITS: [(u64, &str, &str); 4] = [
        (86_400, "日", "day"),
        (3_600, "時間", "hour"),
        (60, "分", "minute"),
        (1, "秒", "second"),
    ];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, japanese, english) in UNITS {
        let number = left / unit;
        left %= unit;
        if number > 0 && parts.len() < 2 {
            parts.push(match language {
                Language::Japanese => format!("{number}{japanese}"),
                Language::English if number == 1 => format!("{number} {english}"),
                Language::English => format!("{number} {english}s"),
            });
        }
    }
    if parts.is_empty() {
        return language.either("0秒", "0 seconds").to_owned();
    }
    parts.join(language.either("", " "))
}

/// A plain number with commas in its whole part.
fn grouped(plain: &str) -> String {
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |rest| ("−", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_all_their_digits() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn rates_and_shares_are_rounded_to_what_says_something() {
        for (number, text) in [
            (0.0, "0"),
            (0.001, "<0.01"),
            (0.123, "0.12"),
            (12.34, "12.3"),
            (1_234.5, "1,234"),
        ] {
            assert_eq!(rate(number), text);
        }
        for (share, text) in [
            (0.0, "0%"),
            (0.003, "0.3%"),
            (0.045, "4.5%"),
            (0.82, "82%"),
            (0.9961, "99.6%"),
            (0.999_99, ">99.99%"),
            (1.0, "100%"),
            (12.5, "1,250%"),
        ] {
            assert_eq!(percent(share), text);
        }
        assert_eq!(signed_percent(0.5), "+50%");
        assert_eq!(signed_percent(-0.213), "−21%");
        assert_eq!(signed_percent(-0.0001), "0.0%");
        assert_eq!(tenths(-0.213).as_deref(), Some("約2割"));
        assert_eq!(tenths(0.04), None);
    }

    #[test]
    fn estimates_have_three_digits() {
        for (number, text) in [(7.2, "7"), (999.6, "1,000"), (12_345.0, "12,300"), (0.0, "0")] {
            assert_eq!(estimate(number), text);
        }
    }

    #[test]
    fn times_have_two_units_at_most() {
        assert_eq!(duration(90_061, Language::Japanese), "1日1時間");
        assert_eq!(duration(90_061, Language::English), "1 day 1 hour");
        assert_eq!(duration(0, Language::English), "0 seconds");
        assert_eq!(duration(7_200, Language::English), "2 hours");
    }
}
