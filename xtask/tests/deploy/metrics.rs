//! The metrics that a sensor exports: the one list of names that rules and dashboards may use.

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only rises, or starts again from 0.
    Counter,
    /// Goes up and down.
    Gauge,
    /// An estimate of unique sources: a gauge that must never be added up.
    UniqueSources,
    /// Three series with the suffixes `_bucket`, `_sum`, `_count`.
    Histogram,
}

/// A metric with its labels.
pub(crate) struct Metric {
    /// The name, prefix and all.
    pub(crate) name: &'static str,
    /// How it behaves.
    pub(crate) kind: Kind,
    /// Its own labels, without `job` and `instance`.
    pub(crate) labels: &'static [&'static str],
}

const fn counter(name: &'static str, labels: &'static [&'static str]) -> Metric {
    let kind = Kind::Counter;
    Metric { name, kind, labels }
}

const fn gauge(name: &'static str, labels: &'static [&'static str]) -> Metric {
    let kind = Kind::Gauge;
    Metric { name, kind, labels }
}

const fn unique(name: &'static str, labels: &'static [&'static str]) -> Metric {
    let kind = Kind::UniqueSources;
    Metric { name, kind, labels }
}

const fn histogram(name: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Histogram,
        labels: &["le"],
    }
}

/// What `docs/metrics.md` lists: the metrics that a sensor exports, and the planned ones.
pub(crate) const METRICS: &[Metric] = &[
    counter("teiten_outcome_packets_total", &["outcome"]),
    counter("teiten_class_packets_total", &["class"]),
    counter("teiten_interface_packets_total", &["interface"]),
    counter("teiten_port_packets_total", &["transport", "port"]),
    counter("teiten_port_syn_packets_total", &["transport", "port"]),
    counter("teiten_port_mirai_packets_total", &["transport", "port"]),
    counter("teiten_source_region_packets_total", &["source_region"]),
    counter("teiten_source_region_mirai_packets_total", &["source_region"]),
    counter(
        "teiten_port_region_packets_total",
        &["transport", "port", "source_region"],
    ),
    counter("teiten_tool_packets_total", &["tool", "certainty"]),
    counter("teiten_tool_table_forgotten_total", &[]),
    gauge("teiten_tool_table_sources", &["certainty"]),
    unique("teiten_sources", &[]),
    unique("teiten_port_sources", &["transport", "port"]),
    unique("teiten_source_region_sources", &["source_region"]),
    unique("teiten_mirai_sources", &[]),
    unique("teiten_iot_port_without_mirai_sources", &[]),
    gauge("teiten_mirai_instances", &["hour"]),
    gauge("teiten_sources_memory_bytes", &[]),
    gauge("teiten_sources_pairs_refused", &[]),
    counter("teiten_sources_late_records_total", &[]),
    counter("teiten_samples_chosen_total", &[]),
    counter("teiten_samples_total", &[]),
    counter("teiten_samples_lost_total", &["reason"]),
    counter("teiten_samples_stored_total", &[]),
    counter("teiten_samples_files_removed_total", &[]),
    gauge("teiten_samples_file_bytes", &[]),
    counter("teiten_sip_samples_total", &["tool"]),
    counter("teiten_probe_samples_total", &["probe"]),
    counter("teiten_records_total", &[]),
    counter("teiten_records_lost_total", &["reason"]),
    counter("teiten_packets_lost_detail_total", &["reason"]),
    gauge("teiten_conservation_difference_packets", &[]),
    gauge("teiten_attached", &["interface"]),
    gauge("teiten_watched_addresses", &[]),
    gauge("teiten_last_packet_timestamp_seconds", &[]),
    gauge("teiten_ring_used_bytes", &[]),
    gauge("teiten_records_disk_free_bytes", &[]),
    gauge("teiten_ship_backlog_files", &[]),
    counter("teiten_attached_again_total", &["interface"]),
    gauge("teiten_interface_up", &["interface"]),
    gauge("teiten_pinned", &[]),
    counter("teiten_crashes_total", &[]),
    gauge("teiten_region_database_build_timestamp_seconds", &[]),
    counter("teiten_clock_steps_total", &[]),
    histogram("teiten_flush_duration_seconds"),
    histogram("teiten_drain_lag_seconds"),
    gauge("teiten_build_info", &["version", "program"]),
    gauge("teiten_xdp_info", &["interface", "mode"]),
    gauge("teiten_sensor_info", &["sensor"]),
    gauge("teiten_region_database_info", &["file", "sha256"]),
    gauge("teiten_resident_packets", &[]),
    gauge("teiten_cells", &[]),
    gauge("teiten_cells_overflow_packets", &[]),
    counter("teiten_flush_bypassed_packets_total", &[]),
    gauge("teiten_records_disk_used_bytes", &[]),
    gauge("teiten_records_last_commit_timestamp_seconds", &[]),
    counter("teiten_records_commits_total", &[]),
    counter("teiten_records_failures_total", &[]),
    counter("teiten_records_files_written_total", &["table"]),
    counter("teiten_records_files_removed_total", &["table", "reason"]),
    counter("teiten_ship_files_total", &[]),
    counter("teiten_ship_failures_total", &[]),
];

/// Those of [`METRICS`] that no sensor exports yet: rules and dashboards may name them, and find nothing today.
pub(crate) const PLANNED: &[&str] = &[];

/// What Prometheus itself adds to every target and every rule.
pub(crate) const OF_PROMETHEUS: &[Metric] = &[
    gauge("up", &[]),
    gauge("scrape_samples_scraped", &[]),
    gauge("ALERTS", &["alertname", "alertstate", "severity", "scope"]),
];

/// The metric that a series of this name belongs to.
pub(crate) fn of_series(series: &str) -> Option<&'static Metric> {
    METRICS
        .iter()
        .chain(OF_PROMETHEUS)
        .find(|metric| match metric.kind {
            Kind::Histogram => ["_bucket", "_sum", "_count"]
                .iter()
                .any(|suffix| series.strip_suffix(suffix) == Some(metric.name)),
            _ => metric.name == series,
        })
}
