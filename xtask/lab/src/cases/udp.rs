//! Cases of UDP: lengths, replies and ports.

use sensor_common::Outcome;

use super::{Case, Expected, V4_TRANSPORT, V6_TRANSPORT, v4, v6};
use crate::frames::{Edit as _, Ipv4, Udp};

pub(super) fn cases() -> Vec<Case> {
    [truncated(), lengths(), replies(), near_misses(), ports()].concat()
}

fn truncated() -> Vec<Case> {
    let mut cases = Vec::new();
    for bytes in [0, 1, 4, 7] {
        cases.push(Case::new(
            format!("udp_cut_after_{bytes}"),
            v4(Udp::between(40_000, 53)).cut(V4_TRANSPORT + bytes),
            Expected::nothing_but(Outcome::TruncatedUdp),
        ));
        cases.push(Case::new(
            format!("udp_over_ipv6_cut_after_{bytes}"),
            v6(Udp::between(40_000, 53)).cut(V6_TRANSPORT + bytes),
            Expected::nothing_but(Outcome::TruncatedUdp),
        ));
    }
    cases
}

fn lengths() -> Vec<Case> {
    let mut cases = Vec::new();
    for (claimed, expected) in [
        (0, Expected::nothing_but(Outcome::BadUdpLength)),
        (1, Expected::nothing_but(Outcome::BadUdpLength)),
        (7, Expected::nothing_but(Outcome::BadUdpLength)),
        (8, Expected::udp_scan(1_194)),
        (15, Expected::udp_scan(1_194)),
        (16, Expected::udp_scan(1_194)),
        (17, Expected::nothing_but(Outcome::BadUdpLength)),
        (65_535, Expected::nothing_but(Outcome::BadUdpLength)),
    ] {
        cases.push(Case::new(
            format!("udp_with_8_octets_claims_{claimed}"),
            v4(Udp {
                length: Some(claimed),
                ..Udp::to(1_194, &[0; 8])
            }),
            expected,
        ));
    }
    cases.push(Case::new(
        "udp_empty",
        v4(Udp::between(40_000, 1_194)),
        Expected::udp_scan(1_194),
    ));
    cases.push(Case::new(
        "udp_empty_padded_to_60",
        v4(Udp::between(40_000, 1_194)).padded(),
        Expected::udp_scan(1_194),
    ));
    // 32 octets of frame behind the header, 18 of them padding: the datagram may not reach into it.
    cases.push(Case::new(
        "udp_length_reaches_into_padding",
        v4(Udp {
            length: Some(26),
            ..Udp::between(40_000, 1_194)
        })
        .padded(),
        Expected::nothing_but(Outcome::BadUdpLength),
    ));
    cases.push(Case::new(
        "udp_no_checksum",
        v4(Udp::between(40_000, 1_194)).with(V4_TRANSPORT + 6, &[0, 0]),
        Expected::udp_scan(1_194),
    ));
    cases.push(Case::new(
        "udp_wrong_checksum_is_counted",
        v4(Udp::to(1_194, &[1, 2, 3])).with(V4_TRANSPORT + 6, &[0xde, 0xad]),
        Expected::udp_scan(1_194),
    ));
    cases.push(Case::new(
        "udp_payload_cut_by_the_frame",
        v4(Udp::to(1_194, &[0; 100])).cut(V4_TRANSPORT + 8),
        Expected::udp_scan(1_194),
    ));
    cases.push(Case::new(
        "udp_in_a_frame_of_3400",
        v4(Udp::to(1_194, &[0; 3_400 - V4_TRANSPORT - 8])),
        Expected::udp_scan(1_194),
    ));
    cases
}

/// The services whose answers reach telescopes.
const REPLY_PORTS: [u16; 20] = [
    17, 19, 53, 69, 111, 123, 137, 161, 389, 427, 520, 1_434, 1_900, 3_283, 3_702, 5_353, 5_683, 10_001,
    11_211, 27_015,
];

fn replies() -> Vec<Case> {
    let mut cases = Vec::new();
    for service in REPLY_PORTS {
        cases.push(Case::new(
            format!("udp_answer_from_{service}"),
            v4(Udp::between(service, 51_413)),
            Expected::udp_backscatter(service, 51_413),
        ));
        // Below 1024 it is one service asking another, as old resolvers and NTP peers do.
        cases.push(Case::new(
            format!("udp_question_from_{service}_to_a_low_port"),
            v4(Udp::between(service, 1_023)),
            Expected::udp_scan(1_023),
        ));
    }
    for (service, client) in [(53, 1_024), (123, 65_535)] {
        cases.push(Case::new(
            format!("udp_answer_from_{service}_to_{client}"),
            v4(Udp::between(service, client)),
            Expected::udp_backscatter(service, client),
        ));
        cases.push(Case::new(
            format!("udp_answer_from_{service}_to_{client}_over_ipv6"),
            v6(Udp::between(service, client)),
            Expected::udp_backscatter(service, client).over_ipv6(),
        ));
    }
    cases.push(Case::new(
        "udp_answer_in_a_first_fragment",
        Ipv4 {
            fragment: Ipv4::MORE_FRAGMENTS,
            ..Ipv4::to(super::DARK)
        }
        .frame(Udp {
            length: Some(3_008),
            ..Udp::between(53, 51_413)
        }),
        Expected::udp_backscatter(53, 51_413),
    ));
    cases
}

/// Ports beside those of the list, and the two ends the other way round.
fn near_misses() -> Vec<Case> {
    [
        (16, 40_000),
        (18, 40_000),
        (52, 40_000),
        (54, 40_000),
        (122, 40_000),
        (124, 40_000),
        (1_899, 40_000),
        (1_901, 40_000),
        (11_210, 40_000),
        (11_212, 40_000),
        (40_000, 53),
        (53, 53),
        (123, 123),
        (5_060, 5_060),
        (5_353, 137),
    ]
    .into_iter()
    .map(|(from, to)| {
        Case::new(
            format!("udp_question_from_{from}_to_{to}"),
            v4(Udp::between(from, to)),
            Expected::udp_scan(to),
        )
    })
    // 5353 is no low port: one such service talking to another counts as an answer.
    .chain([Case::new(
        "udp_answer_from_5353_to_5353",
        v4(Udp::between(5_353, 5_353)),
        Expected::udp_backscatter(5_353, 5_353),
    )])
    .collect()
}

fn ports() -> Vec<Case> {
    let mut cases = Vec::new();
    for port in [0, 1, 53, 123, 161, 1_900, 5_060, 32_768, 65_535] {
        cases.push(Case::new(
            format!("udp_to_port_{port}"),
            v4(Udp::between(40_000, port)),
            Expected::udp_scan(port),
        ));
        cases.push(Case::new(
            format!("udp_to_port_{port}_over_ipv6"),
            v6(Udp::between(40_000, port)),
            Expected::udp_scan(port).over_ipv6(),
        ));
    }
    cases.push(Case::new(
        "udp_from_port_0_to_port_0",
        v4(Udp::between(0, 0)),
        Expected::udp_scan(0),
    ));
    cases.push(Case::new(
        "udp_from_port_65535",
        v4(Udp::between(65_535, 65_535)),
        Expected::udp_scan(65_535),
    ));
    cases
}
