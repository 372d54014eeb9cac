//! Scrapes of states that are hard to come by.

use super::*;
use crate::{
    pipeline::{
        derive::Aggregator,
        ledger::Books,
        snapshot::{Frame, Snapshot},
        tools::ToolTotals,
        totals::KernelTotals,
    },
    region::RegionTable,
};

/// Nothing attached, no region database, nothing counted.
fn bare() -> State {
    let totals = KernelTotals::zero();
    let derived = Aggregator::new(Arc::new(RegionTable::without_database()), &[]).derived();
    let now = jiff::Timestamp::now();
    let frame = Frame {
        sensor: "test",
        from: now,
        to: now,
        xdp_mode: "none",
        report: crate::pipeline::conservation::Report::default(),
        lost_queue: (0, 0),
        earlier: Books::default(),
    };
    State {
        snapshot: Snapshot::new(&frame, &totals, &derived),
        totals,
        attachments: Vec::new(),
        listed_ports: Vec::new(),
        other_ports: [0; 3],
        listed_regions: Vec::new(),
        other_regions: [0; 2],
        listed_pairs: Vec::new(),
        other_pairs: [0],
        tools: ToolTotals::default(),
        cells: (0, 0),
        sources: derived.sources,
        regions: RegionTable::without_database().info().clone(),
        records: None,
        ship: None,
        ring_used_bytes: 0,
        books: Books::default(),
        pinned: false,
        read: std::time::Instant::now(),
        last_packet_seconds: 0.0,
    }
}

#[test]
fn a_family_without_series_does_not_spoil_the_scrape() {
    let published = Arc::new(Published::default());
    let identity = Identity {
        sensor: "test".to_owned(),
        version: "0",
        program: String::new(),
        watched_addresses: 1,
    };
    let metrics = Metrics::new(Arc::clone(&published), identity).unwrap();
    published.set(bare());
    let text = metrics.encode().unwrap();
    assert!(
        text.contains("\nteiten_outcome_packets_total{outcome=\"observed_tcp\"} 0\n"),
        "{text}"
    );
    assert!(!text.contains("teiten_attached"), "{text}");
    assert!(!text.contains("teiten_region_database_info"), "{text}");
}
