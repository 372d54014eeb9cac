//! Notices: what was seen of a network, for its owner.
//!
//! A notice never names a watched address. Its rows are those of the records, added up by source, transport, port and
//! class, so that its packets are the records' packets.

mod csv;
mod letter;
pub mod research;
mod stix;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Serialize;

pub use self::{
    csv::{COLUMNS, csv},
    letter::{Language, letter},
    stix::stix,
};
use crate::event::{Scan, Sighting, Victim, scans, victims};
use research::Research;

/// Which sources a notice is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this region, ISO 3166-1 alpha-2.
    pub region: Option<String>,
    /// In this network.
    pub network: Option<IpNet>,
    /// Of this autonomous system.
    pub system: Option<u32>,
    /// With the mark of this tool.
    pub tool: Option<String>,
    /// Whether sources of research scanners are left out.
    pub without_research: bool,
}

impl Filter {
    /// Whether a row is taken.
    #[must_use]
    pub fn takes(&self, sighting: &Sighting, research: &Research) -> bool {
        self.region
            .as_ref()
            .is_none_or(|region| *region == sighting.region)
            && self
                .network
                .is_none_or(|network| network.contains(&sighting.source))
            && self.system.is_none_or(|system| sighting.system == Some(system))
            && self
                .tool
                .as_ref()
                .is_none_or(|tool| sighting.tools.contains(tool))
            && !(self.without_research && research.of(sighting.source).is_some())
    }
}

/// What one source sent to one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The source.
    pub source: IpAddr,
    /// Number of its autonomous system.
    pub system: Option<u32>,
    /// Its region.
    pub region: String,
    /// `tcp`, `udp`, `icmp` and so on.
    pub transport: String,
    /// The service port; `None` where it is of several or has none.
    pub port: Option<u16>,
    /// `scan`, `backscatter` or `other`.
    pub class: String,
    /// Names of the marks of any of the packets.
    pub tools: BTreeSet<String>,
    /// Packets.
    pub packets: u64,
    /// First and last packet, microseconds since 1970.
    pub first: i64,
    /// See `first`.
    pub last: i64,
    /// The other port of the first packet: of scans its source port, of backscatter its destination port.
    pub peer_port: Option<u16>,
    /// Whose scanner it is, where it is known for research.
    pub research: Option<String>,
}

/// What a line knows of the service, by transport and direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Source and destination port of TCP and UDP.
    Ports(Option<u16>, Option<u16>),
    /// Type and code of ICMP and ICMPv6.
    Message(u8, u8),
    /// Neither.
    None,
}

impl Line {
    /// The ports as they stood in the first packet, or what stands in their place.
    #[must_use]
    pub fn service(&self) -> Service {
        match (self.transport.as_str(), self.class.as_str(), self.port) {
            // An attacked service answers *from* its port.
            ("tcp" | "udp", "backscatter", port) => Service::Ports(port, self.peer_port),
            ("tcp" | "udp", _, port) => Service::Ports(self.peer_port, port),
            ("icmp" | "icmpv6", _, Some(message)) => {
                let [kind, code] = message.to_be_bytes();
                Service::Message(kind, code)
            }
            _ => Service::None,
        }
    }
}

/// What was seen of one network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Network {
    /// The /24 or /48, or the network that was asked for.
    pub network: IpNet,
    /// Packets of all lines.
    pub packets: u64,
    /// First and last packet, microseconds since 1970.
    pub first: i64,
    /// See `first`.
    pub last: i64,
    /// Scans of many addresses, many ports, or both.
    pub scans: Vec<Scan>,
    /// Sources that are attacked.
    pub victims: Vec<Victim>,
    /// What each source sent to each service.
    pub lines: Vec<Line>,
}

/// The networks with sources that a filter takes, in the order of their addresses. `watched` is the number of watched IPv4
/// addresses, where it is known.
#[must_use]
pub fn networks(
    sightings: &[Sighting],
    filter: &Filter,
    research: &Research,
    watched: Option<u64>,
) -> Vec<Network> {
    let taken: Vec<Sighting> = sightings
        .iter()
        .filter(|sighting| filter.takes(sighting, research))
        .cloned()
        .collect();
    let whose = |source| filter.network.unwrap_or_else(|| around(source));
    let mut networks: BTreeMap<IpNet, Network> = BTreeMap::new();
    for line in lines(&taken, research) {
        let network = whose(line.source);
        let entry = networks.entry(network).or_insert_with(|| Network {
            network,
            packets: 0,
            first: i64::MAX,
            last: i64::MIN,
            scans: Vec::new(),
            victims: Vec::new(),
            lines: Vec::new(),
        });
        entry.packets += line.packets;
        entry.first = entry.first.min(line.first);
        entry.last = entry.last.max(line.last);
        entry.lines.push(line);
    }
    for scan in scans(&taken, watched) {
        if let Some(network) = networks.get_mut(&whose(scan.source)) {
            network.scans.push(scan);
        }
    }
    for victim in victims(&taken) {
        if let Some(network) = networks.get_mut(&whose(victim.address)) {
            network.victims.push(victim);
        }
    }
    networks.into_values().collect()
}

/// The rows added up by source, transport, port and class.
fn lines(sightings: &[Sighting], research: &Research) -> impl Iterator<Item = Line> {
    let mut lines: BTreeMap<_, Line> = BTreeMap::new();
    for sighting in sightings {
        let key = (
            sighting.source,
            sighting.transport.clone(),
            sighting.port,
            sighting.class.clone(),
        );
        let line = lines.entry(key).or_insert_with(|| Line {
            source: sighting.source,
            system: sighting.system,
            region: sighting.region.clone(),
            transport: sighting.transport.clone(),
            port: sighting.port,
            class: sighting.class.clone(),
            tools: BTreeSet::new(),
            packets: 0,
            first: i64::MAX,
            last: i64::MIN,
            peer_port: None,
            research: research.of(sighting.source).map(str::to_owned),
        });
        line.packets += sighting.packets;
        line.tools.extend(sighting.tools.iter().cloned());
        line.last = line.last.max(sighting.last);
        if sighting.first < line.first {
            line.first = sighting.first;
            line.peer_port = sighting.peer_port;
        }
    }
    lines.into_values()
}

/// The /24 or /48 of an address.
fn around(address: IpAddr) -> IpNet {
    match address {
        IpAddr::V4(address) => Ipv4Net::new(address, 24).map(|network| IpNet::V4(network.trunc())),
        IpAddr::V6(address) => Ipv6Net::new(address, 48).map(|network| IpNet::V6(network.trunc())),
    }
    .unwrap_or_else(|_| IpNet::from(address))
}

/// A moment as ISO 8601 has it, UTC, to the second.
fn moment(micros: i64, form: &str) -> String {
    let time = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    time.strftime(form).to_string()
}
