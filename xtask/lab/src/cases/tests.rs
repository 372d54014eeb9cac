use std::collections::BTreeSet;

use sensor_common::{Outcome, classify::classify_ethernet, counters::PortCounters};

use super::*;
use crate::watched::{CASE_PREFIXES, Prefixes};

#[test]
fn the_classifier_agrees_with_every_case() {
    let watched = Prefixes::parse(&CASE_PREFIXES).unwrap();
    let mut wrong = Vec::new();
    for case in all() {
        let got = classify_ethernet(&case.frame[..], &watched);
        let seen = match got {
            Err(outcome) => Expected::nothing_but(outcome),
            Ok(observation) => Expected {
                outcome: observation.outcome(),
                flow: Some(Flow {
                    source: observation.source.to_ip(observation.family),
                    kind: sensor_common::record::FlowKind::unpack(observation.flow_key().kind).unwrap(),
                }),
                port: observation
                    .outcome()
                    .has_port()
                    .then(|| (observation.destination_port, moved(&observation))),
            },
        };
        if seen != case.expected {
            wrong.push(format!(
                "{}\n  expected {:?}\n  got      {seen:?}",
                case.name, case.expected
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What the program adds to `PORTS` for an observation.
fn moved(observation: &sensor_common::Observation) -> PortCounters {
    let tcp = observation.outcome() == Outcome::ObservedTcp;
    PortCounters {
        tcp: u64::from(tcp),
        syn: u64::from(tcp && observation.class == sensor_common::Class::Scan),
        mirai: u64::from(observation.tools.contains(sensor_common::ToolSet::MIRAI)),
        udp: u64::from(!tcp),
    }
}

#[test]
fn names_are_unique_and_there_are_at_least_two_hundred() {
    let cases = all();
    let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    let mut seen = BTreeSet::new();
    for case in &cases {
        assert!(seen.insert(&case.name), "twice: {}", case.name);
    }
    assert_eq!(names.len(), cases.len());
    assert!(cases.len() >= 200, "{}", cases.len());
}

#[test]
fn every_outcome_that_a_frame_decides_has_a_case() {
    let present: BTreeSet<_> = all().iter().map(|case| case.expected.outcome).collect();
    for outcome in Outcome::ALL {
        assert_eq!(
            present.contains(&outcome),
            outcome.is_of_the_frame(),
            "{}",
            outcome.name()
        );
    }
}

#[test]
fn observed_cases_have_a_flow_and_the_others_move_nothing() {
    for case in all() {
        let Expected { outcome, flow, port } = case.expected;
        assert_eq!(outcome.is_observed(), flow.is_some(), "{}", case.name);
        assert_eq!(outcome.has_port(), port.is_some(), "{}", case.name);
    }
}

#[test]
fn frames_fit_one_page_with_the_room_that_xdp_needs() {
    for case in all() {
        assert!(case.frame.len() <= 3_400, "{}: {}", case.name, case.frame.len());
    }
}

#[test]
fn a_record_keeps_what_the_first_packet_had() {
    let watched = Prefixes::parse(&CASE_PREFIXES).unwrap();
    for Detailed { case, details } in detailed() {
        let observation = classify_ethernet(&case.frame[..], &watched).unwrap();
        let found = Details {
            bytes: observation.length,
            ttl: observation.ttl,
            tcp_flags: observation.tcp_flags,
            window: observation.window,
            peer_port: observation.peer_port(),
            first_destination: observation.destination.low32(),
        };
        assert_eq!(found, details, "{}", case.name);
    }
}
