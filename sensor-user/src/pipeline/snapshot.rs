//! What is known at one moment, in the form of `/api/v1/snapshot` and `--json`. Keys are added, never renamed.

mod lists;

use std::collections::BTreeMap;

use jiff::Timestamp;
use sensor_common::{Class, Outcome};
use serde::{Deserialize, Serialize};

use self::lists::{port_region_rows, port_rows, protocol_rows, region_rows, tool_rows};
use super::{
    conservation::Report,
    derive::Derived,
    ledger::{Amount, Books},
    sources::SourcesRow,
    tools::instances::Instances,
    totals::KernelTotals,
};

/// The version of the form.
pub const SCHEMA: u32 = 1;

/// What is known at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The sensor's id.
    pub sensor: String,
    /// When counting began.
    pub from: Timestamp,
    /// When the totals were read.
    pub to: Timestamp,
    /// `native`, `generic` or `replay`.
    pub xdp_mode: String,
    /// Packets that the program saw.
    pub seen: u64,
    /// They by outcome; every outcome is there.
    pub outcomes: BTreeMap<String, u64>,
    /// Observed packets by class; every class is there.
    pub classes: BTreeMap<String, u64>,
    /// Packets seen by interface.
    pub interfaces: BTreeMap<String, u64>,
    /// The terms of the law.
    pub conservation: ConservationRow,
    /// By raw destination port.
    pub ports: Vec<PortRow>,
    /// Packets of other transports and later fragments by IP protocol number.
    pub protocols: Vec<ProtocolRow>,
    /// Observed packets by the region of their source.
    pub source_regions: Vec<RegionRow>,
    /// Scans by destination port and region of their source.
    pub port_regions: Vec<PortRegionRow>,
    /// Scans whose pair of port and region found no row of its own. The busiest pairs have one.
    pub port_regions_other: MarkedRow,
    /// Packets by the tool that left its mark, and how sure that is.
    pub tools: Vec<ToolRow>,
    /// The sources that are remembered for that.
    pub tool_sources: ToolSourcesRow,
    /// How many Mirai processes are behind the addresses of their sources: an estimate.
    pub mirai_instances: InstancesRow,
    /// Unique sources of the last hour.
    pub unique_sources: SourcesRow,
}

/// The law of conservation, in packets where nothing else is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConservationRow {
    /// 0, or a bug.
    pub difference: i64,
    /// Records that were lost, for whatever reason.
    pub records_lost: u64,
    /// The packets in them.
    pub packets_lost_detail: u64,
    /// To watched addresses.
    pub observed: u64,
    /// Observed as ports, ICMP and other transports add up: equal to `observed` at rest.
    pub observed_by_kind: u64,
    /// In records that were read from the ring.
    pub drained: u64,
    /// In records that were taken into the derived totals.
    pub derived: u64,
    /// In records that daemons before this one took into theirs, while the kernel went on counting.
    #[serde(default)]
    pub derived_earlier: u64,
    /// In the kernel's caches and batches at the last markers.
    pub resident: i64,
    /// In records that the ring refused.
    pub lost_ring: u64,
    /// In records that came faster than they could be taken in.
    pub lost_queue: u64,
    /// In records that a daemon had read when it died, and had not published.
    #[serde(default)]
    pub lost_crash: u64,
    /// Records that were read from the ring.
    pub records: u64,
}

/// One destination port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRow {
    /// `tcp`, `udp` or `icmp`; port 0 of `icmp` is echo requests.
    pub transport: String,
    /// The destination port as it stands in the packets.
    pub port: u16,
    /// Packets.
    pub packets: u64,
    /// Of those, TCP SYN of class `scan`.
    pub syn: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
    /// About how many sources scanned it in the last hour; of watched ports alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<u64>,
}

/// One source region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionRow {
    /// ISO 3166-1 alpha-2, `ZZ` unknown, `XB` never routable.
    pub source_region: String,
    /// Packets.
    pub packets: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
    /// About how many sources that were in the last hour; left out where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<u64>,
}

/// Scans of one port from one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRegionRow {
    /// `tcp`, `udp` or `icmp`; port 0 of `icmp` is echo requests.
    pub transport: String,
    /// The destination port.
    pub port: u16,
    /// As in [`RegionRow`].
    pub source_region: String,
    /// Packets.
    pub packets: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
    /// About how many sources that were in the last hour; of watched ports alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<u64>,
}

/// Packets without a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkedRow {
    /// Packets.
    pub packets: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
}

/// One tool, with one certainty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolRow {
    /// The tool.
    pub tool: String,
    /// `likely` or `sure`.
    pub certainty: String,
    /// Packets with its mark that are as sure as that; none is in two rows of a tool.
    pub packets: u64,
    /// About how many sources that were in the last hour; left out where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<u64>,
}

/// Pairs of source and tool that are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSourcesRow {
    /// That have shown too little, or something against the tool.
    pub likely: u64,
    /// That have shown enough.
    pub sure: u64,
    /// That were forgotten for want of room.
    pub crowded_out: u64,
}

/// Mirai processes by the hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstancesRow {
    /// Of the open hour, so far.
    pub hour: Instances,
    /// Of the hour before.
    pub hour_before: Instances,
}

/// One IP protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolRow {
    /// The number in the IP header.
    pub protocol: u8,
    /// Packets.
    pub packets: u64,
}

/// What a snapshot is made of beside the totals.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// The sensor's id.
    pub sensor: &'a str,
    /// When counting began.
    pub from: Timestamp,
    /// When the totals were read.
    pub to: Timestamp,
    /// `native`, `generic` or `replay`.
    pub xdp_mode: &'a str,
    /// The books of the ring.
    pub report: Report,
    /// Records and packets that the queue refused.
    pub lost_queue: (u64, u64),
    /// What daemons before this one did with records; nothing where there was none.
    pub earlier: Books,
}

impl Snapshot {
    /// Puts the totals into the form.
    #[must_use]
    pub fn new(frame: &Frame<'_>, totals: &KernelTotals, derived: &Derived) -> Self {
        let (records, packets) = frame.lost_queue;
        let lost_queue = frame.earlier.lost_queue.plus(Amount { packets, records });
        let lost = lost_queue.plus(frame.earlier.lost_crash);
        Self {
            schema: SCHEMA,
            sensor: frame.sensor.to_owned(),
            from: frame.from,
            to: frame.to,
            xdp_mode: frame.xdp_mode.to_owned(),
            seen: totals.seen(),
            outcomes: Outcome::ALL
                .into_iter()
                .map(|outcome| (outcome.name().to_owned(), totals.outcome(outcome)))
                .collect(),
            classes: Class::ALL
                .into_iter()
                .zip(totals.classes)
                .map(|(class, packets)| (class.name().to_owned(), packets))
                .collect(),
            interfaces: totals.interfaces.iter().cloned().collect(),
            conservation: ConservationRow {
                difference: frame.report.difference,
                records_lost: totals.losses.lost_records + lost.records,
                packets_lost_detail: totals.losses.lost_packets + lost.packets,
                observed: totals.observed(),
                observed_by_kind: totals.observed_by_kind(),
                drained: frame.report.read_packets,
                derived: derived.packets,
                derived_earlier: frame.earlier.derived.packets,
                resident: frame.report.resident_packets,
                lost_ring: totals.losses.lost_packets,
                lost_queue: lost_queue.packets,
                lost_crash: frame.earlier.lost_crash.packets,
                records: frame.report.read_records,
            },
            ports: port_rows(totals, derived),
            protocols: protocol_rows(totals),
            source_regions: region_rows(derived),
            port_regions: port_region_rows(derived),
            port_regions_other: MarkedRow {
                packets: derived.pairs.other.packets,
                mirai: derived.pairs.other.mirai,
            },
            tools: tool_rows(derived),
            tool_sources: ToolSourcesRow {
                likely: derived.tools.sources.likely,
                sure: derived.tools.sources.sure,
                crowded_out: derived.tools.sources.crowded_out,
            },
            mirai_instances: InstancesRow {
                hour: derived.tools.instances,
                hour_before: derived.tools.instances_before,
            },
            unique_sources: SourcesRow::from(&derived.sources),
        }
    }

    /// The same with at most `rows` of each list.
    #[must_use]
    pub fn limited(mut self, rows: usize) -> Self {
        self.ports.truncate(rows);
        self.protocols.truncate(rows);
        self.source_regions.truncate(rows);
        self.port_regions.truncate(rows);
        self.tools.truncate(rows);
        self
    }
}
