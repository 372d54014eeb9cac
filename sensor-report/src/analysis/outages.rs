//! What sensors in service did not observe.

use super::{
    covered::Covered,
    frame::Frame,
    moments::text_in,
    roster::{Observed, Sensor},
};
use crate::{
    model::{Outage, Region, SensorCoverage},
    period::Zone,
};

const HOUR: i64 = 3_600;

/// When the last of the sensors was seen to observe within the period: what comes after is not yet, and no outage.
pub(crate) fn known_until(frame: &Frame, covered: &Covered) -> i64 {
    let last = |observed: &Observed| {
        observed
            .hours
            .keys()
            .next_back()
            .map_or(i64::MIN, |hour| hour + HOUR)
    };
    let known = covered.sensors.values().map(last).max();
    known
        .unwrap_or(i64::MIN)
        .clamp(frame.seconds().0, frame.seconds().1)
}

/// What a sensor observed of the time in which it was in service, and what it missed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "seconds of a period"
)]
pub(crate) fn outages(
    sensor: &Sensor,
    observed: &Observed,
    frame: &Frame,
    until: i64,
    zone: &Zone,
) -> (SensorCoverage, Vec<Outage>) {
    let from = sensor.in_service_from.max(frame.seconds().0);
    let mut outages: Vec<(i64, i64, u64)> = Vec::new();
    let mut hour = from - from.rem_euclid(HOUR);
    while hour < until {
        let expected = (hour + HOUR).min(until) - hour.max(from);
        let seconds = observed.hours.get(&hour).copied().unwrap_or(0.0);
        // Less than a second is the clock's grain, not a gap.
        let missing = (expected as f64 - seconds).floor().max(0.0) as u64;
        if missing > 0 {
            match outages.last_mut() {
                Some((_, to, seconds)) if *to == hour => {
                    *to = hour + HOUR;
                    *seconds += missing;
                }
                _ => outages.push((hour, hour + HOUR, missing)),
            }
        }
        hour += HOUR;
    }
    let outages = outages.into_iter().map(|(from, to, seconds)| Outage {
        sensor: sensor.name.clone(),
        from: text_in(zone, from),
        to: text_in(zone, to),
        seconds,
    });
    let coverage = SensorCoverage {
        name: sensor.name.clone(),
        region: sensor.region.clone().unwrap_or_else(|| Region("ZZ".to_owned())),
        observed_seconds: observed.seconds() as u64,
        expected_seconds: (until - from).max(0) as u64,
    };
    (coverage, outages.collect())
}
