use std::collections::BTreeMap;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use sensor_common::{Observation, Outcome, Transport, classify::classify_ethernet};

use super::*;
use crate::{
    cases,
    watched::{CASE_PREFIXES, Prefixes},
};

#[test]
fn mutations_reach_every_outcome_many_times() {
    let watched = Prefixes::parse(&CASE_PREFIXES).unwrap();
    let cases = cases::all();
    let mut rng = Rng::with_seed(1);
    let mut buffer = Vec::new();
    let mut seen = BTreeMap::new();
    for _ in 0..400 {
        for case in &cases {
            random_mutation(&mut rng, case, &mut buffer);
            let outcome = classify_ethernet(&buffer[..], &watched).map_or_else(|o| o, |o| o.outcome());
            *seen.entry(outcome).or_insert(0) += 1;
        }
    }
    for outcome in Outcome::ALL {
        if outcome != Outcome::Internal {
            let times = seen.get(&outcome).copied().unwrap_or(0);
            assert!(times > 100, "{}: {times}", outcome.name());
        }
    }
}

#[test]
fn a_buffer_is_filled_anew_and_never_reallocated() {
    let cases = cases::all();
    let mut rng = Rng::with_seed(2);
    let mut buffer = vec![0xee; LONGEST_BYTES];
    let place = buffer.as_ptr();
    for _ in 0..100 {
        for case in &cases {
            random_mutation(&mut rng, case, &mut buffer);
            assert!(buffer.len() <= LONGEST_BYTES);
            assert!(buffer.len() >= case.frame.len().min(SHORTEST_BYTES));
            assert_eq!(buffer.as_ptr(), place);
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_frames() {
    let cases = cases::all();
    let run = |seed| {
        let mut rng = Rng::with_seed(seed);
        let mut buffer = Vec::new();
        let mut all = Vec::new();
        for case in &cases {
            random_mutation(&mut rng, case, &mut buffer);
            all.push(buffer.clone());
        }
        all
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

/// Changed frames, each with what the classifier says of it.
fn each_mutation(seed: u64, rounds: usize, mut look: impl FnMut(&mut Vec<u8>, Result<Observation, Outcome>)) {
    let watched = Prefixes::parse(&CASE_PREFIXES).unwrap();
    let cases = cases::all();
    let mut rng = Rng::with_seed(seed);
    let mut buffer = Vec::new();
    for _ in 0..rounds {
        for case in &cases {
            random_mutation(&mut rng, case, &mut buffer);
            let found = classify_ethernet(&buffer[..], &watched);
            look(&mut buffer, found);
        }
    }
}

#[test]
fn what_follows_a_readable_packet_changes_nothing() {
    let watched = Prefixes::parse(&CASE_PREFIXES).unwrap();
    each_mutation(5, 300, |frame, found| {
        if found.is_ok() {
            frame.extend_from_slice(&[0xff; 64]);
            assert_eq!(classify_ethernet(&frame[..], &watched), found);
        }
    });
}

#[test]
fn a_frame_cut_anywhere_is_never_read_as_another_packet() {
    let watched = Prefixes::parse(&CASE_PREFIXES).unwrap();
    each_mutation(6, 20, |frame, found| {
        for length in (0..frame.len().min(120)).rev() {
            if let Ok(shorter) = classify_ethernet(&frame[..length], &watched) {
                assert_eq!(Ok(shorter), found, "{length} of {frame:02x?}");
            }
        }
    });
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

#[test]
fn another_reader_finds_the_same_ports_and_flags() {
    let mut agreed = 0;
    each_mutation(7, 1_000, |frame, found| {
        let Ok(packet) = SlicedPacket::from_ethernet(frame) else {
            return;
        };
        let Some(theirs) = reading_of_etherparse(&packet) else {
            return;
        };
        match found {
            // To the sensor, each ICMP inside the other IP version is only a number, and so is AH inside IPv4.
            Ok(ours) if ours.transport == Transport::Other => {
                assert!(matches!(ours.protocol, 1 | 58 | 51), "{frame:02x?}");
            }
            Ok(ours) => {
                assert_eq!(reading(&ours), theirs, "{frame:02x?}");
                agreed += 1;
            }
            Err(outcome) => {
                let name = outcome.name();
                assert!(is_known_leniency(outcome, &packet), "{name}: {frame:02x?}");
            }
        }
    });
    assert!(agreed > 100_000, "{agreed}");
}
