//! Tables of surges.

use std::fmt::Display;

use super::{Table, or_empty};
use crate::model::{Share, Surge};

pub(super) fn surges(surges: &[Surge]) -> [Table; 2] {
    let header = [
        "surge",
        "subject",
        "from",
        "to",
        "hours",
        "packets",
        "excess",
        "usual",
        "peak",
        "sensors",
        "sources",
        "largest_source",
    ];
    let mut table = Table::new("surges", &header);
    let mut parts = Table::new("surge_parts", &["surge", "key", "packets", "share"]);
    for (index, surge) in surges.iter().enumerate() {
        let number = (index + 1).to_string();
        table.push(vec![
            number.clone(),
            surge.subject.to_string(),
            surge.from.clone(),
            surge.to.clone(),
            surge.hours.to_string(),
            surge.packets.to_string(),
            surge.excess.to_string(),
            surge.usual.to_string(),
            surge.peak.to_string(),
            surge.sensors.to_string(),
            or_empty(surge.sources),
            surge.largest_source.to_string(),
        ]);
        surge
            .ports
            .iter()
            .for_each(|part| parts.push(share(&number, part)));
        surge
            .source_regions
            .iter()
            .for_each(|part| parts.push(share(&number, part)));
    }
    [table, parts]
}

fn share<K: Display>(number: &str, part: &Share<K>) -> Vec<String> {
    vec![
        number.to_owned(),
        part.key.to_string(),
        part.packets.to_string(),
        part.share.to_string(),
    ]
}
