//! Another reader of packets, etherparse, to hold the classifier against on frames that nobody foresaw.

use etherparse::{LinkExtSlice, NetSlice, SlicedPacket, TransportSlice};
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

/// Where etherparse reads on and the sensor does not: more tags, more extension headers, `MACsec` that is not encrypted, an IPv6
/// payload length or a UDP length of zero taken for "to the end".
fn is_known_leniency(outcome: Outcome, packet: &SlicedPacket<'_>) -> bool {
    match outcome {
        Outcome::NotWatched | Outcome::TooManyVlanTags | Outcome::TooManyIpv6Extensions => true,
        Outcome::NotIp => {
            let is_macsec = |tag: &LinkExtSlice<'_>| matches!(tag, LinkExtSlice::Macsec(_));
            packet.link_exts.iter().any(is_macsec)
        }
        Outcome::BadUdpLength => {
            matches!(&packet.transport, Some(TransportSlice::Udp(udp)) if udp.length() == 0)
        }
        _ => matches!(&packet.net, Some(NetSlice::Ipv6(ip)) if ip.header().payload_length() == 0),
    }
}

#[cfg(test)]
mod tests {
    use sensor_common::classify::classify_ethernet;

    use super::*;
    use crate::watched::{CASE_PREFIXES, Prefixes};

    #[test]
    fn what_lies_in_macsec_is_no_difference() {
        let watched = Prefixes::parse(&CASE_PREFIXES).unwrap();
        let frame: &[u8] = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x88\xe5\x02\0\0\0\0\x01\x86\xdd\
            \x60\0\0\0\0\x08\x3a\x36\x20\x01\x0d\xb8\x0b\xad\0\0\0\0\0\0\0\0\0\x01\
            \x20\x01\x0d\xb8\xfe\xed\0\0\0\0\0\0\0\0\0\x23\x89\0\x10\x8a\0\x12\x34\0";
        let found = classify_ethernet(frame, &watched);
        assert_eq!(found, Err(Outcome::NotIp));
        assert_eq!(compare(frame, &found), Comparison::Incomparable);
    }
}
