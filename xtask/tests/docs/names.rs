//! Names of metrics in prose and commands: each must be one that the sensor exports.

use std::{collections::BTreeSet, fs};

use anyhow::{Result, ensure};

use crate::page::{Page, root};

/// Where a test of the sensor writes every metric, from the code.
const REFERENCE: &str = "docs/metrics.md";
const PREFIX: &str = "teiten_";

/// Whether every metric that a page names is in the reference, as it is or as a part of a histogram; planned ones are there too.
pub(crate) fn are_metrics(page: &Page) -> Result<()> {
    let reference = fs::read_to_string(root().join(REFERENCE))?;
    let known = names(&reference);
    ensure!(known.len() > 30, "{REFERENCE} names {} metrics", known.len());
    for name in used(page) {
        ensure!(is_known(&name, &known), "{}: nothing exports {name}", page.name);
    }
    Ok(())
}

/// All that the page says, but for series that rules record: their names hold a metric's without its end.
fn used(page: &Page) -> BTreeSet<String> {
    let blocks = page.blocks.iter().map(|block| block.text.as_str());
    let words = |text: &str| {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || "_:*".contains(c)))
            .filter(|word| {
                let rest = word.strip_prefix(PREFIX).unwrap_or_default();
                // Not a file's name with a version, not `teiten_*`, not a recorded series.
                rest.starts_with(|c: char| c.is_ascii_lowercase())
                    && !word.contains([':', '*'])
                    && !word.ends_with('_')
            })
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    blocks.chain([page.prose.as_str()]).flat_map(words).collect()
}

/// The metrics in the first column of the reference's tables, and those that it calls planned.
fn names(reference: &str) -> BTreeSet<String> {
    let quoted = reference
        .lines()
        .filter(|line| line.starts_with("| `") || line.contains("planned"));
    let (_, planned) = reference.split_once("## Planned").unwrap_or_default();
    quoted
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .chain(planned.split('`').skip(1).step_by(2))
        .filter(|name| name.starts_with(PREFIX))
        .map(str::to_owned)
        .collect()
}

fn is_known(name: &str, known: &BTreeSet<String>) -> bool {
    let of_histogram = ["_bucket", "_sum", "_count"];
    known.contains(name)
        || of_histogram
            .iter()
            .filter_map(|end| name.strip_suffix(end))
            .any(|name| known.contains(name))
}

/// The check is given what it must refuse.
pub(crate) fn unknown_ones_are_noticed() -> Result<()> {
    for (text, expected) in [
        ("`teiten_sources` is one", true),
        ("`teiten_flush_duration_seconds_bucket` too", true),
        ("```promql\nrate(teiten_port_packet_total[5m])\n```\n", false),
        ("`teiten_soures` is none", false),
        ("`instance:teiten_observed_packets:increase10m` is recorded", true),
    ] {
        let page = Page::parse("page.md", text)?;
        ensure!(are_metrics(&page).is_ok() == expected, "{text}");
    }
    Ok(())
}
