//! What the keeper of records says of itself, as metrics.

use prometheus::proto::MetricFamily;
use sensor_keep::{Reason, Status};
use sensor_records::Table;

use super::{labelled, plain};
use crate::export::families::{counters, gauges, number};

/// The families of a sensor that keeps records.
#[expect(
    clippy::cast_precision_loss,
    reason = "times of day are far below 2^53 seconds"
)]
pub(super) fn families(status: &Status) -> Vec<MetricFamily> {
    let written = Table::ALL.map(|table| labelled([table.name()], number(status.written(table))));
    let removed = Table::ALL.into_iter().flat_map(|table| {
        Reason::ALL.map(|reason| {
            let labels = [table.name(), reason.name()];
            labelled(labels, number(status.removed(table, reason)))
        })
    });
    vec![
        gauges(
            "teiten_records_disk_free_bytes",
            "Bytes that the disk of the records has free.",
            &[],
            [plain(number(status.free_bytes()))],
        ),
        gauges(
            "teiten_records_disk_used_bytes",
            "Bytes of all files of records, those of the open hour too.",
            &[],
            [plain(number(status.used_bytes()))],
        ),
        gauges(
            "teiten_records_last_commit_timestamp_seconds",
            "When the open hour was last written to disk; 0 for never.",
            &[],
            [plain(status.last_commit() as f64)],
        ),
        counters(
            "teiten_records_commits_total",
            "Times that the open hour was written to disk.",
            &[],
            [plain(number(status.commits()))],
        ),
        counters(
            "teiten_records_failures_total",
            "Times that records could not be written, closed or removed; it is tried again.",
            &[],
            [plain(number(status.failures()))],
        ),
        counters(
            "teiten_records_files_written_total",
            "Files of records that were written.",
            &["table"],
            written,
        ),
        counters(
            "teiten_records_files_removed_total",
            "Files of records that were removed: too old, or more than the disk has room for.",
            &["table", "reason"],
            removed,
        ),
    ]
}
