//! Cases of IPv6 extension headers: chains, lengths and cuts.

use sensor_common::{Class, Outcome};

use super::{Case, ELSEWHERE_V6, Expected, V6_TRANSPORT, chain};
use crate::frames::{Content, Edit as _, Extension, Icmp, Ipv6, Tcp, Udp};

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const DESTINATION: u8 = 60;

pub(super) fn cases() -> Vec<Case> {
    [chains(), kinds(), mixed(), truncated(), lengths()].concat()
}

fn chains() -> Vec<Case> {
    let mut cases = Vec::new();
    for count in 0..=10 {
        let expected = if count <= 8 {
            Expected::tcp_scan(23).over_ipv6()
        } else {
            Expected::nothing_but(Outcome::TooManyIpv6Extensions)
        };
        cases.push(Case::new(
            format!("ipv6_{count}_extension_headers"),
            chain(vec![Extension::padding(DESTINATION, 0); count]).frame(Tcp::syn(23)),
            expected,
        ));
    }
    cases
}

fn kinds() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, protocol) in [
        ("hop_by_hop", HOP_BY_HOP),
        ("routing", ROUTING),
        ("destination_options", DESTINATION),
        ("mobility", 135),
        ("host_identity", 139),
        ("shim6", 140),
    ] {
        for units in [0, 1, 5] {
            cases.push(Case::new(
                format!("ipv6_{name}_of_{}_octets", (units + 1) * 8),
                chain(vec![Extension::padding(protocol, units)]).frame(Udp::between(40_000, 5_060)),
                Expected::udp_scan(5_060).over_ipv6(),
            ));
        }
    }
    cases.push(Case::new(
        "ipv6_extension_of_2048_octets",
        chain(vec![Extension::padding(DESTINATION, 255)]).frame(Tcp::syn(23)),
        Expected::tcp_scan(23).over_ipv6(),
    ));
    for value_bytes in [0, 4, 12, 16, 32] {
        cases.push(Case::new(
            format!("ipv6_authentication_with_{value_bytes}_octets"),
            chain(vec![Extension::authentication(value_bytes)]).frame(Tcp::syn(23)),
            Expected::tcp_scan(23).over_ipv6(),
        ));
    }
    cases
}

fn mixed() -> Vec<Case> {
    let mixed = vec![
        Extension::padding(HOP_BY_HOP, 0),
        Extension::padding(DESTINATION, 1),
        Extension::padding(ROUTING, 2),
        Extension::fragment(0, false),
        Extension::authentication(12),
        Extension::padding(DESTINATION, 0),
    ];
    vec![
        Case::new(
            "ipv6_every_extension_of_rfc_8200_in_its_order",
            chain(mixed.clone()).frame(Content::Icmpv6(Icmp::of(128, 0))),
            Expected::icmpv6(Class::Scan, 128, 0),
        ),
        Case::new(
            "ipv6_extensions_to_nobody",
            Ipv6 {
                extensions: mixed,
                ..Ipv6::to(ELSEWHERE_V6)
            }
            .frame(Tcp::syn(23)),
            Expected::nothing_but(Outcome::NotWatched),
        ),
    ]
}

fn truncated() -> Vec<Case> {
    let two = chain(vec![
        Extension::padding(HOP_BY_HOP, 0),
        Extension::padding(DESTINATION, 1),
    ])
    .frame(Tcp::syn(23));
    let mut cases = Vec::new();
    for (bytes, outcome) in [
        (0, Outcome::TruncatedIpv6Extension),
        (1, Outcome::TruncatedIpv6Extension),
        (7, Outcome::TruncatedIpv6Extension),
        (8, Outcome::TruncatedIpv6Extension),
        (15, Outcome::TruncatedIpv6Extension),
        // Within the second half of the second header: its length is known, its end is not there.
        (16, Outcome::TruncatedIpv6Extension),
        (23, Outcome::TruncatedIpv6Extension),
        (24, Outcome::TruncatedTcp),
        (43, Outcome::TruncatedTcp),
    ] {
        cases.push(Case::new(
            format!("ipv6_two_extensions_cut_after_{bytes}"),
            two.clone().cut(V6_TRANSPORT + bytes),
            Expected::nothing_but(outcome),
        ));
    }
    cases.push(Case::new(
        "ipv6_fragment_header_cut",
        chain(vec![Extension::fragment(0, true)])
            .frame(Tcp::syn(23))
            .cut(V6_TRANSPORT + 7),
        Expected::nothing_but(Outcome::TruncatedIpv6Extension),
    ));
    // Nothing behind it is read, so only the header itself can show that it is cut.
    cases.push(Case::new(
        "ipv6_extension_before_no_next_header_cut",
        chain(vec![Extension::padding(DESTINATION, 2)])
            .frame(Content::Raw(59, Vec::new()))
            .cut(V6_TRANSPORT + 8),
        Expected::nothing_but(Outcome::TruncatedIpv6Extension),
    ));
    cases
}

fn lengths() -> Vec<Case> {
    let one = chain(vec![Extension::padding(DESTINATION, 0)]);
    let mut cases = Vec::new();
    for (length, expected) in [
        (0, Expected::nothing_but(Outcome::TruncatedIpv6Extension)),
        (7, Expected::nothing_but(Outcome::TruncatedIpv6Extension)),
        (8, Expected::nothing_but(Outcome::TruncatedTcp)),
        (27, Expected::nothing_but(Outcome::TruncatedTcp)),
        (28, Expected::tcp_scan(23).over_ipv6()),
    ] {
        cases.push(Case::new(
            format!("ipv6_extension_in_a_payload_of_{length}"),
            Ipv6 {
                payload_length: Some(length),
                ..one.clone()
            }
            .frame(Tcp::syn(23)),
            expected,
        ));
    }
    // 28 octets of payload; the header claims 16, 24, 32 and 2048.
    for (units, outcome) in [
        (1, Outcome::TruncatedTcp),
        (2, Outcome::TruncatedTcp),
        (3, Outcome::TruncatedIpv6Extension),
        (255, Outcome::TruncatedIpv6Extension),
    ] {
        cases.push(Case::new(
            format!("ipv6_extension_claims_{units}_units"),
            one.frame(Tcp::syn(23)).with(V6_TRANSPORT + 1, &[units]),
            Expected::nothing_but(outcome),
        ));
    }
    // 12 + 20 octets; read in 8-octet units the header would reach into the segment.
    cases.push(Case::new(
        "ipv6_authentication_counts_in_words_of_four",
        chain(vec![Extension::authentication(0)]).frame(Tcp::syn(23)),
        Expected::tcp_scan(23).over_ipv6(),
    ));
    cases.push(Case::new(
        "ipv6_authentication_longer_than_the_payload",
        chain(vec![Extension::authentication(0)])
            .frame(Tcp::syn(23))
            .with(V6_TRANSPORT + 1, &[200]),
        Expected::nothing_but(Outcome::TruncatedIpv6Extension),
    ));
    cases.push(Case::new(
        "ipv6_extension_reaches_into_padding",
        Ipv6 {
            payload_length: Some(4),
            ..one
        }
        .frame(Tcp::syn(23)),
        Expected::nothing_but(Outcome::TruncatedIpv6Extension),
    ));
    cases
}
