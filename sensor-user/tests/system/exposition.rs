//! Prometheus' text format, as far as the sensor speaks it.

use std::collections::BTreeMap;

/// One series: its name, and its labels.
pub type Series = (String, BTreeMap<String, String>);

/// Every series with its value. The format is `NAME{LABEL="VALUE",…} VALUE`; no value of ours needs escapes, and one
/// that has them makes this panic.
pub fn parse(text: &str) -> BTreeMap<Series, f64> {
    let mut all = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
            None => (series, ""),
        };
        let labels = labels.split(',').filter(|pair| !pair.is_empty()).map(|pair| {
            let (label, value) = pair.split_once('=').unwrap();
            let value = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'))
                .unwrap();
            assert!(!value.contains(['"', '\\']), "{line}");
            (label.to_owned(), value.to_owned())
        });
        let before = all.insert((name.to_owned(), labels.collect()), value.parse().unwrap());
        assert_eq!(before, None, "twice: {line}");
    }
    all
}

/// The values of one family, by the values of these labels.
pub fn family<const N: usize>(
    all: &BTreeMap<Series, f64>,
    name: &str,
    labels: [&str; N],
) -> BTreeMap<[String; N], u64> {
    all.iter()
        .filter(|((series, _), _)| series == name)
        .map(|((_, values), value)| {
            assert_eq!(values.len(), N, "{values:?}");
            (labels.map(|label| values[label].clone()), whole(*value))
        })
        .collect()
}

/// A count.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "it is checked to be a whole number that a float holds exactly"
)]
pub fn whole(value: f64) -> u64 {
    assert!(value >= 0.0 && value.trunc() == value && value < 9e15, "{value}");
    value as u64
}
