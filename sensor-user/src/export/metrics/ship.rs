//! The families of a sensor that ships its records.

use prometheus::proto::MetricFamily;
use sensor_ship::Status;

use super::plain;
use crate::export::families::{counters, gauges, number};

/// How shipping goes.
pub(super) fn families(status: &Status) -> Vec<MetricFamily> {
    vec![
        gauges(
            "teiten_ship_backlog_files",
            "Closed files of records that are not at their destination yet.",
            &[],
            [plain(number(status.backlog()))],
        ),
        counters(
            "teiten_ship_files_total",
            "Files of records that were shipped and verified.",
            &[],
            [plain(number(status.shipped()))],
        ),
        counters(
            "teiten_ship_failures_total",
            "Times that shipping was given up for a while.",
            &[],
            [plain(number(status.failures()))],
        ),
    ]
}
