//! The metrics: from the published state to the text that Prometheus reads.

mod derived;
mod health;
mod records;
mod samples;
mod ship;
mod sources;
mod totals;

use std::sync::Arc;

use prometheus::{Encoder as _, Histogram, HistogramOpts, Registry, TextEncoder, proto::MetricFamily};

use super::{
    families::{Row, gauges, number},
    published::{Published, State},
};
use crate::samples::Books;

/// What the whole process says of itself.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The sensor's id.
    pub sensor: String,
    /// The daemon's version.
    pub version: &'static str,
    /// The program's digest.
    pub program: String,
    /// How many addresses are watched, IPv4.
    pub watched_addresses: u64,
}

/// Every metric of the daemon.
pub struct Metrics {
    registry: Registry,
    published: Arc<Published>,
    identity: Identity,
    /// What becomes of samples, where any are taken.
    pub samples: Option<Arc<Books>>,
    /// How long a flush of all CPUs takes, in seconds.
    pub flush_duration: Histogram,
    /// How old a marker is when it is read, in seconds.
    pub drain_lag: Histogram,
}

/// From ten microseconds to ten seconds.
pub(super) const SECONDS: [f64; 13] = [
    1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0,
];

impl Metrics {
    /// The metrics of a daemon.
    ///
    /// # Errors
    /// Two metrics have one name.
    pub fn new(published: Arc<Published>, identity: Identity) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let histogram = |name: &str, help: &str| {
            let options = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
            let histogram = Histogram::with_opts(options)?;
            registry.register(Box::new(histogram.clone()))?;
            prometheus::Result::Ok(histogram)
        };
        Ok(Self {
            flush_duration: histogram(
                "teiten_flush_duration_seconds",
                "Time that one flush of the flow caches of all CPUs takes.",
            )?,
            drain_lag: histogram(
                "teiten_drain_lag_seconds",
                "Age of a CPU's marker when it is read from the ring.",
            )?,
            registry,
            published,
            identity,
            samples: None,
        })
    }

    /// The text of a scrape.
    ///
    /// # Errors
    /// The encoder refuses a family, which would be a bug.
    pub fn encode(&self) -> prometheus::Result<String> {
        let mut families = self.identity_families();
        if let Some(state) = self.published.get() {
            families.extend(state_families(&state));
            self.published.scraped();
        }
        families.extend(
            self.samples
                .iter()
                .flat_map(|books| samples::families(&books.get())),
        );
        families.extend(self.registry.gather());
        // The encoder refuses them, and with them the whole scrape: no attachment any more, no region database.
        families.retain(|family| !family.get_metric().is_empty());
        families.sort_by(|a, b| a.name().cmp(b.name()));
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }

    fn identity_families(&self) -> Vec<MetricFamily> {
        let identity = &self.identity;
        let info = |values: &[&str]| vec![(values.iter().map(|value| (*value).to_owned()).collect(), 1.0)];
        vec![
            gauges(
                "teiten_build_info",
                "The daemon's version, and the digest of the XDP program that it carries.",
                &["version", "program"],
                info(&[identity.version, &identity.program]),
            ),
            gauges(
                "teiten_sensor_info",
                "The sensor's id.",
                &["sensor"],
                info(&[&identity.sensor]),
            ),
            gauges(
                "teiten_watched_addresses",
                "Watched IPv4 addresses.",
                &[],
                [plain(number(identity.watched_addresses))],
            ),
        ]
    }
}

fn plain(value: f64) -> Row {
    (Vec::new(), value)
}

fn labelled<const N: usize>(labels: [&str; N], value: f64) -> Row {
    (labels.map(str::to_owned).to_vec(), value)
}

fn state_families(state: &State) -> Vec<MetricFamily> {
    let mut families = totals::families(state);
    families.extend(derived::families(state));
    families.extend(sources::families(state));
    families.extend(health::families(state));
    families.extend(state.records.iter().flat_map(|status| records::families(status)));
    families.extend(state.ship.iter().flat_map(|status| ship::families(status)));
    families
}

#[cfg(test)]
mod tests;
