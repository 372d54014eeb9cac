//! Metric families as Prometheus has them, from plain rows.

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

/// One series: the values of its labels, and its value.
pub type Row = (Vec<String>, f64);

/// A family of counters.
#[must_use]
pub fn counters(
    name: &str,
    help: &str,
    labels: &[&str],
    rows: impl IntoIterator<Item = Row>,
) -> MetricFamily {
    family(name, help, MetricType::COUNTER, labels, rows)
}

/// A family of gauges.
#[must_use]
pub fn gauges(name: &str, help: &str, labels: &[&str], rows: impl IntoIterator<Item = Row>) -> MetricFamily {
    family(name, help, MetricType::GAUGE, labels, rows)
}

fn family(
    name: &str,
    help: &str,
    kind: MetricType,
    labels: &[&str],
    rows: impl IntoIterator<Item = Row>,
) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    let metrics = rows
        .into_iter()
        .map(|(values, value)| metric(kind, labels, values, value));
    family.set_metric(metrics.collect());
    family
}

fn metric(kind: MetricType, labels: &[&str], values: Vec<String>, value: f64) -> Metric {
    let pairs = labels.iter().zip(values).map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value(value);
        pair
    });
    let mut metric = Metric::default();
    metric.set_label(pairs.collect());
    if kind == MetricType::COUNTER {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}

/// A count as Prometheus has numbers: exact up to 2^53, which at 10 Mpps takes 28 years.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "the exposition format has 64-bit floating-point numbers alone"
)]
pub fn number(count: u64) -> f64 {
    count as f64
}
