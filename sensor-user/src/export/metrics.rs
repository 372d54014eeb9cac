//! The metrics: from the published state to the text that Prometheus reads.

mod sources;

use std::sync::Arc;

use prometheus::{Encoder as _, Histogram, HistogramOpts, Registry, TextEncoder, proto::MetricFamily};
use sensor_common::{Class, Outcome, tool::Tool};

use crate::{
    pipeline::{PortTransport, tools::ToolTotals},
    samples::Books,
};

mod records;
mod samples;
mod ship;

use super::{
    families::{Row, counters, gauges, number},
    published::{Published, State},
};

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
    let mut families = total_families(state);
    families.extend(port_families(state));
    families.extend(region_families(state));
    families.extend(sources::families(state));
    families.extend(detail_families(state));
    families.extend(health_families(state));
    families.extend(state.records.iter().flat_map(|status| records::families(status)));
    families.extend(state.ship.iter().flat_map(|status| ship::families(status)));
    families
}

fn total_families(state: &State) -> Vec<MetricFamily> {
    let totals = &state.totals;
    vec![
        counters(
            "teiten_outcome_packets_total",
            "Packets that the XDP program saw, each under the one outcome that it had.",
            &["outcome"],
            Outcome::ALL
                .into_iter()
                .map(|outcome| labelled([outcome.name()], number(totals.outcome(outcome)))),
        ),
        counters(
            "teiten_class_packets_total",
            "Packets to watched addresses by class.",
            &["class"],
            Class::ALL
                .into_iter()
                .zip(totals.classes)
                .map(|(class, packets)| labelled([class.name()], number(packets))),
        ),
        counters(
            "teiten_interface_packets_total",
            "Packets that the XDP program saw, by interface.",
            &["interface"],
            totals
                .interfaces
                .iter()
                .map(|(interface, packets)| labelled([interface], number(*packets))),
        ),
    ]
}

fn port_families(state: &State) -> Vec<MetricFamily> {
    let rows = |column: usize, tcp_only: bool| {
        let listed = state
            .listed_ports
            .iter()
            .filter(move |(port, _)| !tcp_only || port.transport == PortTransport::Tcp)
            .map(move |(port, values)| {
                let number_text = port.port.to_string();
                labelled([port.transport.name(), &number_text], number(values[column]))
            });
        listed.chain([labelled(["other", "other"], number(state.other_ports[column]))])
    };
    vec![
        counters(
            "teiten_port_packets_total",
            "Packets to watched addresses by destination port; 0/icmp is echo requests.",
            &["transport", "port"],
            rows(0, false),
        ),
        counters(
            "teiten_port_syn_packets_total",
            "TCP SYN of class scan to watched addresses by destination port.",
            &["transport", "port"],
            rows(1, true),
        ),
        counters(
            "teiten_port_mirai_packets_total",
            "Packets with the Mirai mark (TCP sequence number equal to the destination) by destination port.",
            &["transport", "port"],
            rows(2, true),
        ),
    ]
}

fn region_families(state: &State) -> Vec<MetricFamily> {
    let rows = |column: usize| {
        let listed = state.listed_regions.iter();
        listed
            .map(move |(region, values)| labelled([region.code()], number(values[column])))
            .chain([labelled(["other"], number(state.other_regions[column]))])
    };
    let pairs = state.listed_pairs.iter().map(|((port, region), [packets])| {
        let number_text = port.port.to_string();
        labelled(
            [port.transport.name(), &number_text, region.code()],
            number(*packets),
        )
    });
    let [other_pairs] = state.other_pairs;
    let tools = Tool::ALL.iter().flat_map(|tool| {
        ToolTotals::certainties(*tool).map(|certainty| {
            let packets = state.tools.of(*tool, certainty);
            labelled([tool.name(), certainty.name()], number(packets))
        })
    });
    let info = state.regions.regions.iter().map(|file| {
        let digest: String = file.sha256.to_string().chars().take(16).collect();
        let name = file
            .path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        labelled([name.as_str(), digest.as_str()], 1.0)
    });
    vec![
        counters(
            "teiten_source_region_packets_total",
            "Packets to watched addresses by the region of their source; ZZ is unknown, XB never routable.",
            &["source_region"],
            rows(0),
        ),
        counters(
            "teiten_source_region_mirai_packets_total",
            "Packets with the Mirai mark by the region of their source.",
            &["source_region"],
            rows(1),
        ),
        counters(
            "teiten_port_region_packets_total",
            "Scans of watched ports by the region of their source; `other` is all other packets to watched addresses.",
            &["transport", "port", "source_region"],
            pairs.chain([labelled(["other", "other", "other"], number(other_pairs))]),
        ),
        counters(
            "teiten_tool_packets_total",
            "Packets with the mark of a tool: likely by what they show, sure by what their source has shown.",
            &["tool", "certainty"],
            tools,
        ),
        gauges(
            "teiten_tool_table_sources",
            "Pairs of source and tool that are remembered, by what the source has shown.",
            &["certainty"],
            [
                labelled(["likely"], number(state.tools.sources.likely)),
                labelled(["sure"], number(state.tools.sources.sure)),
            ],
        ),
        counters(
            "teiten_tool_table_forgotten_total",
            "Pairs of source and tool that were forgotten for want of room.",
            &[],
            [plain(number(state.tools.sources.crowded_out))],
        ),
        gauges(
            "teiten_region_database_build_timestamp_seconds",
            "When the region database was built; 0 without one.",
            &[],
            [plain(number(state.regions.built_seconds().unwrap_or(0)))],
        ),
        gauges(
            "teiten_region_database_info",
            "The files of the region database, and the beginning of their SHA-256.",
            &["file", "sha256"],
            info,
        ),
        gauges(
            "teiten_cells",
            "Cells of the open hour.",
            &[],
            [plain(number(state.cells.0 as u64))],
        ),
        gauges(
            "teiten_cells_overflow_packets",
            "Packets of the open hour that found no cell of their own.",
            &[],
            [plain(number(state.cells.1))],
        ),
    ]
}

fn detail_families(state: &State) -> Vec<MetricFamily> {
    let law = &state.snapshot.conservation;
    let books = &state.books;
    vec![
        counters(
            "teiten_records_total",
            "Flow records read from the ring.",
            &[],
            [plain(number(law.records))],
        ),
        counters(
            "teiten_records_lost_total",
            "Flow records lost: the ring was full, or the queue behind it, or a daemon died that had read them.",
            &["reason"],
            [
                labelled(["ring"], number(state.totals.losses.lost_records)),
                labelled(["queue"], number(books.lost_queue.records)),
                labelled(["crash"], number(books.lost_crash.records)),
            ],
        ),
        counters(
            "teiten_packets_lost_detail_total",
            "Packets whose detail was lost; they are in all totals of outcomes, classes and ports.",
            &["reason"],
            [
                labelled(["ring"], number(law.lost_ring)),
                labelled(["queue"], number(books.lost_queue.packets)),
                labelled(["crash"], number(books.lost_crash.packets)),
            ],
        ),
        counters(
            "teiten_flush_bypassed_packets_total",
            "Packets that came while their CPU was flushed, and left as records of their own.",
            &[],
            [plain(number(state.totals.losses.bypassed_packets))],
        ),
    ]
}

#[expect(
    clippy::cast_precision_loss,
    reason = "differences and residences are far below 2^53"
)]
fn health_families(state: &State) -> Vec<MetricFamily> {
    let law = &state.snapshot.conservation;
    let attachments = state.attachments.iter();
    let attached = attachments
        .clone()
        .map(|attachment| labelled([&attachment.interface], f64::from(u8::from(attachment.present))));
    let modes = attachments
        .clone()
        .filter(|attachment| attachment.present)
        .map(|attachment| labelled([&attachment.interface, attachment.mode.name()], 1.0));
    vec![
        gauges(
            "teiten_conservation_difference_packets",
            "The worst difference in the law of conservation that any CPU showed: 0, or a bug.",
            &[],
            [plain(law.difference as f64)],
        ),
        gauges(
            "teiten_resident_packets",
            "Packets in the kernel's flow caches and batches at the last flush.",
            &[],
            [plain(law.resident as f64)],
        ),
        gauges(
            "teiten_attached",
            "1 where the XDP program is attached, 0 where it is not any more.",
            &["interface"],
            attached,
        ),
        counters(
            "teiten_attached_again_total",
            "Times that the XDP program was gone from the interface and attached again by this daemon.",
            &["interface"],
            attachments
                .clone()
                .map(|attachment| labelled([&attachment.interface], number(attachment.times_attached))),
        ),
        gauges(
            "teiten_interface_up",
            "1 where the interface is set up, 0 where it is down or gone.",
            &["interface"],
            attachments
                .clone()
                .map(|attachment| labelled([&attachment.interface], f64::from(u8::from(attachment.up)))),
        ),
        gauges(
            "teiten_pinned",
            "1 where maps and attachments outlive the daemon, 0 where every stop is a gap.",
            &[],
            [plain(f64::from(u8::from(state.pinned)))],
        ),
        counters(
            "teiten_crashes_total",
            "Daemons that ended without stopping, since the maps were made.",
            &[],
            [plain(number(state.books.crashes))],
        ),
        counters(
            "teiten_clock_steps_total",
            "Steps of the wall clock, since the maps were made.",
            &[],
            [plain(number(state.books.clock_steps))],
        ),
        gauges(
            "teiten_xdp_info",
            "The mode in which the XDP program is attached.",
            &["interface", "mode"],
            modes,
        ),
        gauges(
            "teiten_ring_used_bytes",
            "Bytes in the ring of records after it was drained.",
            &[],
            [plain(number(state.ring_used_bytes))],
        ),
        gauges(
            "teiten_last_packet_timestamp_seconds",
            "When packets were last seen to have come; 0 for never.",
            &[],
            [plain(state.last_packet_seconds)],
        ),
    ]
}

#[cfg(test)]
mod tests;
