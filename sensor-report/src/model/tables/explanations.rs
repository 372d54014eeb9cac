//! The table of explanations.

use super::{Table, change, or_empty, previous};
use crate::model::{Cell, Explanation, Key, Span};

pub(super) fn explanations(explanations: &[Explanation]) -> Table {
    let header = [
        "subject",
        "span",
        "rank",
        "previous_rank",
        "rate_before",
        "rate_after",
        "relative_change",
        "cause",
        "cause_of",
        "cause_rate_before",
        "cause_rate_after",
        "cause_relative_change",
        "share_of_change",
    ];
    let mut table = Table::new("explanations", &header);
    for explanation in explanations {
        let mut front = vec![
            match &explanation.subject {
                Key::Port(port) => port.to_string(),
                Key::SourceRegion(region) => region.to_string(),
            },
            match explanation.span {
                Span::Periods => "periods".to_owned(),
                Span::TenDays => "ten_days".to_owned(),
                Span::Month(month) => month.strftime("%Y-%m").to_string(),
            },
            or_empty(explanation.rank),
            previous(explanation.previous_rank),
        ];
        front.extend(change(explanation.rate));
        front.push(or_empty(explanation.rate.relative()));
        if explanation.causes.is_empty() {
            table.push([front.clone(), vec![String::new(); 6]].concat());
        }
        for cause in &explanation.causes {
            let [kind, of] = cell(&cause.cell);
            let [before, after] = change(cause.rate);
            table.push(
                [
                    front.clone(),
                    vec![
                        kind,
                        of,
                        before,
                        after,
                        or_empty(cause.rate.relative()),
                        cause.share.to_string(),
                    ],
                ]
                .concat(),
            );
        }
    }
    table
}

fn cell(cell: &Cell) -> [String; 2] {
    let (kind, of) = match cell {
        Cell::Port(port) => ("port", port.to_string()),
        Cell::SourceRegion(region) => ("source_region", region.to_string()),
        Cell::Tool(tool) => ("tool", tool.clone()),
        Cell::Network(network) => ("network", network.clone()),
        Cell::FewSources { sources, from, to } => ("few_sources", format!("{sources} from {from} to {to}")),
        Cell::Sensors { added, removed } => (
            "sensors",
            format!("added {}; removed {}", added.join(" "), removed.join(" ")),
        ),
        Cell::Reclassified { from, to, at } => ("reclassified", format!("{from} to {to} at {at}")),
    };
    [kind.to_owned(), of]
}
