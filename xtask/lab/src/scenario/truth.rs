//! What the scenario has sent so far, written down by the generator itself as it sends.

use std::collections::{BTreeMap, HashMap, HashSet};

use sensor_common::{
    Class, Outcome,
    counters::{CLASS_SLOTS, PORT_COUNT, PROTOCOL_COUNT, PortCounters},
    tool::Tool as Mark,
};

use super::{addresses::Source, tools::Tool};

/// Everything that can be known of the frames, exactly.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Frames of every kind.
    pub frames: u64,
    /// Frames by outcome: [`Outcome`] is the place.
    pub outcomes: [u64; Outcome::COUNT],
    /// Observed packets by class: the number of the [`Class`] is the place.
    pub classes: [u64; CLASS_SLOTS],
    /// Observed packets by IP protocol number.
    pub protocols: [u64; PROTOCOL_COUNT],
    /// Observed packets by raw destination port: 65,536 entries.
    pub ports: Vec<PortCounters>,
    /// Observed packets of each region, in the order of the plan.
    pub regions: Vec<RegionTruth>,
    /// Observed packets from sources outside the regions: all when the plan has none, and those over IPv6.
    pub elsewhere: RegionTruth,
    /// Packets in the manner of each tool: [`Tool`] is the place.
    pub tools: [u64; Tool::ALL.len()],
    /// Packets with the mark of each tool, by its name.
    pub marks: BTreeMap<&'static str, u64>,
    services: HashMap<(Service, Option<u16>), Packets>,
    sources_v6: HashSet<u128>,
}

/// What a packet is about: a transport, a class, and the port of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Service {
    /// IP protocol number.
    pub protocol: u8,
    /// Scan, backscatter or other.
    pub class: Class,
    /// Destination port of scans, source port of backscatter; for ICMP type and code; else 0.
    pub port: u16,
}

/// Packets, and those of them with the Mirai mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packets {
    /// All.
    pub packets: u64,
    /// With the Mirai mark.
    pub mirai: u64,
}

/// What came from one region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionTruth {
    /// The region's code, as in the plan; empty outside the regions.
    pub region: String,
    /// Its observed packets.
    pub count: Packets,
    sources: HashSet<u32>,
    mirai_sources: HashSet<u32>,
}

impl RegionTruth {
    fn named(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..Self::default()
        }
    }

    /// Distinct IPv4 sources of its observed packets.
    #[must_use]
    pub fn sources(&self) -> usize {
        self.sources.len()
    }

    /// Distinct IPv4 sources of those with the Mirai mark.
    #[must_use]
    pub fn mirai_sources(&self) -> usize {
        self.mirai_sources.len()
    }
}

/// Who sent an observed packet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sender {
    V4(Source),
    V6(u128),
}

/// What the generator knows of an observed packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observed {
    pub(super) outcome: Outcome,
    pub(super) service: Service,
    /// The raw destination port and what it gains, for TCP and UDP.
    pub(super) port: Option<(u16, PortCounters)>,
}

impl Observed {
    /// A TCP segment about `service`, to the raw port `destination`.
    pub(super) const fn tcp(class: Class, service: u16, destination: u16, gained: PortCounters) -> Self {
        Self {
            port: Some((destination, gained)),
            ..Self::bare(Outcome::ObservedTcp, 6, class, service)
        }
    }

    /// A UDP datagram about `service`, to the raw port `destination`.
    pub(super) const fn udp(class: Class, service: u16, destination: u16) -> Self {
        let gained = PortCounters {
            tcp: 0,
            syn: 0,
            mirai: 0,
            udp: 1,
        };
        Self {
            port: Some((destination, gained)),
            ..Self::bare(Outcome::ObservedUdp, 17, class, service)
        }
    }

    pub(super) const fn icmp(class: Class, kind: u8, code: u8) -> Self {
        Self::bare(Outcome::ObservedIcmp, 1, class, u16::from_be_bytes([kind, code]))
    }

    pub(super) const fn icmpv6(class: Class, kind: u8, code: u8) -> Self {
        let port = u16::from_be_bytes([kind, code]);
        Self::bare(Outcome::ObservedIcmpv6, 58, class, port)
    }

    /// Without a raw destination port.
    pub(super) const fn bare(outcome: Outcome, protocol: u8, class: Class, port: u16) -> Self {
        Self {
            outcome,
            service: Service {
                protocol,
                class,
                port,
            },
            port: None,
        }
    }
}

impl Truth {
    pub(super) fn new<'a>(regions: impl Iterator<Item = &'a str>) -> Self {
        Self {
            frames: 0,
            outcomes: [0; Outcome::COUNT],
            classes: [0; CLASS_SLOTS],
            protocols: [0; PROTOCOL_COUNT],
            ports: vec![PortCounters::default(); PORT_COUNT],
            regions: regions.map(RegionTruth::named).collect(),
            elsewhere: RegionTruth::default(),
            tools: [0; Tool::ALL.len()],
            marks: BTreeMap::new(),
            services: HashMap::new(),
            sources_v6: HashSet::new(),
        }
    }

    /// Frames with this outcome.
    #[must_use]
    pub const fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// Observed packets of this class.
    #[must_use]
    pub const fn class(&self, class: Class) -> u64 {
        self.classes[class as usize]
    }

    /// Packets in the manner of this tool.
    #[must_use]
    pub const fn tool(&self, tool: Tool) -> u64 {
        self.tools[tool as usize]
    }

    /// Observed packets.
    #[must_use]
    pub fn observed(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Distinct sources of observed packets, of both IP versions.
    #[must_use]
    pub fn sources(&self) -> usize {
        self.distinct(|region| &region.sources) + self.sources_v6.len()
    }

    /// Distinct sources of packets with the Mirai mark.
    #[must_use]
    pub fn mirai_sources(&self) -> usize {
        self.distinct(|region| &region.mirai_sources)
    }

    fn distinct(&self, of: impl Fn(&RegionTruth) -> &HashSet<u32>) -> usize {
        let all: HashSet<u32> = self
            .regions
            .iter()
            .chain([&self.elsewhere])
            .flat_map(of)
            .copied()
            .collect();
        all.len()
    }

    /// Observed packets by service, wherever they came from.
    #[must_use]
    pub fn services(&self) -> BTreeMap<Service, Packets> {
        let mut services: BTreeMap<_, Packets> = BTreeMap::new();
        for ((service, _), count) in &self.services {
            let sum = services.entry(*service).or_default();
            sum.packets += count.packets;
            sum.mirai += count.mirai;
        }
        services
    }

    /// Observed packets by service and region; the empty region is outside all of them.
    #[must_use]
    pub fn service_regions(&self) -> BTreeMap<(Service, &str), Packets> {
        self.services
            .iter()
            .map(|((service, place), count)| {
                let region = place
                    .and_then(|place| self.regions.get(usize::from(place)))
                    .unwrap_or(&self.elsewhere);
                ((*service, region.region.as_str()), *count)
            })
            .collect()
    }

    /// A frame that is not observed.
    pub(super) const fn add_unobserved(&mut self, outcome: Outcome) {
        self.frames += 1;
        self.outcomes[outcome as usize] += 1;
    }

    /// A packet to `port` in the manner of a tool.
    pub(super) fn add_tool(&mut self, tool: Tool, port: u16) {
        self.tools[tool as usize] += 1;
        if let Some(mark) = tool.mark() {
            *self.marks.entry(mark.name()).or_default() += 1;
        }
        // The scenario's bots do all as the published one does, but for some of the ports.
        if tool == Tool::Mirai && matches!(port, 23 | 2_323) {
            *self.marks.entry(Mark::MiraiOriginal.name()).or_default() += 1;
        }
    }

    pub(super) fn add(&mut self, observed: &Observed, sender: Sender) {
        self.add_unobserved(observed.outcome);
        let service = observed.service;
        self.classes[service.class as usize] += 1;
        self.protocols[usize::from(service.protocol)] += 1;
        let mut mirai = 0;
        if let Some((port, gained)) = observed.port {
            let counters = &mut self.ports[usize::from(port)];
            counters.tcp += gained.tcp;
            counters.syn += gained.syn;
            counters.mirai += gained.mirai;
            counters.udp += gained.udp;
            mirai = gained.mirai;
        }
        let place = match sender {
            Sender::V4(source) => source.region,
            Sender::V6(_) => None,
        };
        let count = self.services.entry((service, place)).or_default();
        count.packets += 1;
        count.mirai += mirai;
        let region = match place.and_then(|place| self.regions.get_mut(usize::from(place))) {
            Some(region) => region,
            None => &mut self.elsewhere,
        };
        region.count.packets += 1;
        region.count.mirai += mirai;
        match sender {
            Sender::V4(source) => {
                region.sources.insert(source.address);
                if mirai > 0 {
                    region.mirai_sources.insert(source.address);
                }
            }
            Sender::V6(address) => {
                self.sources_v6.insert(address);
            }
        }
    }
}
