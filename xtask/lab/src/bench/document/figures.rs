//! Figures as the page shows them.

use minijinja::Value;

fn number(value: &Value) -> Option<f64> {
    f64::try_from(value.clone()).ok()
}

/// With so many decimals; a dash for none.
pub(super) fn fixed(value: Value, decimals: usize) -> String {
    number(&value).map_or_else(|| "–".to_owned(), |number| format!("{number:.decimals$}"))
}

/// A median with its range, each multiplied.
pub(super) fn spread(value: Value, decimals: usize, factor: Option<f64>) -> String {
    let factor = factor.unwrap_or(1.0);
    let part = |name: &str| {
        value
            .get_attr(name)
            .ok()
            .as_ref()
            .and_then(number)
            .map(|part| part * factor)
    };
    match (part("median"), part("least"), part("most")) {
        (Some(median), Some(least), Some(most)) => {
            format!("{median:.decimals$} ({least:.decimals$}–{most:.decimals$})")
        }
        _ => "–".to_owned(),
    }
}

/// In millions.
pub(super) fn millions(value: Value, decimals: usize) -> String {
    number(&value).map_or_else(|| "–".to_owned(), |number| format!("{:.decimals$}", number / 1e6))
}

/// Octets in MiB.
pub(super) fn mebibytes(value: Value) -> String {
    number(&value).map_or_else(
        || "–".to_owned(),
        |number| format!("{:.0}", number / f64::from(1 << 20)),
    )
}
