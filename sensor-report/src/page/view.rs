//! What the templates see beside the report itself: stories made of explanations.

use jiff::civil::Date;
use serde::Serialize;

use crate::model::{Cause, Cell, Change, Explanation, Key, PreviousRank, Report, Span};

/// A change of less is told as none.
const STILL: f64 = 0.03;

/// Everything that is told of one port or region.
#[derive(Debug, Serialize)]
pub(crate) struct Story<'report> {
    subject: &'report Key,
    told: Vec<Told<'report>>,
}

#[derive(Debug, Serialize)]
struct Told<'report> {
    /// `periods`, `month`, `ten_days`.
    span: &'static str,
    month: Option<Date>,
    /// `new`, `entered`, `left`, `gone`, `rose`, `fell`, `same`.
    movement: &'static str,
    /// `rise`, `fall`.
    direction: &'static str,
    /// Whether it hardly changed: then its parts say nothing.
    still: bool,
    rank: Option<usize>,
    previous: Option<usize>,
    rate: Change<f64>,
    /// Whether the rate is that of the sensors in both periods, and there are others.
    of_common: bool,
    causes: Vec<ToldCause<'report>>,
    /// Whether it is told of a port: its parts are regions.
    of_port: bool,
}

/// A cause, by the name of its kind.
#[derive(Debug, Serialize)]
struct ToldCause<'report> {
    kind: &'static str,
    cell: &'report Cell,
    rate: Change<f64>,
    share: f64,
}

/// The stories of ports, or those of regions, in the order of the report.
pub(crate) fn stories(report: &Report, of_ports: bool) -> Vec<Story<'_>> {
    let mut stories: Vec<Story<'_>> = Vec::new();
    let explanations = report.explanations.iter();
    for explanation in explanations.filter(|found| matches!(found.subject, Key::Port(_)) == of_ports) {
        let told = told(explanation, report);
        match stories
            .iter_mut()
            .find(|story| *story.subject == explanation.subject)
        {
            // What a new database did to a month is what it did to the period, which is told already.
            Some(_) if is_reclassified(explanation) => {}
            Some(story) => story.told.push(told),
            None => stories.push(Story {
                subject: &explanation.subject,
                told: vec![told],
            }),
        }
    }
    stories
}

fn is_reclassified(explanation: &Explanation) -> bool {
    let first = explanation.causes.first();
    first.is_some_and(|cause| matches!(cause.cell, Cell::Reclassified { .. }))
}

fn told<'report>(explanation: &'report Explanation, report: &Report) -> Told<'report> {
    let membership = &report.coverage.membership;
    let has_changed = !membership.added.is_empty() || !membership.removed.is_empty();
    let by_sensors = |cause: &Cause| matches!(cause.cell, Cell::Sensors { .. });
    let (span, month) = match explanation.span {
        Span::Periods => ("periods", None),
        Span::Month(month) => ("month", Some(month)),
        Span::TenDays => ("ten_days", None),
    };
    Told {
        span,
        month,
        movement: movement(explanation, report.options.top),
        direction: if explanation.rate.difference() < 0.0 {
            "fall"
        } else {
            "rise"
        },
        still: explanation
            .rate
            .relative()
            .is_some_and(|change| change.abs() < STILL),
        rank: explanation.rank,
        previous: match explanation.previous_rank {
            PreviousRank::Rank(rank) => Some(rank),
            PreviousRank::New | PreviousRank::NoData => None,
        },
        rate: explanation.rate,
        of_common: explanation.span == Span::Periods
            && has_changed
            && membership.common > 0
            && !explanation.causes.iter().any(by_sensors),
        causes: explanation.causes.iter().map(cause).collect(),
        of_port: matches!(explanation.subject, Key::Port(_)),
    }
}

fn movement(explanation: &Explanation, top: usize) -> &'static str {
    match (explanation.previous_rank, explanation.rank) {
        (_, None) => "gone",
        (PreviousRank::New | PreviousRank::NoData, Some(_)) => "new",
        (PreviousRank::Rank(before), Some(now)) if before > top && now <= top => "entered",
        (PreviousRank::Rank(before), Some(now)) if before <= top && now > top => "left",
        (PreviousRank::Rank(before), Some(now)) if now < before => "rose",
        (PreviousRank::Rank(before), Some(now)) if now > before => "fell",
        _ => "same",
    }
}

fn cause(cause: &Cause) -> ToldCause<'_> {
    ToldCause {
        kind: match cause.cell {
            Cell::Port(_) => "port",
            Cell::SourceRegion(_) => "source_region",
            Cell::Tool(_) => "tool",
            Cell::Network(_) => "network",
            Cell::FewSources { .. } => "few_sources",
            Cell::Sensors { .. } => "sensors",
            Cell::Reclassified { .. } => "reclassified",
        },
        cell: &cause.cell,
        rate: cause.rate,
        share: cause.share,
    }
}
