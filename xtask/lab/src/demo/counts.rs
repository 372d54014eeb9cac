//! Counts of packets by everything that the sensor tells apart, whoever counted them.

use std::collections::BTreeMap;

use sensor_common::{Class, Outcome, counters::PortCounters};
use serde::Serialize;

use super::regions::BOGON;
use crate::{
    daemon::Snapshot,
    scenario::{Service, Truth},
    tap::Tally,
};

/// The transports that have ports in rankings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP of both versions: port 0 is echo requests.
    Icmp,
}

impl Transport {
    /// The name in snapshots and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp, Self::Icmp]
            .into_iter()
            .find(|transport| transport.name() == name)
    }
}

/// A destination port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Port {
    /// Its transport.
    pub transport: Transport,
    /// Its number.
    pub port: u16,
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.port, self.transport.name())
    }
}

/// Echo requests.
const ECHO: Port = Port {
    transport: Transport::Icmp,
    port: 0,
};

/// Packets to a destination port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCount {
    /// All.
    pub packets: u64,
    /// TCP SYN that are scans.
    pub syn: u64,
    /// With the Mirai mark.
    pub mirai: u64,
}

/// Packets, and those of them with the Mirai mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// All.
    pub packets: u64,
    /// With the mark.
    pub mirai: u64,
}

impl Marked {
    fn add(&mut self, packets: u64, mirai: u64) {
        self.packets += packets;
        self.mirai += mirai;
    }
}

/// What was counted. Without an entry: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames of every kind.
    pub frames: u64,
    /// They by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// To watched addresses, by class.
    pub classes: BTreeMap<String, u64>,
    /// By raw destination port; echo requests are `0/icmp`.
    pub ports: BTreeMap<Port, PortCount>,
    /// Of other transports and later fragments, by IP protocol number.
    pub protocols: BTreeMap<u8, u64>,
    /// To watched addresses, by source region.
    pub regions: BTreeMap<String, Marked>,
    /// Scans, by destination port and source region.
    pub pairs: BTreeMap<(Port, String), Marked>,
    /// Scans of pairs that are not in [`pairs`](Self::pairs).
    pub other_pairs: Marked,
    /// With the Mirai mark.
    pub mirai: u64,
    /// With the mark of each tool, by its name, however sure.
    pub tools: BTreeMap<String, u64>,
}

/// Why counts cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CountsError {
    /// The wire of the scanners held what they do not send.
    #[error(
        "beside the scanners' SYNs the wire held {0}: something else sends there, and what class it has cannot be told from \
         the capture"
    )]
    Stray(String),
    /// The sensor names a transport that there is not.
    #[error("the sensor counts a transport {0:?}, which the demo does not know")]
    UnknownTransport(String),
}

impl Counts {
    /// Adds what the generator sent.
    pub fn add_scenario(&mut self, truth: &Truth) {
        self.frames += truth.frames;
        for (outcome, packets) in Outcome::ALL.into_iter().zip(truth.outcomes) {
            add(&mut self.outcomes, outcome.name().to_owned(), packets);
        }
        for class in Class::ALL {
            add(&mut self.classes, class.name().to_owned(), truth.class(class));
        }
        for (number, counters) in (0..=u16::MAX).zip(&truth.ports) {
            self.add_port(tcp(number), counters.tcp, counters.syn, counters.mirai);
            self.add_port(udp(number), counters.udp, 0, 0);
            self.mirai += counters.mirai;
        }
        self.add_tools(&truth.marks);
        for (service, count) in truth.services() {
            if is_echo_request(service) {
                self.add_port(ECHO, count.packets, 0, 0);
            } else if service.class == Class::Other {
                // The scenario's only packets of this class are GRE and later fragments.
                add(&mut self.protocols, service.protocol, count.packets);
            }
        }
        for region in truth.regions.iter().chain([&truth.elsewhere]) {
            self.add_region(&region.region, region.count.packets, region.count.mirai);
        }
        for ((service, region), count) in truth.service_regions() {
            if let Some(port) = scanned_port(service) {
                self.add_pair(port, region, count.packets, count.mirai);
            }
        }
    }

    /// Adds what the scanners sent, as it was on the wire. They send from the sender's own address, which is nobody's.
    ///
    /// # Errors
    /// The capture holds what neither scanner sends.
    pub fn add_wire(&mut self, tally: &Tally) -> Result<(), CountsError> {
        let (mut segments, mut syn) = (0, 0);
        for counters in tally.ports.values() {
            segments += counters.tcp;
            syn += counters.syn;
        }
        let others = [
            (segments - syn, "TCP segments that are no SYN"),
            (tally.ports.values().map(|port| port.udp).sum(), "datagrams"),
            (tally.icmp.values().sum(), "ICMP messages"),
            (tally.icmpv6.values().sum(), "ICMPv6 messages"),
            (tally.others.values().sum(), "packets of other transports"),
            (tally.fragments.values().sum(), "fragments"),
            (tally.unreadable, "unreadable frames"),
        ];
        if let Some((count, what)) = others.into_iter().find(|(count, _)| *count > 0) {
            return Err(CountsError::Stray(format!("{count} {what}")));
        }
        self.frames += tally.frames;
        self.add_tools(&tally.tools);
        for (outcome, packets) in [
            (Outcome::ObservedTcp, syn),
            (Outcome::NotWatched, tally.not_watched),
            (Outcome::NotIp, tally.not_ip),
        ] {
            add(&mut self.outcomes, outcome.name().to_owned(), packets);
        }
        add(&mut self.classes, Class::Scan.name().to_owned(), syn);
        for (number, counters) in &tally.ports {
            let PortCounters { syn, mirai, .. } = *counters;
            self.add_port(tcp(*number), counters.tcp, syn, mirai);
            self.mirai += mirai;
            self.add_region("", syn, mirai);
            self.add_pair(tcp(*number), "", syn, mirai);
        }
        Ok(())
    }

    /// What the sensor counted, of a snapshot with every row.
    ///
    /// # Errors
    /// It names what is not known.
    pub fn of_snapshot(snapshot: &Snapshot) -> Result<Self, CountsError> {
        let port = |transport: &str, port| {
            Transport::from_name(transport)
                .map(|transport| Port { transport, port })
                .ok_or_else(|| CountsError::UnknownTransport(transport.to_owned()))
        };
        let mut counts = Self {
            frames: snapshot.seen,
            outcomes: snapshot.outcomes.clone(),
            classes: snapshot.classes.clone(),
            protocols: snapshot
                .protocols
                .iter()
                .map(|row| (row.protocol, row.packets))
                .collect(),
            other_pairs: Marked {
                packets: snapshot.port_regions_other.packets,
                mirai: snapshot.port_regions_other.mirai,
            },
            mirai: snapshot
                .tools
                .iter()
                .filter(|row| row.tool == "mirai")
                .map(|row| row.packets)
                .sum(),
            ..Self::default()
        };
        // Added up: a row that came twice must not hide behind the other.
        for row in &snapshot.tools {
            add(&mut counts.tools, row.tool.clone(), row.packets);
        }
        for row in &snapshot.ports {
            counts.add_port(port(&row.transport, row.port)?, row.packets, row.syn, row.mirai);
        }
        for row in &snapshot.source_regions {
            counts.add_region(&row.source_region, row.packets, row.mirai);
        }
        for row in &snapshot.port_regions {
            let port = port(&row.transport, row.port)?;
            counts.add_pair(port, &row.source_region, row.packets, row.mirai);
        }
        Ok(counts)
    }

    fn add_tools(&mut self, tools: &BTreeMap<&'static str, u64>) {
        for (tool, packets) in tools {
            add(&mut self.tools, (*tool).to_owned(), *packets);
        }
    }

    fn add_port(&mut self, port: Port, packets: u64, syn: u64, mirai: u64) {
        if packets > 0 {
            let count = self.ports.entry(port).or_default();
            count.packets += packets;
            count.syn += syn;
            count.mirai += mirai;
        }
    }

    fn add_region(&mut self, region: &str, packets: u64, mirai: u64) {
        if packets > 0 {
            let count = self.regions.entry(code(region).to_owned()).or_default();
            count.add(packets, mirai);
        }
    }

    fn add_pair(&mut self, port: Port, region: &str, packets: u64, mirai: u64) {
        if packets > 0 {
            let key = (port, code(region).to_owned());
            self.pairs.entry(key).or_default().add(packets, mirai);
        }
    }
}

/// The region of a source outside the plan's regions: the scenario's IPv6 sources lie in `2001:db8::/32` (RFC 3849), the
/// scanners' in 192.0.2.0/24 (RFC 5737), and both are for documentation alone.
fn code(region: &str) -> &str {
    if region.is_empty() { BOGON } else { region }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K, packets: u64) {
    *counts.entry(key).or_default() += packets;
}

const fn tcp(port: u16) -> Port {
    let transport = Transport::Tcp;
    Port { transport, port }
}

const fn udp(port: u16) -> Port {
    let transport = Transport::Udp;
    Port { transport, port }
}

/// ICMP type 8 and `ICMPv6` type 128, whatever the code.
fn is_echo_request(service: Service) -> bool {
    let [kind, _] = service.port.to_be_bytes();
    matches!((service.protocol, kind), (1, 8) | (58, 128))
}

/// The port that a scan asks for.
fn scanned_port(service: Service) -> Option<Port> {
    match service {
        Service {
            class: Class::Backscatter | Class::Other,
            ..
        } => None,
        Service { protocol: 6, .. } => Some(tcp(service.port)),
        Service { protocol: 17, .. } => Some(udp(service.port)),
        _ => is_echo_request(service).then_some(ECHO),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::{
        frames::{Edit as _, Ethernet, Ipv4, Tcp, Udp, ethertype},
        scenario::{Plan, RegionPool, Scenario},
        watched::Prefixes,
    };

    fn watched() -> Prefixes {
        Prefixes::parse(&["198.51.100.0/24", "2001:db8:feed::/48"]).unwrap()
    }

    fn truth() -> Truth {
        let mut plan = Plan::new(3, 20_000, watched().as_slice().to_vec());
        plan.regions = [("JP", [133, 11, 0]), ("US", [8, 8, 8])]
            .map(|(region, [a, b, c])| RegionPool {
                region: region.to_owned(),
                ranges: vec![(Ipv4Addr::new(a, b, c, 0), Ipv4Addr::new(a, b, c, 255))],
            })
            .into();
        let mut scenario = Scenario::new(&plan).unwrap();
        let mut buffer = Vec::new();
        while scenario.next_into(&mut buffer) {}
        scenario.truth().clone()
    }

    #[test]
    fn every_frame_of_the_scenario_is_counted_once_in_each_way() {
        let truth = truth();
        let mut counts = Counts::default();
        counts.add_scenario(&truth);
        let sum = |values: &BTreeMap<String, u64>| values.values().sum::<u64>();
        let observed = |name: &str| counts.outcomes[name];
        assert_eq!((counts.frames, sum(&counts.outcomes)), (20_000, 20_000));
        assert_eq!(sum(&counts.classes), truth.observed());
        let of = |transport| {
            let ports = counts
                .ports
                .iter()
                .filter(move |(port, _)| port.transport == transport);
            ports.map(|(_, count)| count.packets).sum::<u64>()
        };
        assert_eq!(of(Transport::Tcp), observed("observed_tcp"));
        assert_eq!(of(Transport::Udp), observed("observed_udp"));
        assert!(
            of(Transport::Icmp) > observed("observed_icmpv6"),
            "echo requests of both versions"
        );
        let others: u64 = counts.protocols.values().sum();
        assert_eq!(others, observed("observed_other") + observed("observed_fragment"));
        assert_eq!(counts.protocols.keys().copied().collect::<Vec<_>>(), [17, 47]);
        let regions: u64 = counts.regions.values().map(|count| count.packets).sum();
        assert_eq!(regions, truth.observed());
        assert_eq!(counts.regions.keys().collect::<Vec<_>>(), ["JP", "US", "XB"]);
        let pairs: u64 = counts.pairs.values().map(|count| count.packets).sum();
        assert_eq!(pairs, counts.classes["scan"]);
        let marks: u64 = counts.pairs.values().map(|count| count.mirai).sum();
        assert_eq!(marks, counts.mirai);
        assert!(counts.mirai > 0);
    }

    #[test]
    fn the_scanners_wire_is_counted_and_what_else_is_on_it_named() {
        let dark = Ipv4Addr::new(198, 51, 100, 9);
        let mut tally = Tally::default();
        for port in [22, 23, 23] {
            tally.add(&Ipv4::to(dark).frame(Tcp::syn(port)).padded(), &watched());
        }
        tally.add(
            &Ipv4::to(Ipv4Addr::new(203, 0, 113, 9))
                .frame(Tcp::syn(1))
                .padded(),
            &watched(),
        );
        tally.add(&Ethernet::default().frame(ethertype::LLDP, &[0; 50]), &watched());
        let mut counts = Counts::default();
        counts.add_wire(&tally).unwrap();
        assert_eq!(counts.frames, 5);
        let outcomes = ["observed_tcp", "not_watched", "not_ip"].map(|name| counts.outcomes[name]);
        assert_eq!(outcomes, [3, 1, 1]);
        assert_eq!((counts.classes["scan"], counts.regions["XB"].packets), (3, 3));
        assert_eq!(counts.ports[&tcp(23)].syn, 2);
        assert_eq!(counts.pairs[&(tcp(23), "XB".to_owned())].packets, 2);

        tally.add(
            &Ipv4::to(dark).frame(Udp::between(40_000, 53)).padded(),
            &watched(),
        );
        let error = counts.add_wire(&tally).unwrap_err().to_string();
        assert!(error.contains("1 datagrams"), "{error}");
    }
}
