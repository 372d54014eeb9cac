//! What Prometheus gets of the sensor, read and held against the sensor's snapshot.

use std::collections::BTreeMap;

use super::compare::{Both, Section};
use crate::daemon::Snapshot;

/// Ports with series of their own at a time, by the sensor's default. When all places are taken, a series may end, and
/// what it had counted is in no other.
const LISTED_PORTS: usize = 128;

/// A line of the text format that is no comment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The name of the metric.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// Why a scrape is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sensor's metrics have a line that is not in Prometheus' text format: {0:?}")]
pub struct BadLine(String);

/// Reads Prometheus' text format 0.0.4, as far as the sensor uses it: no escapes in labels, and no timestamps.
///
/// # Errors
/// The first line that is something else.
pub fn parse(text: &str) -> Result<Vec<Sample>, BadLine> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| parse_line(line).ok_or_else(|| BadLine(line.to_owned())))
        .collect()
}

fn parse_line(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}')?),
        None => (series, ""),
    };
    let mut pairs = BTreeMap::new();
    for pair in labels.split(',').filter(|pair| !pair.is_empty()) {
        let (label, quoted) = pair.split_once('=')?;
        let value = quoted.strip_prefix('"')?.strip_suffix('"')?;
        pairs.insert(label.to_owned(), value.to_owned());
    }
    Some(Sample {
        name: name.to_owned(),
        labels: pairs,
        value: value.parse().ok()?,
    })
}

/// The samples of a scrape.
struct Scrape<'samples>(&'samples [Sample]);

impl<'samples> Scrape<'samples> {
    fn family(&self, name: &str) -> impl Iterator<Item = &'samples Sample> {
        self.0.iter().filter(move |sample| sample.name == name)
    }

    fn sum(&self, name: &str) -> u64 {
        self.family(name).map(|sample| count(sample.value)).sum()
    }

    /// The values of a family with one label, by that label.
    fn by(&self, name: &str, label: &str) -> BTreeMap<String, u64> {
        self.family(name)
            .filter_map(|sample| Some((sample.labels.get(label)?.clone(), count(sample.value))))
            .collect()
    }
}

/// Counts are exact up to 2^53; what is no count differs from every snapshot.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value was found to be a whole number that is not negative"
)]
fn count(value: f64) -> u64 {
    if value >= 0.0 && value.fract() == 0.0 {
        value as u64
    } else {
        u64::MAX >> 1
    }
}

/// Packets for which the sensor had no cell.
#[must_use]
pub fn cells_overflow(samples: &[Sample]) -> u64 {
    Scrape(samples).sum("teiten_cells_overflow_packets")
}

/// The metrics beside the snapshot of the same moment: of each row, the snapshot's figure is what should be.
#[must_use]
pub fn against(samples: &[Sample], snapshot: &Snapshot) -> Section {
    let scrape = Scrape(samples);
    let law = &snapshot.conservation;
    let port_sum =
        |figure: fn(&crate::daemon::PortRow) -> u64| snapshot.ports.iter().map(figure).sum::<u64>();
    let mut rows = Vec::new();
    let mut row = |name: String, sent: u64, counted: u64| rows.push((name, Both { sent, counted }));

    for (family, label, expected) in [
        ("teiten_outcome_packets_total", "outcome", &snapshot.outcomes),
        ("teiten_class_packets_total", "class", &snapshot.classes),
        (
            "teiten_interface_packets_total",
            "interface",
            &snapshot.interfaces,
        ),
    ] {
        let found = scrape.by(family, label);
        for (value, packets) in expected {
            let counted = found.get(value).copied().unwrap_or(0);
            row(format!("{family}{{{label}=\"{value}\"}}"), *packets, counted);
        }
        let all = expected.values().sum();
        row(format!("sum({family})"), all, scrape.sum(family));
    }
    let mut families = vec![
        ("teiten_source_region_packets_total", law.derived),
        (
            "teiten_source_region_mirai_packets_total",
            snapshot.source_regions.iter().map(|row| row.mirai).sum(),
        ),
        ("teiten_port_region_packets_total", law.derived),
        (
            "teiten_tool_packets_total",
            snapshot.tools.iter().map(|row| row.packets).sum(),
        ),
        ("teiten_packets_lost_detail_total", law.packets_lost_detail),
        (
            "teiten_conservation_difference_packets",
            law.difference.unsigned_abs(),
        ),
        ("teiten_attached", 1),
    ];
    let ports = scrape.family("teiten_port_packets_total").count();
    // One of the rows is that of all other ports.
    if ports <= LISTED_PORTS {
        families.extend([
            ("teiten_port_packets_total", port_sum(|row| row.packets)),
            ("teiten_port_syn_packets_total", port_sum(|row| row.syn)),
            ("teiten_port_mirai_packets_total", port_sum(|row| row.mirai)),
        ]);
    }
    for (family, expected) in families {
        row(format!("sum({family})"), expected, scrape.sum(family));
    }
    rows.extend(watched_ports(&scrape, snapshot));
    Section::new("metrics", rows)
}

/// The ports by region are those that are always listed, so their series hold all that the snapshot has.
fn watched_ports(scrape: &Scrape<'_>, snapshot: &Snapshot) -> Vec<(String, Both<u64>)> {
    let label = |sample: &Sample, name: &str| sample.labels.get(name).cloned().unwrap_or_default();
    let watched: std::collections::BTreeSet<(String, String)> = scrape
        .family("teiten_port_region_packets_total")
        .map(|sample| (label(sample, "transport"), label(sample, "port")))
        .filter(|(_, port)| port != "other")
        .collect();
    scrape
        .family("teiten_port_packets_total")
        .filter_map(|sample| {
            let (transport, port) = (label(sample, "transport"), label(sample, "port"));
            let key = (transport.clone(), port.clone());
            watched.contains(&key).then(|| {
                let row = snapshot
                    .ports
                    .iter()
                    .find(|row| row.transport == transport && row.port.to_string() == port);
                let both = Both {
                    sent: row.map_or(0, |row| row.packets),
                    counted: count(sample.value),
                };
                let name = format!("teiten_port_packets_total{{transport=\"{transport}\",port=\"{port}\"}}");
                (name, both)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_and_without_labels() {
        let text = "# HELP x Something.\n# TYPE x counter\nx 3\ny{a=\"b\",c=\"d e\"} 1.5\n\nz_bucket{le=\"+Inf\"} 7\n";
        let samples = parse(text).unwrap();
        let shown: Vec<_> = samples
            .iter()
            .map(|sample| (sample.name.as_str(), sample.labels.len(), sample.value))
            .collect();
        assert_eq!(shown, [("x", 0, 3.0), ("y", 2, 1.5), ("z_bucket", 1, 7.0)]);
        assert_eq!(samples[1].labels["c"], "d e");
        for line in ["x", "x{a=\"b\" 1", "x{a=b} 1", "x one", "x{a} 1"] {
            assert_eq!(parse(line), Err(BadLine(line.to_owned())));
        }
    }

    #[test]
    fn what_is_no_count_equals_none() {
        assert_eq!(count(12.0), 12);
        for value in [-1.0, 0.5, f64::NAN, f64::INFINITY] {
            assert_ne!(count(value), 0, "{value}");
            assert!(count(value) > 1 << 53);
        }
    }
}
