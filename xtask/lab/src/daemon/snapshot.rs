//! The daemon's snapshot as anybody reads it who has its address: by the documented keys, not by its own types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `/api/v1/snapshot`, as far as the lab looks at it. Packets where nothing else is said.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Snapshot {
    /// When the totals were read (RFC 3339).
    pub to: String,
    /// `native` or `generic`.
    pub xdp_mode: String,
    /// That the program saw.
    pub seen: u64,
    /// By outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// To watched addresses, by class.
    pub classes: BTreeMap<String, u64>,
    /// By interface.
    pub interfaces: BTreeMap<String, u64>,
    /// The law of conservation.
    pub conservation: Law,
    /// By destination port, as many rows as were asked for, as in the lists below.
    pub ports: Vec<PortRow>,
    /// Of other transports and later fragments, by IP protocol number.
    pub protocols: Vec<ProtocolRow>,
    /// To watched addresses, by the region of their source.
    pub source_regions: Vec<RegionRow>,
    /// Scans by destination port and region of their source.
    pub port_regions: Vec<PortRegionRow>,
    /// Scans whose pair of port and region has no row.
    pub port_regions_other: OtherRow,
    /// By the tool that left its mark.
    pub tools: Vec<ToolRow>,
    /// Unique sources.
    pub unique_sources: UniqueSources,
    /// Mirai processes.
    pub mirai_instances: MiraiInstances,
}

/// Estimates of Mirai processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct MiraiInstances {
    /// Of the open hour so far.
    pub hour: Instances,
    /// Of the one before.
    pub hour_before: Instances,
}

/// Those of one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Instances {
    /// Sources with the Mirai mark.
    pub sources: u64,
    /// Of those, sources with a source port and window that came again.
    pub steady_sources: u64,
    /// Such pairs, added up over the sources.
    pub instances: u64,
}

/// Estimates of unique sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct UniqueSources {
    /// Of observed packets.
    pub all: u64,
    /// Of packets with the Mirai mark.
    pub mirai: u64,
    /// Of a SYN to a port of the Internet of Things.
    pub iot_port_syn: u64,
    /// Of those, without the mark of Mirai and without the sure mark of another tool.
    pub iot_port_without_mirai: u64,
    /// One standard error of that, in sources.
    pub iot_port_without_mirai_error: u64,
}

/// The terms of the law of conservation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Law {
    /// The worst that any marker showed.
    pub difference: i64,
    /// Records that were lost.
    pub records_lost: u64,
    /// The packets in them.
    pub packets_lost_detail: u64,
    /// To watched addresses.
    pub observed: u64,
    /// The same, as ports, ICMP and other transports add up.
    pub observed_by_kind: u64,
    /// In records read from the ring.
    pub drained: u64,
    /// In records taken into the derived totals.
    pub derived: u64,
    /// In records that daemons before it took into theirs.
    pub derived_earlier: u64,
    /// In the caches and batches.
    pub resident: i64,
    /// In records that the ring refused.
    pub lost_ring: u64,
    /// In records that came too fast to be taken in.
    pub lost_queue: u64,
    /// In records that a daemon had read and not published when it died.
    pub lost_crash: u64,
    /// Records read from the ring.
    pub records: u64,
}

impl Law {
    /// Whether every packet is drained, resident or declared lost, and every drained one derived or declared lost.
    /// Under traffic the terms are of different moments, and may not add up.
    #[must_use]
    pub fn accounts_for_all(&self) -> bool {
        let observed = i128::from(self.drained) + i128::from(self.lost_ring) + i128::from(self.resident);
        observed == i128::from(self.observed)
            && self.derived + self.derived_earlier + self.lost_queue + self.lost_crash == self.drained
    }
}

/// One destination port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PortRow {
    /// `tcp`, `udp` or `icmp`.
    pub transport: String,
    /// The port.
    pub port: u16,
    /// Packets.
    pub packets: u64,
    /// Of those, TCP SYN that are scans.
    pub syn: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
}

/// One IP protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct ProtocolRow {
    /// The number in the IP header.
    pub protocol: u8,
    /// Packets.
    pub packets: u64,
}

/// One source region.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RegionRow {
    /// Its code; `ZZ` is unknown, `XB` never routable.
    pub source_region: String,
    /// Packets.
    pub packets: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
    /// About how many sources that were.
    pub sources: Option<u64>,
}

/// Scans of one port from one region.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PortRegionRow {
    /// As in [`PortRow`].
    pub transport: String,
    /// The port.
    pub port: u16,
    /// As in [`RegionRow`].
    pub source_region: String,
    /// Packets.
    pub packets: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
}

/// What has no row of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct OtherRow {
    /// Packets.
    pub packets: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
}

/// One tool.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ToolRow {
    /// The tool.
    pub tool: String,
    /// `likely` or `sure`.
    pub certainty: String,
    /// Packets with its mark that are as sure as that.
    pub packets: u64,
}

impl Snapshot {
    /// Packets with the mark of a tool, and those of them that are sure.
    #[must_use]
    pub fn tool(&self, name: &str) -> (u64, u64) {
        let rows = self.tools.iter().filter(|row| row.tool == name);
        rows.fold((0, 0), |(all, sure), row| {
            let is_sure = row.certainty == "sure";
            (all + row.packets, sure + if is_sure { row.packets } else { 0 })
        })
    }

    /// Whether nothing was counted between this one and `other`, which may be of another moment.
    #[must_use]
    pub fn counts_equal(&self, other: &Self) -> bool {
        (&self.outcomes, &self.interfaces, self.conservation)
            == (&other.outcomes, &other.interfaces, other.conservation)
    }
}
