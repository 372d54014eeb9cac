//! The budget: the most series that each family of metrics can ever have, whatever the Internet sends.

use sensor_common::{
    Class, Outcome,
    tool::{Certainty, Tool},
};
use sensor_evidence::{probe::MOST_LABELS, scanner::MOST_SCANNERS};
use sensor_keep::Reason;
use sensor_records::Table;

use super::{
    metrics::SECONDS,
    series::{LISTED_REGIONS, PORTS_BY_REGION, RANKED_REGIONS_OF_PORT},
};
use crate::{config::Config, pipeline::tools::ToolTotals};

/// The most series that a sensor with the defaults may have; scrape configurations set their limit above it.
pub const SENSOR_BUDGET: usize = 2_000;

/// The row `other` of a family with listed keys.
const OTHER: usize = 1;
/// Why a sample is lost.
const SAMPLES_LOST: usize = 4;
/// Why a record was lost: by the ring, the queue, or a crash.
const REASONS: usize = 3;
/// A histogram: its buckets, `+Inf`, the sum and the count.
const HISTOGRAM: usize = SECONDS.len() + 3;

/// What the operator decided, as far as numbers of series follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Ports with series of their own.
    pub listed_ports: usize,
    /// Watched interfaces.
    pub interfaces: usize,
    /// Files of the country database.
    pub region_files: usize,
}

impl Limits {
    /// The limits that follow from a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            listed_ports: config.listed_ports,
            interfaces: config.interfaces.len(),
            region_files: config.region_country.len(),
        }
    }
}

/// A family, and the most series that it can have.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// The family's name.
    pub family: &'static str,
    /// The most series.
    pub most: fn(&Limits) -> usize,
}

const fn line(family: &'static str, most: fn(&Limits) -> usize) -> Line {
    Line { family, most }
}

/// Every family that the daemon exports.
pub const BUDGET: &[Line] = &[
    line("teiten_attached", |limits| limits.interfaces),
    line("teiten_attached_again_total", |limits| limits.interfaces),
    line("teiten_build_info", |_| 1),
    line("teiten_cells", |_| 1),
    line("teiten_cells_overflow_packets", |_| 1),
    line("teiten_class_packets_total", |_| Class::ALL.len()),
    line("teiten_clock_steps_total", |_| 1),
    line("teiten_conservation_difference_packets", |_| 1),
    line("teiten_crashes_total", |_| 1),
    line("teiten_drain_lag_seconds", |_| HISTOGRAM),
    line("teiten_flush_bypassed_packets_total", |_| 1),
    line("teiten_flush_duration_seconds", |_| HISTOGRAM),
    line("teiten_interface_packets_total", |limits| limits.interfaces),
    line("teiten_interface_up", |limits| limits.interfaces),
    line("teiten_iot_port_without_mirai_sources", |_| 1),
    line("teiten_last_packet_timestamp_seconds", |_| 1),
    line("teiten_mirai_instances", |_| 2),
    line("teiten_mirai_sources", |_| 1),
    line("teiten_outcome_packets_total", |_| Outcome::COUNT),
    line("teiten_packets_lost_detail_total", |_| REASONS),
    line("teiten_pinned", |_| 1),
    line("teiten_port_mirai_packets_total", |limits| {
        limits.listed_ports + OTHER
    }),
    line("teiten_port_packets_total", |limits| limits.listed_ports + OTHER),
    line("teiten_port_region_packets_total", |_| {
        PORTS_BY_REGION * RANKED_REGIONS_OF_PORT + OTHER
    }),
    line("teiten_port_sources", |_| PORTS_BY_REGION),
    line("teiten_port_syn_packets_total", |limits| {
        limits.listed_ports + OTHER
    }),
    line("teiten_probe_samples_total", |_| MOST_LABELS),
    line("teiten_records_commits_total", |_| 1),
    line("teiten_records_disk_free_bytes", |_| 1),
    line("teiten_records_disk_used_bytes", |_| 1),
    line("teiten_records_failures_total", |_| 1),
    line("teiten_records_files_removed_total", |_| {
        Table::ALL.len() * Reason::ALL.len()
    }),
    line("teiten_records_files_written_total", |_| Table::ALL.len()),
    line("teiten_records_last_commit_timestamp_seconds", |_| 1),
    line("teiten_records_lost_total", |_| REASONS),
    line("teiten_records_total", |_| 1),
    line("teiten_region_database_build_timestamp_seconds", |_| 1),
    line("teiten_region_database_info", |limits| limits.region_files),
    line("teiten_resident_packets", |_| 1),
    line("teiten_ring_used_bytes", |_| 1),
    line("teiten_samples_chosen_total", |_| 1),
    line("teiten_samples_file_bytes", |_| 1),
    line("teiten_samples_files_removed_total", |_| 1),
    line("teiten_samples_lost_total", |_| SAMPLES_LOST),
    line("teiten_samples_stored_total", |_| 1),
    line("teiten_samples_total", |_| 1),
    line("teiten_sensor_info", |_| 1),
    line("teiten_ship_backlog_files", |_| 1),
    line("teiten_ship_failures_total", |_| 1),
    line("teiten_ship_files_total", |_| 1),
    line("teiten_sip_samples_total", |_| MOST_SCANNERS + OTHER),
    line("teiten_source_region_mirai_packets_total", |_| {
        LISTED_REGIONS + OTHER
    }),
    line("teiten_source_region_packets_total", |_| LISTED_REGIONS + OTHER),
    line("teiten_source_region_sources", |_| LISTED_REGIONS),
    line("teiten_sources", |_| 1),
    line("teiten_sources_late_records_total", |_| 1),
    line("teiten_sources_memory_bytes", |_| 1),
    line("teiten_sources_pairs_refused", |_| 1),
    line("teiten_tool_packets_total", |_| marks()),
    line("teiten_tool_table_forgotten_total", |_| 1),
    line("teiten_tool_table_sources", |_| Certainty::ALL.len()),
    line("teiten_watched_addresses", |_| 1),
    line("teiten_xdp_info", |limits| limits.interfaces),
];

/// Marks that are told apart: each tool, with each certainty that it can have.
fn marks() -> usize {
    let certainties = |tool: &Tool| ToolTotals::certainties(*tool).count();
    Tool::ALL.iter().map(certainties).sum()
}

/// The most series that a sensor can have.
#[must_use]
pub fn most_series(limits: &Limits) -> usize {
    BUDGET.iter().map(|line| (line.most)(limits)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FileConfig;

    #[test]
    fn a_sensor_with_the_defaults_stays_within_its_budget_on_sixteen_interfaces() {
        let mut file = FileConfig::default();
        file.capture.interfaces = Some((0..16).map(|number| format!("eth{number}")).collect());
        file.capture.watch = Some(vec!["198.51.100.0/24".to_owned()]);
        let mut limits = Limits::of(&Config::check(file).unwrap());
        // Debian's two files, whether this machine has them or not.
        limits.region_files = 2;
        let most = most_series(&limits);
        assert!(most < SENSOR_BUDGET, "{most}");
    }

    #[test]
    fn no_family_stands_twice() {
        for pair in BUDGET.windows(2) {
            assert!(
                pair[0].family < pair[1].family,
                "{} and {}",
                pair[0].family,
                pair[1].family
            );
        }
    }
}
