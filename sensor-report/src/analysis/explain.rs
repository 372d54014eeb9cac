//! Why a port's or a region's rate moved: which part of it explains how much of the change.
//!
//! A part's share is its own change in parts of the whole one; parts below a fifth are not told, nor any of a change below a twentieth. The rules:
//! a rank is explained when it moved, or the rate changed by a quarter; a month when it differs from the months
//! before it in the period by a fifth; the ten days at the end when they differ from those at the beginning by 15 %.

use super::{
    cube::{CellKey, Cube},
    keys::{PortId, RegionId},
    maps::Map,
    rank::{Compared, Entry},
    rates::{BySensor, Weights, group},
};
use crate::model::{Cause, Cell, Change, Explanation, Key, Membership, PreviousRank, Span};

const LEAST_SHARE: f64 = 0.2;
const LEAST_SHARE_OF_TOOL: f64 = 0.6;
const MOST_CAUSES: usize = 3;
/// A rate that changed by less has not changed.
const STILL: f64 = 0.05;
const LEAST_CHANGE: f64 = 0.25;
const LEAST_CHANGE_OF_MONTH: f64 = 0.2;
const LEAST_CHANGE_OF_TEN_DAYS: f64 = 0.15;
/// A change that is mostly made by sensors that came or went is said to be that.
const LEAST_SHARE_OF_SENSORS: f64 = 0.5;

/// A subject of explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Subject {
    Port(PortId),
    Region(RegionId),
}

impl Subject {
    pub(crate) fn has(self, cell: &CellKey) -> bool {
        match self {
            Self::Port(port) => cell.port == port,
            Self::Region(region) => cell.region == region,
        }
    }

    /// The other half of a cell.
    fn part(self, cell: &CellKey) -> Subject {
        match self {
            Self::Port(_) => Self::Region(cell.region),
            Self::Region(_) => Self::Port(cell.port),
        }
    }

    pub(crate) fn key(self) -> Option<Key> {
        match self {
            Self::Port(port) => port.port().map(Key::Port),
            Self::Region(region) => region.region().map(Key::SourceRegion),
        }
    }

    fn cell(self) -> Option<Cell> {
        match self {
            Self::Port(port) => port.port().map(Cell::Port),
            Self::Region(region) => region.region().map(Cell::SourceRegion),
        }
    }
}

/// One side of a comparison.
struct Side<'a> {
    cube: &'a Cube,
    /// All pieces, or these.
    pieces: Option<&'a [usize]>,
    weights: &'a Weights,
}

impl Side<'_> {
    fn group<K: std::hash::Hash + Eq>(
        &self,
        subject: Subject,
        key: impl Fn(&CellKey) -> K,
    ) -> Map<K, BySensor> {
        let select = |cell: &CellKey| {
            subject.has(cell)
                && self.weights.has(cell.sensor)
                && self
                    .pieces
                    .is_none_or(|pieces| pieces.contains(&usize::from(cell.piece)))
        };
        group(self.cube, select, key)
    }
}

/// Everything worth an explanation of one row of a table.
pub(crate) fn explain<K>(
    compared: &Compared<'_>,
    entry: &Entry<K>,
    subject: Subject,
    membership: &Membership,
) -> Vec<Explanation> {
    let mut found = Vec::new();
    found.extend(between_periods(compared, entry, subject, membership));
    let months = compared.now.frame.period.months();
    let spans = months.iter().skip(1).map(|month| Span::Month(*month));
    for span in spans.chain([Span::TenDays]) {
        found.extend(within_period(compared, entry, subject, span));
    }
    found
}

fn between_periods<K>(
    compared: &Compared<'_>,
    entry: &Entry<K>,
    subject: Subject,
    membership: &Membership,
) -> Option<Explanation> {
    if !compared.has_previous() {
        return None;
    }
    let moved = match (entry.previous_rank, entry.rank) {
        (PreviousRank::Rank(before), Some(now)) => before != now,
        _ => true,
    };
    let changed = |rate: Change<f64>| rate.relative().is_none_or(|change| change.abs() >= LEAST_CHANGE);
    if !moved && !changed(entry.comparable) && !changed(entry.rates) {
        return None;
    }
    let sides = [
        Side {
            cube: &compared.before.cube,
            pieces: None,
            weights: &compared.common.before,
        },
        Side {
            cube: &compared.now.cube,
            pieces: None,
            weights: &compared.common.after,
        },
    ];
    // Parts of hardly any change are noise: then others moved, or the sensors did.
    let is_still = entry
        .comparable
        .relative()
        .is_some_and(|change| change.abs() < STILL);
    let sensors = sensors(entry, membership);
    // What sensors that came or went turned round has no parts of its own direction.
    let is_turned = entry.rates.difference() * entry.comparable.difference() < 0.0;
    let parts = if is_still || is_turned {
        Vec::new()
    } else {
        causes(subject, &sides, entry.comparable)
    };
    // Parts are of what changed at the sensors in both periods, so that is told, where there are any, unless the others made
    // the change.
    let rate = if sensors.is_some() || membership.common == 0 {
        entry.rates
    } else {
        entry.comparable
    };
    Some(Explanation {
        subject: subject.key()?,
        span: Span::Periods,
        rank: entry.rank,
        previous_rank: entry.previous_rank,
        rate,
        causes: sensors.into_iter().chain(parts).collect(),
    })
}

/// How much of a change is due to sensors that came or went: what is left of it over the sensors in both periods is not.
fn sensors<K>(entry: &Entry<K>, membership: &Membership) -> Option<Cause> {
    let whole = entry.rates.difference();
    let share = 1.0 - entry.comparable.difference() / whole;
    let changed = !membership.added.is_empty() || !membership.removed.is_empty();
    (changed && share.is_finite() && share >= LEAST_SHARE_OF_SENSORS).then(|| Cause {
        cell: Cell::Sensors {
            added: membership.added.clone(),
            removed: membership.removed.clone(),
        },
        rate: entry.comparable,
        share,
    })
}

fn within_period<K>(
    compared: &Compared<'_>,
    entry: &Entry<K>,
    subject: Subject,
    span: Span,
) -> Option<Explanation> {
    let pieces = compared.now.frame.sides(span)?;
    let weights = compared.side_weights(&pieces);
    let [first, last] = [0, 1].map(|side: usize| Side {
        cube: &compared.now.cube,
        pieces: Some(&pieces[side]),
        weights: &weights[side],
    });
    let total = |side: &Side<'_>| {
        let packets = side.group(subject, |_| ());
        side.weights.rate(packets.get(&()).unwrap_or(&BySensor::new()))
    };
    let rate = Change {
        before: total(&first),
        after: total(&last),
    };
    let threshold = match span {
        Span::TenDays => LEAST_CHANGE_OF_TEN_DAYS,
        Span::Month(_) => LEAST_CHANGE_OF_MONTH,
        Span::Periods => LEAST_CHANGE,
    };
    if rate.difference().abs() <= f64::EPSILON
        || rate.relative().is_some_and(|change| change.abs() < threshold)
    {
        return None;
    }
    Some(Explanation {
        subject: subject.key()?,
        span,
        rank: entry.rank,
        previous_rank: entry.previous_rank,
        rate,
        causes: causes(subject, &[first, last], rate),
    })
}

/// The parts that explain most of a change, the largest first.
fn causes(subject: Subject, sides: &[Side<'_>; 2], rate: Change<f64>) -> Vec<Cause> {
    let whole = rate.difference();
    if whole.abs() <= f64::EPSILON {
        return Vec::new();
    }
    let [before, after] = sides
        .each_ref()
        .map(|side| side.group(subject, |cell| subject.part(cell)));
    let nothing = BySensor::new();
    let change = |packets: [Option<&BySensor>; 2]| {
        let [before, after] = packets.map(|packets| packets.unwrap_or(&nothing));
        Change {
            before: sides[0].weights.rate(before),
            after: sides[1].weights.rate(after),
        }
    };
    let parts = before
        .keys()
        .chain(after.keys().filter(|part| !before.contains_key(part)));
    let mut causes: Vec<_> = parts
        .filter_map(|part| {
            let rate = change([before.get(part), after.get(part)]);
            let share = rate.difference() / whole;
            (share >= LEAST_SHARE).then_some(Cause {
                cell: part.cell()?,
                rate,
                share,
            })
        })
        .collect();
    causes.sort_by(|one, other| other.share.total_cmp(&one.share));
    causes.truncate(MOST_CAUSES);
    let [before, after] = sides
        .each_ref()
        .map(|side| side.group(subject, |cell| cell.mirai));
    let mirai = change([before.get(&true), after.get(&true)]);
    let share = mirai.difference() / whole;
    if share >= LEAST_SHARE_OF_TOOL {
        causes.push(Cause {
            cell: Cell::Tool("mirai".to_owned()),
            rate: mirai,
            share,
        });
    }
    causes
}
