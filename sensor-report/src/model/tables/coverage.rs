//! Tables of what was observed of the time, and of the law of conservation.

use super::Table;
use crate::model::Coverage;

pub(super) fn coverage(coverage: &Coverage) -> [Table; 5] {
    let of = coverage.total();
    let mut total = Table::new(
        "coverage_total",
        &[
            "observed_seconds",
            "expected_seconds",
            "share",
            "outages",
            "missing_seconds",
        ],
    );
    total.push(vec![
        of.observed_seconds.to_string(),
        of.expected_seconds.to_string(),
        of.share.to_string(),
        of.outages.to_string(),
        of.missing_seconds.to_string(),
    ]);
    let mut sensors = Table::new(
        "coverage",
        &[
            "sensor",
            "sensor_region",
            "observed_seconds",
            "expected_seconds",
            "share",
        ],
    );
    for sensor in &coverage.sensors {
        sensors.push(vec![
            sensor.name.clone(),
            sensor.region.to_string(),
            sensor.observed_seconds.to_string(),
            sensor.expected_seconds.to_string(),
            sensor.share().to_string(),
        ]);
    }
    let mut outages = Table::new("outages", &["sensor", "from", "to", "seconds"]);
    for outage in &coverage.outages {
        outages.push(vec![
            outage.sensor.clone(),
            outage.from.clone(),
            outage.to.clone(),
            outage.seconds.to_string(),
        ]);
    }
    let mut membership = Table::new("membership", &["change", "sensor"]);
    let members = &coverage.membership;
    membership.push(vec!["common".to_owned(), members.common.to_string()]);
    for (change, names) in [("added", &members.added), ("removed", &members.removed)] {
        for name in names {
            membership.push(vec![change.to_owned(), name.clone()]);
        }
    }
    let mut law = Table::new("conservation", &["term", "packets"]);
    let terms = &coverage.conservation;
    let mut row = |term: String, packets: String| law.push(vec![term, packets]);
    row("seen".to_owned(), terms.seen.to_string());
    for (outcome, packets) in &terms.outcomes {
        row(format!("outcome {outcome}"), packets.to_string());
    }
    row(
        "difference of outcomes".to_owned(),
        terms.outcomes_difference.to_string(),
    );
    row("observed".to_owned(), terms.observed.to_string());
    row("cells".to_owned(), terms.cells.to_string());
    for (reason, packets) in &terms.lost {
        row(format!("lost {reason}"), packets.to_string());
    }
    row("declared lost".to_owned(), terms.declared().to_string());
    row("difference".to_owned(), terms.difference.to_string());
    [total, sensors, outages, membership, law]
}
