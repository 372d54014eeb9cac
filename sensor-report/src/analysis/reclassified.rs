//! Whether a new region database moved packets from one region to another.
//!
//! The week before and the week after it came into use are compared, port by port: what one region lost on a port and
//! another gained on the same port may have moved. Where that is at least three fifths of what the one lost and of what
//! the other gained, and a tenth of what the one had before, the packets are said to have moved.

use std::collections::BTreeMap;

use super::{
    explain::Subject,
    hourly::{Hourly, WINDOW_SECONDS},
    keys::{PortId, RegionId},
    maps::Map,
    moments::text,
    rates::BySensor,
    roster::Observed,
};
use crate::model::{Cause, Cell, Change};

const LEAST_SHARE: f64 = 0.6;
const LEAST_PART: f64 = 0.1;
const DAY: f64 = 86_400.0;

/// Packets that moved, as a cause for each of the two regions.
pub(crate) struct Moved {
    pub(crate) at: i64,
    pub(crate) subjects: [Subject; 2],
    pub(crate) causes: [Cause; 2],
}

type Rates = Map<RegionId, BTreeMap<PortId, Change<f64>>>;

/// What each new database moved.
pub(crate) fn moved(hourly: &Hourly, changes: &[i64], observed: &BTreeMap<u16, &Observed>) -> Vec<Moved> {
    (0_u8..)
        .zip(changes)
        .flat_map(|(number, at)| {
            let rates = rates(hourly, number, *at, observed);
            pairs(&rates)
                .into_iter()
                .filter_map(|(from, to, overlap)| one(&rates, *at, from, to, overlap))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Packets a sensor and day, the week before and the week after, over the sensors that observed in both.
#[expect(clippy::cast_precision_loss, reason = "a rate is no count")]
fn rates(hourly: &Hourly, change: u8, at: i64, observed: &BTreeMap<u16, &Observed>) -> Rates {
    let days = |observed: &Observed, from: i64| -> f64 {
        observed
            .hours
            .range(from..from + WINDOW_SECONDS)
            .map(|(_, seconds)| seconds)
            .sum::<f64>()
            / DAY
    };
    let divisors: BTreeMap<u16, Change<f64>> = observed
        .iter()
        .map(|(number, observed)| {
            let divisor = Change {
                before: days(observed, at - WINDOW_SECONDS),
                after: days(observed, at),
            };
            (*number, divisor)
        })
        .filter(|(_, days)| days.before > 0.0 && days.after > 0.0)
        .collect();
    let mut packets: Map<(RegionId, PortId), Change<BySensor>> = Map::default();
    for (key, count) in hourly.around.iter().filter(|(key, _)| key.change == change) {
        let sides = packets.entry((key.region, key.port)).or_insert_with(|| Change {
            before: BySensor::new(),
            after: BySensor::new(),
        });
        let side = if key.after {
            &mut sides.after
        } else {
            &mut sides.before
        };
        *side.entry(key.sensor).or_default() += count;
    }
    let mean = |packets: &BySensor, days: fn(&Change<f64>) -> f64| {
        let each = divisors
            .iter()
            .map(|(number, divisor)| packets.get(number).copied().unwrap_or(0) as f64 / days(divisor));
        each.sum::<f64>() / divisors.len().max(1) as f64
    };
    let mut rates = Rates::default();
    for ((region, port), packets) in packets {
        let rate = Change {
            before: mean(&packets.before, |days| days.before),
            after: mean(&packets.after, |days| days.after),
        };
        rates.entry(region).or_default().insert(port, rate);
    }
    rates
}

fn total(ports: &BTreeMap<PortId, Change<f64>>) -> Change<f64> {
    Change {
        before: ports.values().map(|rate| rate.before).sum(),
        after: ports.values().map(|rate| rate.after).sum(),
    }
}

fn lost(ports: &BTreeMap<PortId, Change<f64>>) -> f64 {
    ports.values().map(|rate| (-rate.difference()).max(0.0)).sum()
}

fn gained(ports: &BTreeMap<PortId, Change<f64>>) -> f64 {
    ports.values().map(|rate| rate.difference().max(0.0)).sum()
}

/// Regions that lost and gained the same, and how much that is.
fn pairs(rates: &Rates) -> Vec<(RegionId, RegionId, f64)> {
    let mut pairs = Vec::new();
    for (from, losing) in rates {
        let whole = total(losing);
        if whole.before - whole.after < LEAST_PART * whole.before {
            continue;
        }
        for (to, gaining) in rates.iter().filter(|(to, _)| *to != from) {
            let overlap: f64 = losing
                .iter()
                .filter_map(|(port, rate)| {
                    let gain = gaining.get(port)?.difference();
                    Some((-rate.difference()).min(gain).max(0.0))
                })
                .sum();
            if overlap >= LEAST_SHARE * lost(losing)
                && overlap >= LEAST_SHARE * gained(gaining)
                && overlap > 0.0
            {
                pairs.push((*from, *to, overlap));
            }
        }
    }
    pairs.sort_by(|one, other| other.2.total_cmp(&one.2));
    pairs
}

fn one(rates: &Rates, at: i64, from: RegionId, to: RegionId, overlap: f64) -> Option<Moved> {
    let cell = Cell::Reclassified {
        from: from.region()?,
        to: to.region()?,
        at: text(at),
    };
    let cause = |region: RegionId| {
        let rate = total(rates.get(&region)?);
        Some(Cause {
            cell: cell.clone(),
            share: overlap / rate.difference().abs(),
            rate,
        })
    };
    Some(Moved {
        at,
        subjects: [Subject::Region(from), Subject::Region(to)],
        causes: [cause(from)?, cause(to)?],
    })
}
