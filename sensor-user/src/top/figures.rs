//! How figures look in a narrow column.

/// Trend lines are drawn with these, from nothing to the most.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The same where the terminal has only ASCII.
const ASCII_BARS: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];

/// A count, whole and grouped by thousands up to 99,999,999, then in millions and more. At most ten characters.
pub fn count(value: u64) -> String {
    if value < 100_000_000 {
        return grouped(value);
    }
    let mut scaled = value / 1_000_000;
    for unit in ["M", "G", "T"] {
        if scaled < 1_000_000 {
            return format!("{}{unit}", grouped(scaled));
        }
        scaled /= 1000;
    }
    format!("{}P", grouped(scaled))
}

/// Digits in groups of three.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Packets a second: three or four digits that tell something.
pub fn rate(value: f64) -> String {
    match value {
        value if value <= 0.0 => "0".to_owned(),
        value if value < 0.01 => "<0.01".to_owned(),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value if value < 10_000.0 => format!("{value:.0}"),
        value if value < 1e6 => format!("{:.1}k", value / 1e3),
        value if value < 1e9 => format!("{:.2}M", value / 1e6),
        value => format!("{:.2}G", value / 1e9),
    }
}

/// A trend line: one character a value, its height the share of the largest.
pub fn trend(values: &[f64], utf8: bool) -> String {
    let bars = if utf8 { BARS } else { ASCII_BARS };
    let most = values.iter().copied().fold(0.0, f64::max);
    values
        .iter()
        .map(|value| {
            if *value <= 0.0 || most <= 0.0 {
                return ' ';
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and 7"
            )]
            let height = (value / most * 7.0).round() as usize;
            bars[height.min(7)]
        })
        .collect()
}

/// A span as people say it, of at most two units.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_fit_ten_characters() {
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (99_999_999, "99,999,999"),
            (100_000_000, "100M"),
            (1_234_567_890, "1,234M"),
            (999_999_999_999, "999,999M"),
            (1_000_000_000_000, "1,000G"),
        ] {
            assert_eq!(count(value), text);
        }
        for power in 0..20 {
            assert!(count(10_u64.pow(power)).len() <= 10, "10^{power}");
        }
        assert!(count(u64::MAX).len() <= 10);
    }

    #[test]
    fn rates_keep_three_digits() {
        for (value, text) in [
            (0.0, "0"),
            (-1.0, "0"),
            (0.001, "<0.01"),
            (0.123, "0.12"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1000.0, "1000"),
            (12_345.0, "12.3k"),
            (7_200_000.0, "7.20M"),
            (3.0e9, "3.00G"),
        ] {
            assert_eq!(rate(value), text);
        }
    }

    #[test]
    fn a_trend_is_as_high_as_its_share_of_the_largest() {
        assert_eq!(trend(&[0.0, 1.0, 7.0], true), " ▂█");
        assert_eq!(trend(&[0.0, 1.0, 7.0], false), " .#");
        assert_eq!(trend(&[0.0, 0.0], true), "  ");
        assert_eq!(trend(&[], true), "");
    }

    #[test]
    fn spans_have_at_most_two_units() {
        for (seconds, text) in [
            (-5, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (7260, "2 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}
