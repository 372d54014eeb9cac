//! `docs/metrics.md` and the README against a scrape, and the budget of series against a flood.

use std::collections::BTreeSet;

use teiten::{
    export::budget::{BUDGET, Limits},
    region::RegionInfo,
};

use crate::{
    page::{hold, table},
    scrape::scraped,
    state::flooded,
};

/// What the defaults come to on one interface, with Debian's database.
const LIMITS: Limits = Limits {
    listed_ports: 128,
    interfaces: 1,
    region_files: 2,
};

/// The families that the README shows, in its order.
const IN_README: [&str; 14] = [
    "teiten_outcome_packets_total",
    "teiten_class_packets_total",
    "teiten_interface_packets_total",
    "teiten_port_packets_total",
    "teiten_port_syn_packets_total",
    "teiten_port_mirai_packets_total",
    "teiten_source_region_packets_total",
    "teiten_source_region_mirai_packets_total",
    "teiten_port_region_packets_total",
    "teiten_tool_packets_total",
    "teiten_packets_lost_detail_total",
    "teiten_conservation_difference_packets",
    "teiten_attached",
    "teiten_last_packet_timestamp_seconds",
];

#[test]
fn the_reference_has_every_metric_with_its_type_labels_and_help() {
    let families = scraped(&flooded(&LIMITS, 1));
    let rows = families.iter().map(|(name, family)| {
        format!(
            "| `{name}` | {} | {} | {} | {} |",
            family.kind,
            family.label_list(),
            most(name),
            family.help
        )
    });
    let head = [
        "| metric | type | labels | most series | meaning |",
        "| --- | --- | --- | --- | --- |",
    ];
    hold("docs/metrics.md", &table(&head, rows));
}

#[test]
fn the_readme_shows_metrics_that_exist() {
    let families = scraped(&flooded(&LIMITS, 1));
    let rows = IN_README.iter().map(|name| {
        let family = &families[*name];
        format!("| `{name}` | {} | {} |", family.label_list(), family.help)
    });
    let head = ["| metric | labels | meaning |", "| --- | --- | --- |"];
    hold("README.md", &table(&head, rows));
}

#[test]
fn the_budget_has_every_family_and_no_other() {
    let families = scraped(&flooded(&LIMITS, 1));
    let exported: BTreeSet<_> = families.keys().map(String::as_str).collect();
    let planned: BTreeSet<_> = BUDGET.iter().map(|line| line.family).collect();
    assert_eq!(exported, planned);
}

#[test]
fn a_flood_of_every_port_from_every_region_keeps_each_family_within_its_budget() {
    let limits = Limits {
        listed_ports: 128,
        interfaces: 16,
        region_files: 2,
    };
    // Each update another few ports and regions are ahead, so that every listing fills up and more knock at it.
    let families = scraped(&flooded(&limits, 60));
    let mut full = BTreeSet::new();
    for line in BUDGET {
        let (series, most) = (families[line.family].series, (line.most)(&limits));
        assert!(series <= most, "{}: {series} series, at most {most}", line.family);
        if series == most {
            full.insert(line.family);
        }
    }
    // A budget that nothing reaches is too large, or the flood too small. Two of the watched ports are no TCP, so
    // those families stay below theirs; an operator's tables may have more probes and scanners.
    let below: BTreeSet<_> = BUDGET
        .iter()
        .map(|line| line.family)
        .filter(|family| !full.contains(family))
        .collect();
    assert_eq!(
        below,
        BTreeSet::from([
            "teiten_port_mirai_packets_total",
            "teiten_port_syn_packets_total",
            "teiten_probe_samples_total",
            "teiten_sip_samples_total",
        ])
    );
}

#[test]
fn a_sensor_that_has_seen_nothing_answers_a_scrape() {
    let mut state = flooded(&LIMITS, 0);
    state.attachments.clear();
    state.regions = RegionInfo::default();
    let families = scraped(&state);
    assert!(!families.contains_key("teiten_attached"));
    assert!(families.contains_key("teiten_outcome_packets_total"));
}

fn most(name: &str) -> usize {
    let line = BUDGET.iter().find(|line| line.family == name);
    (line.unwrap_or_else(|| panic!("{name} has no budget")).most)(&LIMITS)
}
