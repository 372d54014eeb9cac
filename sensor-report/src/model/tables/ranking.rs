//! Tables of ranks, and those of watched services, which are made of them.

use std::fmt::Display;

use super::{Table, change, estimates, or_empty, previous, series};
use crate::model::{Ranked, Ranking, WatchedService};

pub(super) const RANKED: [&str; 14] = [
    "key",
    "rank",
    "previous_rank",
    "rate",
    "comparable_rate_before",
    "comparable_rate_after",
    "relative_change",
    "packets_before",
    "packets_after",
    "first_ten_days",
    "last_ten_days",
    "ten_days_change",
    "sources_before",
    "sources_after",
];

pub(super) fn ranked_row<K: Display>(ranked: &Ranked<K>) -> Vec<String> {
    let mut row = vec![
        ranked.key.to_string(),
        or_empty(ranked.rank),
        previous(ranked.previous_rank),
        ranked.rate.to_string(),
    ];
    row.extend(change(ranked.comparable));
    row.push(or_empty(ranked.comparable.relative()));
    row.extend(change(ranked.packets));
    let days = ranked.ten_days;
    row.push(or_empty(days.map(|days| days.first)));
    row.push(or_empty(days.map(|days| days.last)));
    row.push(or_empty(days.and_then(|days| days.relative())));
    row.extend(estimates(ranked.sources));
    row
}

pub(super) fn ranked<'row, K: Display + 'row>(
    name: String,
    rows: impl IntoIterator<Item = &'row Ranked<K>>,
) -> Table {
    let mut table = Table::new(name, &RANKED);
    rows.into_iter().for_each(|row| table.push(ranked_row(row)));
    table
}

pub(super) fn ranking<K: Display>(name: &str, ranking: &Ranking<K>) -> [Table; 4] {
    let mut distinct = Table::new(format!("{name}_distinct"), &["distinct"]);
    distinct.push(vec![ranking.distinct.to_string()]);
    [
        ranked(name.to_owned(), &ranking.rows),
        ranked(format!("{name}_left"), &ranking.left),
        series(&format!("{name}_daily"), &ranking.daily),
        distinct,
    ]
}

pub(super) fn watched(service: &WatchedService) -> Vec<Table> {
    let name = service.table_name();
    let mut tables = vec![
        ranked(name.clone(), [&service.standing]),
        ranked(format!("{name}_domestic"), [&service.domestic]),
        series(&format!("{name}_days"), &service.daily),
        series(&format!("{name}_months"), &service.months),
        months(&name, service),
        series(&format!("{name}_sources"), &service.sources),
    ];
    tables.extend(ranking(
        &format!("{name}_source_regions"),
        &service.source_regions,
    ));
    tables
}

/// How many months the long figure has.
fn months(name: &str, service: &WatchedService) -> Table {
    let mut table = Table::new(format!("{name}_months_held"), &["months"]);
    table.push(vec![service.months.at.len().to_string()]);
    table
}
