//! Cases of the fixed IPv6 header: lengths, watched edges, what it carries.

use std::net::Ipv6Addr;

use sensor_common::Outcome;

use super::{Case, DARK, DARK_V6, Expected, IP, chain, v6};
use crate::frames::{Content, Edit as _, Extension, Ipv4, Ipv6, Tcp};

const HOP_BY_HOP: u8 = 0;
const DESTINATION: u8 = 60;

pub(super) fn cases() -> Vec<Case> {
    [
        truncated(),
        versions(),
        payload_lengths(),
        watched_edges(),
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
