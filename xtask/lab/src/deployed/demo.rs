//! The durations of the demo: what lasts days in production lasts seconds there.

use anyhow::{Result, bail};

/// A duration in production, and in a demo that lasts a minute. Those that stand in names have a value of their own.
///
/// The past that a baseline needs (1h) must be half as long again as the window (10m): the first windows of a sensor
/// are not full yet, and a baseline of nothing else would make its usual traffic a surge. A fleet's list of ports has no
/// past in a demo: 3d is longer than that lasts.
const DURATIONS: &[(&str, &str)] = &[
    ("10d", "70s"),
    ("7d", "65s"),
    ("3d", "90s"),
    ("1d", "60s"),
    ("167h", "44s"),
    ("143h", "40s"),
    ("119h", "36s"),
    ("95h", "32s"),
    ("71h", "28s"),
    ("47h", "24s"),
    ("23h", "20s"),
    ("4h", "1m"),
    ("3h", "1m"),
    ("2h", "20s"),
    ("1h", "15s"),
    ("30m", "3s"),
    ("10m", "10s"),
    ("5m", "5s"),
    ("4m", "2s"),
    ("2m", "2s"),
    ("1m", "1s"),
    ("30s", "1s"),
    ("15s", "1s"),
    ("5s", "1s"),
];

/// The units of a duration in Prometheus and Alertmanager.
const UNITS: &[&str] = &["ms", "s", "m", "h", "d", "w", "y"];

/// The text with each duration replaced by the demo's: in expressions, names of recorded series, and words alike.
///
/// # Errors
/// It has a duration that the demo does not know.
pub fn shorten(text: &str) -> Result<String> {
    let mut shortened = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
        shortened.push_str(&rest[..start]);
        rest = &rest[start..];
        let digits = prefix(rest, |character| character.is_ascii_digit());
        let unit = prefix(&rest[digits.len()..], |character| {
            character.is_ascii_alphanumeric()
        });
        let token = &rest[..digits.len() + unit.len()];
        rest = &rest[token.len()..];
        if UNITS.contains(&unit) {
            let Some((_, demo)) = DURATIONS.iter().find(|(production, _)| *production == token) else {
                bail!("the duration {token} has no counterpart in the demo: give it one in DURATIONS");
            };
            shortened.push_str(demo);
        } else {
            shortened.push_str(token);
        }
    }
    shortened.push_str(rest);
    Ok(shortened)
}

fn prefix(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|character| !belongs(character)).unwrap_or(text.len());
    &text[..end]
}
