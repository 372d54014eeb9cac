//! What a case expects: the one outcome, the counters that move, and the flow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sensor_common::{
    Address, Class, Family, Outcome, ToolSet,
    counters::PortCounters,
    record::{FlowKey, FlowKind},
    tool::Tool,
};

/// The sender of every IPv4 case that names no other.
const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// The sender of every IPv6 case that names no other.
const SOURCE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, 1));

const TCP: u8 = 6;
const UDP: u8 = 17;

/// All that one frame may move. Besides this, its interface counts one packet seen, whatever the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The entry of `OUTCOMES` that grows by one; no other does.
    pub outcome: Outcome,
    /// For observed packets: the flow. `CLASSES` and `PROTOCOLS` grow by one at its class and protocol.
    pub flow: Option<Flow>,
    /// For TCP and UDP: the raw destination port, and by how much its entry of `PORTS` grows.
    pub port: Option<(u16, PortCounters)>,
}

/// The flow that an observed packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The sender.
    pub source: IpAddr,
    /// Service port, protocol, class, marks, family, fragment.
    pub kind: FlowKind,
}

impl Flow {
    /// The key in the flow cache and in records.
    #[must_use]
    pub fn key(&self) -> FlowKey {
        FlowKey {
            source: Address::from(self.source),
            kind: self.kind.pack(),
        }
    }
}

/// A PORTS entry that grew by one TCP segment of no special kind.
const ONE_TCP: PortCounters = PortCounters {
    tcp: 1,
    syn: 0,
    mirai: 0,
    udp: 0,
};

impl Expected {
    /// Not observed: nothing moves but the outcome.
    pub(super) const fn nothing_but(outcome: Outcome) -> Self {
        Self {
            outcome,
            flow: None,
            port: None,
        }
    }

    const fn observed(outcome: Outcome, protocol: u8, class: Class, port: u16) -> Self {
        Self {
            outcome,
            flow: Some(Flow {
                source: SOURCE,
                kind: FlowKind {
                    port,
                    protocol,
                    class,
                    tools: ToolSet::NONE,
                    family: Family::Ipv4,
                    fragment: false,
                },
            }),
            port: None,
        }
    }

    /// A SYN alone: the destination is the service.
    pub(super) const fn tcp_scan(destination: u16) -> Self {
        Self {
            port: Some((destination, PortCounters { syn: 1, ..ONE_TCP })),
            ..Self::observed(Outcome::ObservedTcp, TCP, Class::Scan, destination)
        }
    }

    /// A SYN alone with the Mirai mark.
    pub(super) const fn mirai(destination: u16) -> Self {
        Self {
            port: Some((
                destination,
                PortCounters {
                    syn: 1,
                    mirai: 1,
                    ..ONE_TCP
                },
            )),
            ..Self::tcp_scan(destination).with_tools(ToolSet::MIRAI)
        }
    }

    /// The same as the published bot sends it: bare, to port 23 or 2323.
    pub(super) const fn mirai_original(destination: u16) -> Self {
        Self::mirai(destination).with_tools(ToolSet::MIRAI.union(Tool::MiraiOriginal.mark()))
    }

    /// An answer to a forged SYN: the source port is the attacked service.
    pub(super) const fn tcp_backscatter(service: u16, destination: u16) -> Self {
        Self {
            port: Some((destination, ONE_TCP)),
            ..Self::observed(Outcome::ObservedTcp, TCP, Class::Backscatter, service)
        }
    }

    /// A segment that neither asks nor answers.
    pub(super) const fn tcp_other(destination: u16) -> Self {
        Self {
            port: Some((destination, ONE_TCP)),
            ..Self::observed(Outcome::ObservedTcp, TCP, Class::Other, destination)
        }
    }

    /// A datagram that asks.
    pub(super) const fn udp_scan(destination: u16) -> Self {
        Self {
            port: Some((destination, ONE_UDP)),
            ..Self::observed(Outcome::ObservedUdp, UDP, Class::Scan, destination)
        }
    }

    /// A datagram that answers.
    pub(super) const fn udp_backscatter(service: u16, destination: u16) -> Self {
        Self {
            port: Some((destination, ONE_UDP)),
            ..Self::observed(Outcome::ObservedUdp, UDP, Class::Backscatter, service)
        }
    }

    /// ICMP over IPv4: type and code stand in for the port.
    pub(super) const fn icmp(class: Class, kind: u8, code: u8) -> Self {
        let port = u16::from_be_bytes([kind, code]);
        Self::observed(Outcome::ObservedIcmp, 1, class, port)
    }

    /// ICMPv6 over IPv6.
    pub(super) const fn icmpv6(class: Class, kind: u8, code: u8) -> Self {
        let port = u16::from_be_bytes([kind, code]);
        Self::observed(Outcome::ObservedIcmpv6, 58, class, port).over_ipv6()
    }

    /// Another transport: only its protocol number is known.
    pub(super) const fn other(protocol: u8) -> Self {
        Self::observed(Outcome::ObservedOther, protocol, Class::Other, 0)
    }

    /// A later fragment of a packet with this protocol.
    pub(super) const fn fragment(protocol: u8) -> Self {
        let mut expected = Self::observed(Outcome::ObservedFragment, protocol, Class::Other, 0);
        if let Some(flow) = &mut expected.flow {
            flow.kind.fragment = true;
        }
        expected
    }

    /// The same with these marks.
    pub(super) const fn with_tools(mut self, tools: ToolSet) -> Self {
        if let Some(flow) = &mut self.flow {
            flow.kind.tools = tools;
        }
        self
    }

    /// The same over IPv6, from the IPv6 sender.
    pub(super) const fn over_ipv6(mut self) -> Self {
        if let Some(flow) = &mut self.flow {
            flow.kind.family = Family::Ipv6;
            flow.source = SOURCE_V6;
        }
        self
    }

    /// The same from another sender.
    pub(super) fn from(mut self, source: impl Into<IpAddr>) -> Self {
        if let Some(flow) = &mut self.flow {
            flow.source = source.into();
        }
        self
    }
}

/// A PORTS entry that grew by one UDP datagram.
const ONE_UDP: PortCounters = PortCounters {
    tcp: 0,
    syn: 0,
    mirai: 0,
    udp: 1,
};
