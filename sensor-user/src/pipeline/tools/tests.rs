use super::*;
use crate::pipeline::made::{self, scan as kind};

fn record(source: u32, port: u16, tools: ToolSet, packets: u32) -> Record {
    made::record(source, kind(port, tools), packets)
}

fn add(tools: &mut Tools, source: u32, marks: ToolSet, packets: u32) {
    tools.add(&record(source, 23, marks, packets), &kind(23, marks), 0);
}

fn likely_and_sure(tools: &Tools, tool: Tool) -> (u64, u64) {
    let [likely, sure] = tools.totals().packets[tool as usize];
    (likely, sure)
}

const ZMAP: ToolSet = Tool::Zmap.mark();
const NOT_ZMAP: ToolSet = ToolSet::near_miss_of(Tool::Zmap);

#[test]
fn three_packets_of_one_source_make_it_sure_and_what_came_before_stays_likely() {
    let mut tools = Tools::default();
    for packet in 1..=5_u64 {
        add(&mut tools, 1, ZMAP, 1);
        let sure = packet.saturating_sub(2);
        assert_eq!(likely_and_sure(&tools, Tool::Zmap), (packet - sure, sure));
    }
    add(&mut tools, 2, ZMAP, 1);
    assert_eq!(likely_and_sure(&tools, Tool::Zmap), (3, 3), "another source");
    add(&mut tools, 3, ZMAP, 100);
    assert_eq!(likely_and_sure(&tools, Tool::Zmap), (3, 103), "all in one record");
}

#[test]
fn a_packet_without_the_number_speaks_against_its_source_for_good() {
    let mut tools = Tools::default();
    add(&mut tools, 1, ZMAP, 2);
    add(&mut tools, 1, NOT_ZMAP, 1);
    add(&mut tools, 1, ZMAP, 5);
    assert_eq!(likely_and_sure(&tools, Tool::Zmap), (7, 0));
    // One that was sure already is so no more; what was counted stays.
    add(&mut tools, 2, ZMAP, 10);
    add(&mut tools, 2, NOT_ZMAP, 1);
    add(&mut tools, 2, ZMAP, 10);
    assert_eq!(likely_and_sure(&tools, Tool::Zmap), (17, 10));
    assert_eq!(tools.totals().near_misses[Tool::Zmap as usize], 2);
}

#[test]
fn what_speaks_against_one_tool_says_nothing_of_another() {
    let mut tools = Tools::default();
    add(&mut tools, 1, Tool::Masscan.mark(), 2);
    add(&mut tools, 1, NOT_ZMAP, 9);
    add(&mut tools, 1, ToolSet::NONE, 9);
    add(&mut tools, 1, Tool::Masscan.mark(), 1);
    assert_eq!(likely_and_sure(&tools, Tool::Masscan), (2, 1));
}

#[test]
fn mirai_is_sure_at_once_and_the_newer_zmap_never() {
    let mut tools = Tools::default();
    add(&mut tools, 1, ToolSet::MIRAI.union(Tool::MiraiOriginal.mark()), 1);
    add(&mut tools, 2, Tool::Zmap41.mark(), 1_000);
    assert_eq!(likely_and_sure(&tools, Tool::Mirai), (0, 1));
    assert_eq!(likely_and_sure(&tools, Tool::MiraiOriginal), (0, 1));
    assert_eq!(likely_and_sure(&tools, Tool::Zmap41), (1_000, 0));
}

/// A record of a signed tool, to so many destinations.
fn signed(tools: &mut Tools, tool: Tool, port: u16, signature: u32, packets: u32, destinations: u64) {
    let mut record = record(1, port, tool.mark(), packets);
    (record.peer_ports, record.destinations) = (signature, destinations);
    tools.add(&record, &kind(port, tool.mark()), 0);
}

#[test]
fn a_scan_with_a_signature_is_sure_after_three_different_probes() {
    for tool in [Tool::Nmap, Tool::Unicornscan] {
        let mut tools = Tools::default();
        signed(&mut tools, tool, 22, 7, 2, 0b11);
        signed(&mut tools, tool, 22, 7, 1, 0b10);
        assert_eq!(
            likely_and_sure(&tools, tool),
            (3, 0),
            "two destinations, one port"
        );
        signed(&mut tools, tool, 23, 7, 1, 0b100);
        assert_eq!(likely_and_sure(&tools, tool), (3, 1));
        signed(&mut tools, tool, 22, 8, 2, 0b11);
        assert_eq!(likely_and_sure(&tools, tool), (5, 1), "another scan");
    }
    let mut tools = Tools::default();
    for port in [22, 23, 80] {
        signed(&mut tools, Tool::Nmap, port, 7, 1, 1);
    }
    assert_eq!(
        likely_and_sure(&tools, Tool::Nmap),
        (2, 1),
        "three ports of one host"
    );
}

#[test]
fn a_stranger_that_repeats_a_packet_is_no_nmap() {
    let mut tools = Tools::default();
    for _ in 0..100 {
        signed(&mut tools, Tool::Nmap, 22, 7, 3, 0b1);
    }
    // Each of its connections has a random number.
    for signature in 100..200 {
        signed(&mut tools, Tool::Nmap, 22, signature, 3, 1 << (signature % 64));
    }
    assert_eq!(likely_and_sure(&tools, Tool::Nmap), (600, 0));
}

#[test]
fn a_flood_of_forged_sources_crowds_out_no_source_that_is_sure() {
    let mut tools = Tools::with_room(100);
    add(&mut tools, 0, ZMAP, 3);
    for source in 1..=10_000 {
        add(&mut tools, source, ZMAP, 1);
    }
    add(&mut tools, 0, ZMAP, 1);
    assert_eq!(likely_and_sure(&tools, Tool::Zmap), (10_000, 4));
    let table = tools.totals().sources;
    assert!(table.likely <= 200, "{table:?}");
    assert_eq!((table.sure, table.likely + table.crowded_out), (1, 10_000));
}

#[test]
fn a_source_is_remembered_for_an_hour_and_forgotten_after_two() {
    let mut tools = Tools::default();
    let mut at = |seconds, packets| {
        let record = record(1, 23, ZMAP, packets);
        tools.add(&record, &kind(23, ZMAP), seconds);
        likely_and_sure(&tools, Tool::Zmap)
    };
    assert_eq!(at(0, 3), (0, 3));
    assert_eq!(at(HOUR + 1, 1), (0, 4));
    assert_eq!(at(HOUR - 1, 1), (0, 5), "a late record");
    assert_eq!(at(3 * HOUR - 1, 1), (0, 6));
    assert_eq!(at(4 * HOUR, 1), (1, 6), "an hour without a packet lies between");
    // Two hours with packets of others alone.
    let mut tools_of_others = Tools::default();
    tools_of_others.add(&record(1, 23, ZMAP, 3), &kind(23, ZMAP), 0);
    for hour in 1..=2 {
        tools_of_others.add(
            &record(9, 23, ToolSet::MIRAI, 1),
            &kind(23, ToolSet::MIRAI),
            hour * HOUR,
        );
    }
    tools_of_others.add(&record(1, 23, ZMAP, 1), &kind(23, ZMAP), 2 * HOUR + 1);
    assert_eq!(likely_and_sure(&tools_of_others, Tool::Zmap), (1, 3));
}

#[test]
fn mirai_instances_are_of_the_open_hour_and_of_the_one_before() {
    let mut tools = Tools::default();
    let mirai = record(1, 23, ToolSet::MIRAI, 1);
    for seconds in [0, 1, HOUR] {
        tools.add(&mirai, &kind(23, ToolSet::MIRAI), seconds);
    }
    let totals = tools.totals();
    assert_eq!(totals.instances_before.instances, 1);
    assert_eq!((totals.instances.sources, totals.instances.instances), (1, 0));
}

#[test]
fn the_table_of_sources_takes_what_is_documented() {
    // One octet of control beside each bucket; two tables of two generations.
    let bytes = 4 * 65_536 * (size_of::<(Key, Evidence)>() + 1);
    assert!(bytes <= 16 << 20, "{bytes}");
}
