//! What is looked at closely, hour by hour: sensors, moments, ports and regions.

use super::{
    Request,
    covered::Covered,
    explain::Subject,
    hourly::Interest,
    keys::{PortId, RegionId},
    maps::Set,
    rank::{Compared, Known},
};
use crate::model::PreviousRank;

/// Sensors that observed nearly as much as the one that observed most.
pub(super) fn steady(now: &Known, chosen: &Set<u16>) -> Set<u16> {
    const NEARLY: f64 = 0.9;
    let of_chosen = now.observed.iter().filter(|(number, _)| chosen.contains(number));
    let most = of_chosen
        .clone()
        .map(|(_, observed)| observed.seconds())
        .fold(0.0, f64::max);
    of_chosen
        .filter(|(_, observed)| observed.seconds() >= NEARLY * most)
        .map(|(number, _)| *number)
        .collect()
}

/// When region databases came into use after the first.
pub(super) fn changes(covered: &Covered) -> Vec<i64> {
    const MOST: usize = 16;
    covered
        .databases
        .iter()
        .skip(1)
        .filter_map(|database| database.from.parse::<jiff::Timestamp>().ok())
        .map(jiff::Timestamp::as_second)
        .take(MOST)
        .collect()
}

/// What is looked at closely: what ranks high in either period or in any piece of this one, and what was high on a day.
pub(super) fn interest(
    request: &Request,
    compared: &Compared<'_>,
    steady: Set<u16>,
    changes: Vec<i64>,
) -> Interest {
    let first = request.top.max(10);
    let is_near = |rank: usize| rank <= first;
    let mut ports: Set<PortId> = compared.now.cube.candidates.iter().copied().collect();
    let mut regions = Set::default();
    for entry in compared.table(
        |_| true,
        |cell| Some(cell.port).filter(|port| *port != PortId::REST),
    ) {
        if entry.rank.is_some_and(is_near) || is_ranked_before(entry.previous_rank, first) {
            ports.insert(entry.key);
        }
    }
    for entry in compared.table(
        |_| true,
        |cell| Some(cell.region).filter(|region| *region != RegionId::REST),
    ) {
        // There are some 250 regions at most.
        if entry.rank.is_some() || is_ranked_before(entry.previous_rank, first) {
            regions.insert(entry.key);
        }
    }
    let watched: Set<PortId> = request.watched.iter().map(PortId::of).collect();
    ports.extend(&watched);
    Interest {
        ports,
        regions,
        watched,
        domestic: RegionId::of(&request.domestic),
        steady,
        changes,
    }
}

/// The ports and regions whose changes are explained: those that rank among the first in either period.
pub(super) fn subjects(request: &Request, compared: &Compared<'_>) -> Set<Subject> {
    let first = request.top;
    let is_first = |rank: Option<usize>, before: PreviousRank| {
        rank.is_some_and(|rank| rank <= first) || is_ranked_before(before, first)
    };
    let ports = compared.table(|_| true, |cell| Some(cell.port));
    let ports = ports
        .iter()
        .filter(|entry| is_first(entry.rank, entry.previous_rank))
        .map(|entry| Subject::Port(entry.key));
    let regions = compared.table(|_| true, |cell| Some(cell.region));
    let regions = regions
        .iter()
        .filter(|entry| is_first(entry.rank, entry.previous_rank))
        .map(|entry| Subject::Region(entry.key));
    ports.chain(regions).collect()
}

fn is_ranked_before(rank: PreviousRank, first: usize) -> bool {
    matches!(rank, PreviousRank::Rank(rank) if rank <= first)
}
