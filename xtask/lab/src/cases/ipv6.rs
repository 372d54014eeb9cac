//! Cases of IPv6 headers, extension chains and fragments.

use std::net::Ipv6Addr;

use sensor_common::{Class, Outcome};

use super::{Case, DARK, DARK_V6, ELSEWHERE_V6, Expected, IP, V6_TRANSPORT, v6};
use crate::frames::{Content, Edit as _, Extension, Icmp, Ipv4, Ipv6, Tcp, Udp};

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const DESTINATION: u8 = 60;

pub(super) fn cases() -> Vec<Case> {
    [
        truncated(),
        versions(),
        payload_lengths(),
        watched_edges(),
        chains(),
        truncated_extensions(),
        extension_lengths(),
        fragments(),
        other_transports(),
    ]
    .concat()
}

fn truncated() -> Vec<Case> {
    [0, 1, 7, 8, 23, 24, 38, 39]
        .into_iter()
        .map(|bytes| {
            Case::new(
                format!("ipv6_cut_after_{bytes}"),
                v6(Tcp::syn(23)).cut(IP + bytes),
                Expected::nothing_but(Outcome::TruncatedIpv6),
            )
        })
        .collect()
}

fn versions() -> Vec<Case> {
    (0..16)
        .map(|version| {
            let expected = match version {
                6 => Expected::tcp_scan(23).over_ipv6(),
                _ => Expected::nothing_but(Outcome::BadIpv6Version),
            };
            Case::new(
                format!("ipv6_version_{version}"),
                Ipv6 {
                    version,
                    ..Ipv6::to(DARK_V6)
                }
                .frame(Tcp::syn(23)),
                expected,
            )
        })
        .collect()
}

fn payload_lengths() -> Vec<Case> {
    [
        (0, Expected::nothing_but(Outcome::TruncatedTcp)),
        (1, Expected::nothing_but(Outcome::TruncatedTcp)),
        (19, Expected::nothing_but(Outcome::TruncatedTcp)),
        (20, Expected::tcp_scan(23).over_ipv6()),
        (21, Expected::tcp_scan(23).over_ipv6()),
        (65_535, Expected::tcp_scan(23).over_ipv6()),
    ]
    .into_iter()
    .map(|(length, expected)| {
        Case::new(
            format!("ipv6_payload_length_{length}"),
            Ipv6 {
                payload_length: Some(length),
                ..Ipv6::to(DARK_V6)
            }
            .frame(Tcp::syn(23)),
            expected,
        )
    })
    .collect()
}

fn watched_edges() -> Vec<Case> {
    [
        ("2001:db8:feec:ffff:ffff:ffff:ffff:ffff", false),
        ("2001:db8:feed::", true),
        ("2001:db8:feed:ffff:ffff:ffff:ffff:ffff", true),
        ("2001:db8:feee::", false),
        ("2001:db8::feed", false),
        ("::", false),
        ("::1", false),
        ("ff02::1", false),
        // An IPv4 address in IPv6 clothes is not the watched IPv4 address.
        ("::ffff:198.51.100.23", false),
        ("::198.51.100.23", false),
    ]
    .into_iter()
    .filter_map(|(text, watched)| {
        let destination: Ipv6Addr = text.parse().ok()?;
        let expected = if watched {
            Expected::tcp_scan(23).over_ipv6()
        } else {
            Expected::nothing_but(Outcome::NotWatched)
        };
        Some(Case::new(
            format!("ipv6_to_{text}"),
            Ipv6::to(destination).frame(Tcp::syn(23)),
            expected,
        ))
    })
    .chain([
        Case::new(
            "ipv6_from_a_mapped_address",
            Ipv6 {
                source: DARK.to_ipv6_mapped(),
                ..Ipv6::to(DARK_V6)
            }
            .frame(Tcp::syn(23)),
            Expected::tcp_scan(23).over_ipv6().from(DARK.to_ipv6_mapped()),
        ),
        Case::new(
            "ipv6_from_the_unspecified_address",
            Ipv6 {
                source: Ipv6Addr::UNSPECIFIED,
                ..Ipv6::to(DARK_V6)
            }
            .frame(Tcp::syn(23)),
            Expected::tcp_scan(23).over_ipv6().from(Ipv6Addr::UNSPECIFIED),
        ),
    ])
    .collect()
}

fn chain(extensions: Vec<Extension>) -> Ipv6 {
    Ipv6 {
        extensions,
        ..Ipv6::to(DARK_V6)
    }
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
    let mixed = vec![
        Extension::padding(HOP_BY_HOP, 0),
        Extension::padding(DESTINATION, 1),
        Extension::padding(ROUTING, 2),
        Extension::fragment(0, false),
        Extension::authentication(12),
        Extension::padding(DESTINATION, 0),
    ];
    cases.push(Case::new(
        "ipv6_every_extension_of_rfc_8200_in_its_order",
        chain(mixed.clone()).frame(Content::Icmpv6(Icmp::of(128, 0))),
        Expected::icmpv6(Class::Scan, 128, 0),
    ));
    cases.push(Case::new(
        "ipv6_extensions_to_nobody",
        Ipv6 {
            extensions: mixed,
            ..Ipv6::to(ELSEWHERE_V6)
        }
        .frame(Tcp::syn(23)),
        Expected::nothing_but(Outcome::NotWatched),
    ));
    cases
}

fn truncated_extensions() -> Vec<Case> {
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

fn extension_lengths() -> Vec<Case> {
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

fn fragments() -> Vec<Case> {
    let fragment = |offset, more| chain(vec![Extension::fragment(offset, more)]);
    let claims_more = Udp {
        length: Some(4_008),
        ..Udp::to(53, &[0; 64])
    };
    vec![
        // RFC 6946: a fragment header on a whole packet.
        Case::new(
            "ipv6_atomic_fragment",
            fragment(0, false).frame(Tcp::syn(23)),
            Expected::tcp_scan(23).over_ipv6(),
        ),
        Case::new(
            "ipv6_first_fragment",
            fragment(0, true).frame(Tcp::syn(23)),
            Expected::tcp_scan(23).over_ipv6(),
        ),
        Case::new(
            "ipv6_later_fragment",
            fragment(185, true).frame(Tcp::syn(23)),
            Expected::fragment(6).over_ipv6(),
        ),
        Case::new(
            "ipv6_last_fragment",
            fragment(185, false).frame(Udp::to(53, &[0; 64])),
            Expected::fragment(17).over_ipv6(),
        ),
        Case::new(
            "ipv6_last_fragment_at_offset_1",
            fragment(1, false).frame(Tcp::syn(23)),
            Expected::fragment(6).over_ipv6(),
        ),
        Case::new(
            "ipv6_later_fragment_at_the_highest_offset",
            fragment(0x1fff, false).frame(Tcp::syn(23)),
            Expected::fragment(6).over_ipv6(),
        ),
        // What the fragment header names is an extension: the fragment has its number and no port.
        Case::new(
            "ipv6_later_fragment_of_destination_options",
            chain(vec![
                Extension::fragment(185, true),
                Extension::padding(DESTINATION, 0),
            ])
            .frame(Tcp::syn(23)),
            Expected::fragment(60).over_ipv6(),
        ),
        Case::new(
            "ipv6_later_fragment_without_content",
            fragment(185, false).frame(Content::Raw(6, Vec::new())),
            Expected::fragment(6).over_ipv6(),
        ),
        Case::new(
            "ipv6_first_fragment_udp_claims_what_comes_later",
            fragment(0, true).frame(claims_more.clone()),
            Expected::udp_scan(53).over_ipv6(),
        ),
        Case::new(
            "ipv6_atomic_fragment_udp_claims_more_than_there_is",
            fragment(0, false).frame(claims_more),
            Expected::nothing_but(Outcome::BadUdpLength),
        ),
        Case::new(
            "ipv6_tiny_first_fragment",
            fragment(0, true).frame(Content::Raw(6, vec![0x9c, 0x40, 0, 23, 1, 2, 3, 4])),
            Expected::nothing_but(Outcome::TruncatedTcp),
        ),
        // Only the offset's thirteen bits and the lowest say something; the two between are reserved.
        Case::new(
            "ipv6_reserved_fragment_bits",
            fragment(0, false)
                .frame(Tcp::syn(23))
                .with(V6_TRANSPORT + 3, &[0x06]),
            Expected::tcp_scan(23).over_ipv6(),
        ),
        Case::new(
            "ipv6_first_fragment_with_options_behind",
            chain(vec![
                Extension::fragment(0, true),
                Extension::padding(DESTINATION, 0),
            ])
            .frame(Tcp {
                data_offset: Some(10),
                ..Tcp::syn(23)
            }),
            Expected::tcp_scan(23).over_ipv6(),
        ),
    ]
}

fn other_transports() -> Vec<Case> {
    let inner = Ipv6::to(DARK_V6).packet(Tcp::syn(23));
    let inner_v4 = Ipv4::to(DARK).packet(Tcp::syn(23));
    let mut cases = vec![
        Case::new(
            "ipv6_in_ipv6",
            v6(Content::Raw(41, inner)),
            Expected::other(41).over_ipv6(),
        ),
        Case::new(
            "ipv4_in_ipv6",
            v6(Content::Raw(4, inner_v4)),
            Expected::other(4).over_ipv6(),
        ),
        Case::new(
            "ipv6_no_next_header",
            v6(Content::Raw(59, Vec::new())),
            Expected::other(59).over_ipv6(),
        ),
        Case::new(
            "ipv6_no_next_header_behind_extensions",
            chain(vec![Extension::padding(DESTINATION, 1)]).frame(Content::Raw(59, vec![1, 2, 3])),
            Expected::other(59).over_ipv6(),
        ),
        // RFC 8200, section 4.1: hop-by-hop stands first; behind others it is followed all the same.
        Case::new(
            "ipv6_hop_by_hop_in_the_wrong_place",
            chain(vec![
                Extension::padding(DESTINATION, 0),
                Extension::padding(HOP_BY_HOP, 0),
            ])
            .frame(Tcp::syn(23)),
            Expected::tcp_scan(23).over_ipv6(),
        ),
    ];
    for (name, protocol) in [
        ("gre", 47),
        ("esp", 50),
        ("ospf", 89),
        ("sctp", 132),
        ("udp_lite", 136),
        ("experiment_253", 253),
        ("reserved_255", 255),
    ] {
        cases.push(Case::new(
            format!("ipv6_other_{name}"),
            v6(Content::Raw(protocol, vec![0x9c, 0x40, 0, 23, 0, 0, 0, 0])),
            Expected::other(protocol).over_ipv6(),
        ));
    }
    cases
}
