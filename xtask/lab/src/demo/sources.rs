//! Unique sources as they were sent, beside what the sensor estimated.

use std::fmt;

use serde_json::{Value, json};

use crate::{
    daemon::{Instances, Snapshot, UniqueSources},
    scenario::Truth,
};

/// One relative standard error of an estimate: 1.04 / √(2^14) (Flajolet and others, 2007).
const STANDARD_ERROR: f64 = 1.04 / 128.0;
/// How many of them an estimate may be off: by chance, once in 16,000 estimates.
const MOST_ERRORS: f64 = 4.0;
/// The scanners send from one address, which is none of the scenario's.
const SCANNERS: u64 = 1;

/// One number of sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of what.
    pub name: String,
    /// As they were sent, to the last one.
    pub sent: u64,
    /// As the sensor has it.
    pub estimated: u64,
}

impl Row {
    /// How far the estimate is off, in standard errors.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a demo has few sources")]
    pub fn errors(&self) -> f64 {
        // A whole number is off by half a source at most, and a sparse sketch by one where two sources look the same.
        let off = (self.sent.abs_diff(self.estimated) as f64 - 1.5).max(0.0);
        off / (STANDARD_ERROR * self.sent.max(1) as f64)
    }

    /// Whether that is within what the sketches promise.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.errors() <= MOST_ERRORS
    }
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The rows.
    pub rows: Vec<Row>,
    /// What was estimated of ports of the Internet of Things, where no truth stands beside it.
    pub unique: UniqueSources,
    /// What was estimated of Mirai processes, of the hour that had more of them.
    pub instances: Instances,
    /// Mirai sources that were sent: each is one process that keeps its port and window.
    pub processes: u64,
}

impl Sources {
    /// Puts the two side by side.
    #[must_use]
    pub fn new(truth: &Truth, snapshot: &Snapshot) -> Self {
        let row = |name: &str, sent: usize, estimated: u64| Row {
            name: name.to_owned(),
            sent: sent as u64,
            estimated,
        };
        let unique = snapshot.unique_sources;
        let mut all = row("all", truth.sources(), unique.all);
        all.sent += SCANNERS;
        let regions = truth.regions.iter().map(|region| {
            let mut rows = snapshot.source_regions.iter();
            let found = rows.find(|row| row.source_region == region.region);
            row(
                &region.region,
                region.sources(),
                found.and_then(|row| row.sources).unwrap_or(0),
            )
        });
        let rows = [all, row("Mirai", truth.mirai_sources(), unique.mirai)];
        let hours = snapshot.mirai_instances;
        let instances = if hours.hour.instances < hours.hour_before.instances {
            hours.hour_before
        } else {
            hours.hour
        };
        Self {
            rows: rows.into_iter().chain(regions).collect(),
            unique,
            instances,
            processes: truth.mirai_sources() as u64,
        }
    }

    /// Whether every estimate is within what the sketches promise, and no process is counted that was not there.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.rows.iter().all(Row::is_right) && self.instances.instances <= self.processes
    }

    /// As programs read it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "of": row.name, "sent": row.sent, "estimated": row.estimated, "standard_errors": row.errors(),
            })
        });
        json!({
            "right": self.is_right(),
            "standard_error": STANDARD_ERROR,
            "rows": rows.collect::<Vec<_>>(),
            "iot_port_syn": self.unique.iot_port_syn,
            "iot_port_without_mirai": self.unique.iot_port_without_mirai,
            "iot_port_without_mirai_error": self.unique.iot_port_without_mirai_error,
            "mirai_processes": self.processes,
            "mirai_instances": self.instances.instances,
        })
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let verdict = if row.is_right() { "" } else { "  TOO FAR" };
            writeln!(
                f,
                "unique sources   {}: {} sent, {} estimated, {:.1} standard errors off{verdict}",
                row.name,
                row.sent,
                row.estimated,
                row.errors()
            )?;
        }
        writeln!(
            f,
            "unique sources   SYN to an IoT port and no tool's mark: {} of {} estimated, one standard error is {}",
            self.unique.iot_port_without_mirai,
            self.unique.iot_port_syn,
            self.unique.iot_port_without_mirai_error
        )?;
        writeln!(
            f,
            "Mirai processes  {} sent, at least {} estimated: those whose port and window came again",
            self.processes, self.instances.instances
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_may_be_off_by_four_standard_errors_and_no_more() {
        let cases = [
            (100, 100, true),
            (100, 101, true),
            (100, 106, false),
            (10_000, 10_324, true),
            (10_000, 9_676, true),
            (10_000, 10_330, false),
            (10_000, 0, false),
            (0, 0, true),
            (0, 9, false),
        ];
        for (sent, estimated, right) in cases {
            let row = Row {
                name: String::new(),
                sent,
                estimated,
            };
            assert_eq!(row.is_right(), right, "{sent} {estimated}");
            let sources = Sources {
                rows: vec![row],
                ..Sources::default()
            };
            assert_eq!(sources.is_right(), right);
        }
    }
}
