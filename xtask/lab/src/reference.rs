//! Another reader of packets, etherparse, to hold the classifier against on frames that nobody foresaw.

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use sensor_common::{Observation, Outcome, Transport};

/// What comes of holding two readers against each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Both read the packet, and the same in it.
    Same,
    /// One of them does not look so far, for a reason that is known.
    Incomparable,
    /// They read different things: how.
    Different(String),
}

/// Holds what the classifier found in a frame against what etherparse does. Only frames in which etherparse finds
/// nothing wrong are compared.
#[must_use]
pub fn compare(frame: &[u8], found: &Result<Observation, Outcome>) -> Comparison {
    let Ok(packet) = SlicedPacket::from_ethernet(frame) else {
        return Comparison::Incomparable;
    };
    let Some(theirs) = reading_of_etherparse(&packet) else {
        return Comparison::Incomparable;
    };
    match found {
        // To the sensor, each ICMP inside the other IP version is only a number, and so is AH inside IPv4.
        Ok(ours) if ours.transport == Transport::Other && matches!(ours.protocol, 1 | 58 | 51) => {
            Comparison::Incomparable
        }
        Ok(ours) if reading(ours) == theirs => Comparison::Same,
        Ok(ours) => Comparison::Different(format!(
            "the classifier reads {:?}, etherparse {theirs:?}",
            reading(ours)
        )),
        Err(outcome) if is_known_leniency(*outcome, &packet) => Comparison::Incomparable,
        Err(outcome) => Comparison::Different(format!(
            "the classifier says {}, etherparse reads {theirs:?}",
            outcome.name()
        )),
    }
}

/// What two readers can compare: transport; ports, or type and code; TCP flags.
type Reading = (Transport, u16, u16, u8);

fn reading(observation: &Observation) -> Reading {
    match observation.transport {
        Transport::Icmp | Transport::Icmpv6 => {
            let [kind, code] = observation.icmp.to_be_bytes();
            (observation.transport, kind.into(), code.into(), 0)
        }
        transport => (
            transport,
            observation.source_port,
            observation.destination_port,
            observation.tcp_flags,
        ),
    }
}

/// The same as etherparse reads it, where it finds nothing wrong and looks into the transport.
fn reading_of_etherparse(packet: &SlicedPacket<'_>) -> Option<Reading> {
    match packet.transport.as_ref()? {
        TransportSlice::Tcp(tcp) => {
            let flags = tcp.slice()[13];
            Some((Transport::Tcp, tcp.source_port(), tcp.destination_port(), flags))
        }
        TransportSlice::Udp(udp) => Some((Transport::Udp, udp.source_port(), udp.destination_port(), 0)),
        TransportSlice::Icmpv4(icmp) => {
            Some((Transport::Icmp, icmp.type_u8().into(), icmp.code_u8().into(), 0))
        }
        TransportSlice::Icmpv6(icmp) => {
            Some((Transport::Icmpv6, icmp.type_u8().into(), icmp.code_u8().into(), 0))
        }
        TransportSlice::Igmp(_) => None,
    }
}

/// Where etherparse reads on and the sensor does not: more tags, more extension headers, an IPv6 payload length or
/// a UDP length of zero taken for "to the end".
fn is_known_leniency(outcome: Outcome, packet: &SlicedPacket<'_>) -> bool {
    match outcome {
        Outcome::NotWatched | Outcome::TooManyVlanTags | Outcome::TooManyIpv6Extensions => true,
        Outcome::BadUdpLength => {
            matches!(&packet.transport, Some(TransportSlice::Udp(udp)) if udp.length() == 0)
        }
        _ => matches!(&packet.net, Some(NetSlice::Ipv6(ip)) if ip.header().payload_length() == 0),
    }
}
