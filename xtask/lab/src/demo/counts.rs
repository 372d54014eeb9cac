//! Counts of packets by everything that the sensor tells apart, whoever counted them.

use std::collections::BTreeMap;

use sensor_common::{Class, Outcome, counters::PortCounters};

use super::{
    port::{Marked, Port, PortCount, Transport},
    regions::BOGON,
};
use crate::{
    daemon::Snapshot,
    scenario::{Service, Truth},
    tap::Tally,
};

/// Echo requests.
const ECHO: Port = Port {
    transport: Transport::Icmp,
    port: 0,
};

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
mod tests;
