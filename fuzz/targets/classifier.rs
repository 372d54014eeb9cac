//! The classifier over arbitrary frames: it never panics, and what it says depends on nothing but the headers.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sensor_common::{
    Address, Class, Observation, Outcome, ToolSet, Transport,
    classify::{classify_ethernet, classify_ip},
    record::FlowKind,
    watch::Watch,
};
use sensor_lab::{
    reference::{self, Comparison},
    watched::{CASE_PREFIXES, Prefixes},
};

/// Every address is watched.
struct Everything;

impl Watch for Everything {
    fn contains_v4(&self, _: u32) -> bool {
        true
    }

    fn contains_v6(&self, _: Address) -> bool {
        true
    }
}

static SOME: LazyLock<Prefixes> =
    LazyLock::new(|| Prefixes::parse(&CASE_PREFIXES).expect("the prefixes of the cases are well-formed"));

/// Where headers end at the latest: tags, the longest IPv6 header chain that is followed in full, and TCP may lie
/// further back, but cuts there are as cuts here.
const LONGEST_CUT: usize = 256;

fuzz_target!(|frame: &[u8]| {
    let all = classify_ethernet(frame, &Everything);
    assert_ne!(all, Err(Outcome::NotWatched));
    if let Ok(observation) = &all {
        check(observation);
    }

    let some = classify_ethernet(frame, &*SOME);
    match some {
        Err(Outcome::NotWatched) => {}
        _ => assert_eq!(
            some, all,
            "the watch list decides what is watched, and nothing else"
        ),
    }
    if let Ok(observation) = all {
        let watched = SOME.contains(observation.destination.to_ip(observation.family));
        assert_eq!(some.is_ok(), watched);
    }

    for length in 0..frame.len().min(LONGEST_CUT) {
        let cut = classify_ethernet(&frame[..length], &Everything);
        assert!(
            cut == all || cut.is_err_and(is_truncated) || is_without_options(cut, all),
            "a frame cut to {length} bytes is read as another packet: {cut:?}, and {all:?} when whole"
        );
    }
    if !all.is_err_and(is_truncated) {
        let mut longer = frame.to_vec();
        longer.extend([0xff; 64]);
        assert_eq!(
            classify_ethernet(&longer[..], &Everything),
            all,
            "what follows the packet is no part of it"
        );
    }

    // The same packet without its Ethernet header.
    if let [0x08, 0x00] | [0x86, 0xdd] = frame.get(12..14).unwrap_or_default()
        && all.is_ok()
    {
        assert_eq!(classify_ip(&frame[14..], &Everything), all);
    }
    if let Comparison::Different(how) = reference::compare(frame, &all) {
        panic!("{how}");
    }
});

/// What is always so of an observed packet.
fn check(observation: &Observation) {
    assert!(observation.outcome().is_observed());
    let key = observation.flow_key();
    let kind = FlowKind::unpack(key.kind).expect("what was packed can be unpacked");
    assert_eq!(
        (kind.class, kind.tools, kind.protocol),
        (observation.class, observation.tools, observation.protocol)
    );
    assert_eq!(kind.port, observation.service_port());
    let ports = (observation.source_port, observation.destination_port);
    match observation.transport {
        Transport::Tcp => assert_eq!(observation.class, Class::of_tcp(observation.tcp_flags)),
        Transport::Udp => assert_eq!(observation.class, Class::of_udp(ports.0, ports.1)),
        Transport::Icmp | Transport::Icmpv6 | Transport::Other | Transport::Fragment => {
            assert_eq!(ports, (0, 0));
        }
    }
    if observation.tools.contains(ToolSet::MIRAI) {
        assert_eq!(
            (observation.transport, observation.class),
            (Transport::Tcp, Class::Scan)
        );
    }
}

/// Whether a cut took the TCP options alone: then nothing is missing but tools that are told by them.
fn is_without_options(cut: Result<Observation, Outcome>, whole: Result<Observation, Outcome>) -> bool {
    let (Ok(cut), Ok(whole)) = (cut, whole) else {
        return false;
    };
    let rest = Observation {
        tools: whole.tools,
        signature: whole.signature,
        ..cut
    };
    cut.transport == Transport::Tcp && whole.tools.contains(cut.tools) && rest == whole
}

fn is_truncated(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::TruncatedEthernet
            | Outcome::TruncatedVlan
            | Outcome::TruncatedIpv4
            | Outcome::TruncatedIpv6
            | Outcome::TruncatedIpv6Extension
            | Outcome::TruncatedTcp
            | Outcome::TruncatedUdp
            | Outcome::TruncatedIcmp
    )
}
