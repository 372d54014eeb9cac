//! The metrics of what records tell: regions, tools, and what was lost of the detail.

use prometheus::proto::MetricFamily;
use sensor_common::tool::Tool;

use super::{labelled, plain};
use crate::{
    export::{
        families::{counters, gauges, number},
        published::State,
    },
    pipeline::tools::ToolTotals,
};

pub(super) fn families(state: &State) -> Vec<MetricFamily> {
    let mut families = region_families(state);
    families.extend(tool_families(state));
    families.extend(database_families(state));
    families.extend(cell_families(state));
    families.extend(detail_families(state));
    families
}

fn region_families(state: &State) -> Vec<MetricFamily> {
    let rows = |column: usize| {
        let listed = state.listed_regions.iter();
        listed
            .map(move |(region, values)| labelled([region.code()], number(values[column])))
            .chain([labelled(["other"], number(state.other_regions[column]))])
    };
    let pairs = state.listed_pairs.iter().map(|((port, region), [packets])| {
        let number_text = port.port.to_string();
        labelled(
            [port.transport.name(), &number_text, region.code()],
            number(*packets),
        )
    });
    let [other_pairs] = state.other_pairs;
    vec![
        counters(
            "teiten_source_region_packets_total",
            "Packets to watched addresses by the region of their source; ZZ is unknown, XB never routable.",
            &["source_region"],
            rows(0),
        ),
        counters(
            "teiten_source_region_mirai_packets_total",
            "Packets with the Mirai mark by the region of their source.",
            &["source_region"],
            rows(1),
        ),
        counters(
            "teiten_port_region_packets_total",
            "Scans of watched ports by the region of their source; `other` is all other packets to watched addresses.",
            &["transport", "port", "source_region"],
            pairs.chain([labelled(["other", "other", "other"], number(other_pairs))]),
        ),
    ]
}

fn tool_families(state: &State) -> Vec<MetricFamily> {
    let tools = Tool::ALL.iter().flat_map(|tool| {
        ToolTotals::certainties(*tool).map(|certainty| {
            let packets = state.tools.of(*tool, certainty);
            labelled([tool.name(), certainty.name()], number(packets))
        })
    });
    vec![
        counters(
            "teiten_tool_packets_total",
            "Packets with the mark of a tool: likely by what they show, sure by what their source has shown.",
            &["tool", "certainty"],
            tools,
        ),
        gauges(
            "teiten_tool_table_sources",
            "Pairs of source and tool that are remembered, by what the source has shown.",
            &["certainty"],
            [
                labelled(["likely"], number(state.tools.sources.likely)),
                labelled(["sure"], number(state.tools.sources.sure)),
            ],
        ),
        counters(
            "teiten_tool_table_forgotten_total",
            "Pairs of source and tool that were forgotten for want of room.",
            &[],
            [plain(number(state.tools.sources.crowded_out))],
        ),
    ]
}

fn database_families(state: &State) -> Vec<MetricFamily> {
    let info = state.regions.regions.iter().map(|file| {
        let digest: String = file.sha256.to_string().chars().take(16).collect();
        let name = file
            .path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        labelled([name.as_str(), digest.as_str()], 1.0)
    });
    vec![
        gauges(
            "teiten_region_database_build_timestamp_seconds",
            "When the region database was built; 0 without one.",
            &[],
            [plain(number(state.regions.built_seconds().unwrap_or(0)))],
        ),
        gauges(
            "teiten_region_database_info",
            "The files of the region database, and the beginning of their SHA-256.",
            &["file", "sha256"],
            info,
        ),
    ]
}

fn cell_families(state: &State) -> Vec<MetricFamily> {
    vec![
        gauges(
            "teiten_cells",
            "Cells of the open hour.",
            &[],
            [plain(number(state.cells.0 as u64))],
        ),
        gauges(
            "teiten_cells_overflow_packets",
            "Packets of the open hour that found no cell of their own.",
            &[],
            [plain(number(state.cells.1))],
        ),
    ]
}

fn detail_families(state: &State) -> Vec<MetricFamily> {
    let law = &state.snapshot.conservation;
    let books = &state.books;
    vec![
        counters(
            "teiten_records_total",
            "Flow records read from the ring.",
            &[],
            [plain(number(law.records))],
        ),
        counters(
            "teiten_records_lost_total",
            "Flow records lost: the ring was full, or the queue behind it, or a daemon died that had read them.",
            &["reason"],
            [
                labelled(["ring"], number(state.totals.losses.lost_records)),
                labelled(["queue"], number(books.lost_queue.records)),
                labelled(["crash"], number(books.lost_crash.records)),
            ],
        ),
        counters(
            "teiten_packets_lost_detail_total",
            "Packets whose detail was lost; they are in all totals of outcomes, classes and ports.",
            &["reason"],
            [
                labelled(["ring"], number(law.lost_ring)),
                labelled(["queue"], number(books.lost_queue.packets)),
                labelled(["crash"], number(books.lost_crash.packets)),
            ],
        ),
        counters(
            "teiten_flush_bypassed_packets_total",
            "Packets that came while their CPU was flushed, and left as records of their own.",
            &[],
            [plain(number(state.totals.losses.bypassed_packets))],
        ),
    ]
}
