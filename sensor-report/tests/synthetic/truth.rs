//! Rates and ranks worked out of the truth by the definitions alone.

use std::collections::BTreeMap;

use sensor_synth::{PeriodTruth, SensorTruth};

const DAY: f64 = 86_400.0;

/// Domestic sensors that observed anything.
pub(crate) fn domestic(period: &PeriodTruth) -> Vec<&SensorTruth> {
    let sensors = period.sensors.values();
    sensors
        .filter(|sensor| sensor.region == "JP" && sensor.observed_seconds > 0)
        .collect()
}

/// Packets by port of one sensor.
pub(crate) fn ports(sensor: &SensorTruth) -> BTreeMap<String, u64> {
    let mut ports = BTreeMap::new();
    for (port, packets) in sensor.cells.values().flatten() {
        *ports.entry(port.to_uppercase()).or_insert(0) += packets;
    }
    ports
}

/// Packets by region of one sensor.
pub(crate) fn regions(sensor: &SensorTruth) -> BTreeMap<String, u64> {
    let sum = |ports: &BTreeMap<String, u64>| ports.values().sum();
    sensor
        .cells
        .iter()
        .map(|(region, ports)| (region.clone(), sum(ports)))
        .collect()
}

/// Packets of one region's one port on a sensor.
pub(crate) fn cell(sensor: &SensorTruth, region: &str, port: &str) -> u64 {
    let ports = sensor.cells.get(region);
    ports.and_then(|ports| ports.get(port)).copied().unwrap_or(0)
}

/// The mean over sensors of packets a day, each over the time that it observed.
#[expect(
    clippy::cast_precision_loss,
    reason = "the same arithmetic as a person would do"
)]
pub(crate) fn rate(sensors: &[&SensorTruth], packets: impl Fn(&SensorTruth) -> u64) -> f64 {
    let each = sensors
        .iter()
        .map(|sensor| packets(sensor) as f64 * DAY / sensor.observed_seconds as f64);
    each.sum::<f64>() / sensors.len() as f64
}

/// The keys of a period by their rates, the greatest first.
pub(crate) fn ranked(
    period: &PeriodTruth,
    keys: fn(&SensorTruth) -> BTreeMap<String, u64>,
) -> Vec<(String, f64)> {
    let sensors = domestic(period);
    let by_sensor: Vec<_> = sensors.iter().map(|sensor| keys(sensor)).collect();
    let mut all: Vec<String> = by_sensor.iter().flat_map(|keys| keys.keys().cloned()).collect();
    all.sort();
    all.dedup();
    let mut rates: Vec<_> = all
        .into_iter()
        .map(|key| {
            let rate = rate(&sensors, |sensor| keys(sensor).get(&key).copied().unwrap_or(0));
            (key, rate)
        })
        .collect();
    rates.sort_by(|one, other| other.1.total_cmp(&one.1));
    rates
}

/// The mean over sensors of a region's packets a day, over days `from` to `to` of the quarter; sensors that observed
/// nothing in one of `spans` are left out of all.
#[expect(
    clippy::cast_precision_loss,
    reason = "the same arithmetic as a person would do"
)]
pub(crate) fn of_days(period: &PeriodTruth, region: &str, spans: &[(usize, usize)]) -> Vec<f64> {
    let hours = |sensor: &SensorTruth, span: (usize, usize)| -> u32 {
        (span.0..span.1)
            .filter_map(|day| sensor.daily_hours.get(day))
            .sum()
    };
    let sensors: Vec<_> = domestic(period)
        .into_iter()
        .filter(|sensor| spans.iter().all(|span| hours(sensor, *span) > 0))
        .collect();
    spans
        .iter()
        .map(|span| {
            let each = sensors.iter().map(|sensor| {
                let days = sensor.daily.get(region);
                let packets: u64 = (span.0..span.1)
                    .filter_map(|day| days.and_then(|days| days.get(day)))
                    .sum();
                packets as f64 * 24.0 / f64::from(hours(sensor, *span))
            });
            each.sum::<f64>() / sensors.len() as f64
        })
        .collect()
}
