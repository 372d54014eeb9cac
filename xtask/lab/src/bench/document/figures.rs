//! Figures as the page shows them.

use minijinja::Value;

fn number(value: &Value) -> Option<f64> {
    f64::try_from(value.clone()).ok()
}

/// What stands where nothing was measured.
fn dash() -> String {
    "–".to_owned()
}

/// With so many decimals; a dash for none.
pub(super) fn fixed(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(dash, |number| format!("{number:.decimals$}"))
}

/// A median with its range, each multiplied.
pub(super) fn spread(value: &Value, decimals: usize, factor: Option<f64>) -> String {
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
        _ => dash(),
    }
}

/// In millions.
pub(super) fn millions(value: Option<f64>, decimals: usize) -> String {
    fixed(value.map(|number| number / 1e6), decimals)
}

/// Octets in MiB.
pub(super) fn mebibytes(value: Option<f64>) -> String {
    fixed(value.map(|number| number / f64::from(1 << 20)), 0)
}
