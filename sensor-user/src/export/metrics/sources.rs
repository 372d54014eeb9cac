//! The metrics of unique sources: estimates of the last hour, which overlap, so nothing here has a sum.

use prometheus::proto::MetricFamily;

use super::{labelled, plain};
use crate::{
    export::{
        families::{Row, counters, gauges, number},
        published::State,
    },
    pipeline::sources::Dimension,
};

pub(super) fn families(state: &State) -> Vec<MetricFamily> {
    let sources = &state.sources;
    let of = |dimension| number(sources.of(dimension).unwrap_or(0));
    let gauge = |name: &str, help: &str, value: f64| gauges(name, help, &[], [plain(value)]);
    vec![
        gauge(
            "teiten_sources",
            "Unique sources of packets to watched addresses in the last 50 to 60 minutes: an estimate.",
            of(Dimension::All),
        ),
        gauge(
            "teiten_mirai_sources",
            "Unique sources of packets with the Mirai mark in the last 50 to 60 minutes: an estimate.",
            of(Dimension::Mirai),
        ),
        gauge(
            "teiten_iot_port_without_mirai_sources",
            "Unique sources of SYN to ports of the Internet of Things without the mark of Mirai or of another tool, in \
             the last 50 to 60 minutes: an estimate.",
            number(sources.iot_without_mirai()),
        ),
        gauges(
            "teiten_mirai_instances",
            "Mirai processes behind the addresses of their sources, in the open hour so far and in the one before: an \
             estimate, and a lower bound.",
            &["hour"],
            [
                labelled(["before"], number(state.tools.instances_before.instances)),
                labelled(["open"], number(state.tools.instances.instances)),
            ],
        ),
        gauges(
            "teiten_port_sources",
            "Unique sources that scanned a watched port in the last 50 to 60 minutes: estimates that overlap, so never \
             add them up.",
            &["transport", "port"],
            port_rows(state),
        ),
        gauges(
            "teiten_source_region_sources",
            "Unique sources by region in the last 50 to 60 minutes, of the regions with series of their own: estimates.",
            &["source_region"],
            state
                .listed_regions
                .iter()
                .map(|(region, _)| labelled([region.code()], of(Dimension::Region(*region)))),
        ),
        gauge(
            "teiten_sources_memory_bytes",
            "What the sketches of unique sources take in memory.",
            number(sources.octets as u64),
        ),
        gauge(
            "teiten_sources_pairs_refused",
            "Pairs of watched port and region whose unique sources are not known for want of room.",
            number(sources.pairs_refused as u64),
        ),
        counters(
            "teiten_sources_late_records_total",
            "Records that came too late to be counted among the unique sources.",
            &[],
            [plain(number(sources.late_records))],
        ),
    ]
}

/// The watched ports: no others have sketches.
fn port_rows(state: &State) -> Vec<Row> {
    let watched = state.sources.watched.iter();
    watched
        .map(|port| {
            let estimate = state.sources.of(Dimension::Port(*port)).unwrap_or(0);
            let number_text = port.port.to_string();
            labelled([port.transport.name(), &number_text], number(estimate))
        })
        .collect()
}
