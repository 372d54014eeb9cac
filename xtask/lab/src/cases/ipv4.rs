//! Cases of the IPv4 header: lengths, watched edges, what it carries.

use std::net::Ipv4Addr;

use sensor_common::{Outcome, ToolSet, tool::Tool};

use super::{Case, DARK, ELSEWHERE, Expected, IP, v4};
use crate::frames::{Content, Edit as _, Extension, Ipv4, Ipv6, Tcp, Udp};

pub(super) fn cases() -> Vec<Case> {
    [
        truncated(),
        versions(),
        header_lengths(),
        total_lengths(),
        watched_edges(),
        sources(),
        other_transports(),
        fields_that_change_nothing(),
    ]
    .concat()
}

fn truncated() -> Vec<Case> {
    [0, 1, 2, 8, 12, 16, 19]
        .into_iter()
        .map(|bytes| {
            Case::new(
                format!("ipv4_cut_after_{bytes}"),
                v4(Tcp::syn(23)).cut(IP + bytes),
                Expected::nothing_but(Outcome::TruncatedIpv4),
            )
        })
        .collect()
}

fn versions() -> Vec<Case> {
    (0..16)
        .map(|version| {
            let expected = match version {
                4 => Expected::tcp_scan(23),
                _ => Expected::nothing_but(Outcome::BadIpv4Version),
            };
            Case::new(
                format!("ipv4_version_{version}"),
                Ipv4 {
                    version,
                    ..Ipv4::to(DARK)
                }
                .frame(Tcp::syn(23)),
                expected,
            )
        })
        .collect()
}

fn header_lengths() -> Vec<Case> {
    let mut cases = Vec::new();
    for words in 0..5 {
        cases.push(Case::new(
            format!("ipv4_header_of_{words}_words"),
            Ipv4 {
                header_words: Some(words),
                ..Ipv4::to(DARK)
            }
            .frame(Tcp::syn(23)),
            Expected::nothing_but(Outcome::BadIpv4HeaderLength),
        ));
    }
    for words in 5..16_u8 {
        // No-operation options (RFC 791) fill the header.
        let ip = Ipv4 {
            options: vec![1; usize::from(words - 5) * 4],
            ..Ipv4::to(DARK)
        };
        cases.push(Case::new(
            format!("ipv4_header_of_{words}_words"),
            ip.frame(Tcp::syn(23)),
            Expected::tcp_scan(23),
        ));
        let options_end = IP + usize::from(words) * 4;
        if words > 5 {
            cases.push(Case::new(
                format!("ipv4_options_of_{words}_words_cut_by_one"),
                ip.frame(Tcp::syn(23)).cut(options_end - 1),
                Expected::nothing_but(Outcome::TruncatedIpv4),
            ));
        }
    }
    // 40 octets in all, a header of 60 claimed.
    cases.push(Case::new(
        "ipv4_header_longer_than_the_total_length",
        Ipv4 {
            header_words: Some(15),
            ..Ipv4::to(DARK)
        }
        .frame(Tcp::syn(23)),
        Expected::nothing_but(Outcome::BadIpv4TotalLength),
    ));
    // The header swallows the ports: what is left is shorter than TCP.
    cases.push(Case::new(
        "ipv4_header_swallows_half_of_tcp",
        Ipv4 {
            header_words: Some(7),
            ..Ipv4::to(DARK)
        }
        .frame(Tcp::syn(23)),
        Expected::nothing_but(Outcome::TruncatedTcp),
    ));
    cases
}

fn total_lengths() -> Vec<Case> {
    let options = Ipv4 {
        options: vec![1; 8],
        ..Ipv4::to(DARK)
    };
    let mut cases = Vec::new();
    for (total, expected) in [
        (0, Expected::nothing_but(Outcome::BadIpv4TotalLength)),
        (1, Expected::nothing_but(Outcome::BadIpv4TotalLength)),
        (19, Expected::nothing_but(Outcome::BadIpv4TotalLength)),
        (20, Expected::nothing_but(Outcome::TruncatedTcp)),
        (28, Expected::nothing_but(Outcome::TruncatedTcp)),
        (39, Expected::nothing_but(Outcome::TruncatedTcp)),
        (40, Expected::tcp_scan(23)),
        (41, Expected::tcp_scan(23)),
        (1_500, Expected::tcp_scan(23)),
        (65_535, Expected::tcp_scan(23)),
    ] {
        cases.push(Case::new(
            format!("ipv4_total_length_{total}"),
            Ipv4 {
                total_length: Some(total),
                ..Ipv4::to(DARK)
            }
            .frame(Tcp::syn(23)),
            expected,
        ));
    }
    for (total, outcome) in [(27, Outcome::BadIpv4TotalLength), (28, Outcome::TruncatedTcp)] {
        cases.push(Case::new(
            format!("ipv4_total_length_{total}_with_28_octets_of_header"),
            Ipv4 {
                total_length: Some(total),
                ..options.clone()
            }
            .frame(Tcp::syn(23)),
            Expected::nothing_but(outcome),
        ));
    }
    // Behind the IP packet, inside Ethernet's padding, lies what looks like the rest of a SYN to port 23.
    for total in [20, 24, 39] {
        cases.push(Case::new(
            format!("ipv4_padding_after_{total}_octets_is_not_tcp"),
            Ipv4 {
                total_length: Some(total),
                ..Ipv4::to(DARK)
            }
            .frame(Tcp::syn(23))
            .padded(),
            Expected::nothing_but(Outcome::TruncatedTcp),
        ));
    }
    cases.push(Case::new(
        "ipv4_padding_of_a_short_udp_datagram_is_not_udp",
        Ipv4 {
            total_length: Some(24),
            ..Ipv4::to(DARK)
        }
        .frame(Udp::between(40_000, 53))
        .padded(),
        Expected::nothing_but(Outcome::TruncatedUdp),
    ));
    cases.push(Case::new(
        "ipv4_trailer_after_the_packet_is_ignored",
        v4(Tcp::syn(23)).followed_by(&[0xff; 200]),
        Expected::tcp_scan(23),
    ));
    cases
}

fn watched_edges() -> Vec<Case> {
    [
        ([198, 51, 99, 255], false),
        ([198, 51, 100, 0], true),
        ([198, 51, 100, 63], true),
        ([198, 51, 100, 64], true),
        ([198, 51, 100, 255], true),
        ([198, 51, 101, 0], false),
        ([203, 0, 113, 6], false),
        ([203, 0, 113, 7], true),
        ([203, 0, 113, 8], false),
        ([10, 98, 255, 255], false),
        ([10, 99, 0, 0], true),
        ([10, 99, 128, 1], true),
        ([10, 99, 255, 255], true),
        ([10, 100, 0, 0], false),
        ([192, 0, 2, 127], false),
        ([192, 0, 2, 128], true),
        ([192, 0, 2, 255], true),
        ([192, 0, 3, 0], false),
        ([0, 0, 0, 0], false),
        ([127, 0, 0, 1], false),
        ([224, 0, 0, 1], false),
        ([255, 255, 255, 255], false),
        // The octets of a watched address in the other order.
        ([23, 100, 51, 198], false),
    ]
    .into_iter()
    .map(|(octets, watched)| {
        let destination = Ipv4Addr::from(octets);
        let expected = if watched {
            Expected::tcp_scan(23)
        } else {
            Expected::nothing_but(Outcome::NotWatched)
        };
        Case::new(
            format!("ipv4_to_{destination}"),
            Ipv4::to(destination).frame(Tcp::syn(23)),
            expected,
        )
    })
    .collect()
}

/// A sender can claim to be anybody.
fn sources() -> Vec<Case> {
    [
        [0, 0, 0, 0],
        [10, 99, 0, 1],
        [127, 0, 0, 1],
        [169, 254, 1, 1],
        [198, 51, 100, 23],
        [224, 0, 0, 251],
        [255, 255, 255, 255],
        [133, 11, 0, 1],
    ]
    .into_iter()
    .map(|octets| {
        let source = Ipv4Addr::from(octets);
        Case::new(
            format!("ipv4_from_{source}"),
            Ipv4 {
                source,
                ..Ipv4::to(DARK)
            }
            .frame(Tcp::syn(23)),
            Expected::tcp_scan(23).from(source),
        )
    })
    .collect()
}

fn other_transports() -> Vec<Case> {
    let inner = Ipv4::to(DARK).packet(Tcp::syn(23));
    let outer_gre = [&[0, 0, 0x08, 0x00], &inner[..]].concat();
    let inner_v6 = Ipv6 {
        extensions: vec![Extension::padding(60, 0)],
        ..Ipv6::to(super::DARK_V6)
    }
    .packet(Tcp::syn(23));
    let mut cases = vec![
        // What is outside counts: no tunnel is entered.
        Case::new(
            "ipv4_in_ipv4",
            v4(Content::Raw(4, inner.clone())),
            Expected::other(4),
        ),
        Case::new(
            "ipv6_in_ipv4",
            v4(Content::Raw(41, inner_v6)),
            Expected::other(41),
        ),
        Case::new(
            "gre_in_ipv4",
            v4(Content::Raw(47, outer_gre)),
            Expected::other(47),
        ),
        Case::new(
            "ipv4_in_ipv4_to_nobody_with_a_watched_address_inside",
            Ipv4::to(ELSEWHERE).frame(Content::Raw(4, inner)),
            Expected::nothing_but(Outcome::NotWatched),
        ),
        // In IPv4, AH is followed by nothing that is read here: RFC 4302 makes it a protocol like others.
        Case::new(
            "authentication_header_in_ipv4",
            v4(Content::Raw(51, vec![6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1])),
            Expected::other(51),
        ),
        Case::new(
            "ipv4_no_content_sctp",
            v4(Content::Raw(132, Vec::new())),
            Expected::other(132),
        ),
    ];
    for (name, protocol) in [
        ("hop_by_hop_number", 0),
        ("igmp", 2),
        ("protocol_5", 5),
        ("protocol_7", 7),
        ("protocol_16", 16),
        ("protocol_18", 18),
        ("dccp", 33),
        ("esp", 50),
        ("no_next_header_number", 59),
        ("ospf", 89),
        ("pim", 103),
        ("vrrp", 112),
        ("sctp", 132),
        ("udp_lite", 136),
        ("reserved_255", 255),
    ] {
        cases.push(Case::new(
            format!("ipv4_other_{name}"),
            v4(Content::Raw(
                protocol,
                vec![0x9c, 0x40, 0, 23, 0, 0, 0, 0, 0, 0, 0, 0],
            )),
            Expected::other(protocol),
        ));
    }
    cases
}

fn fields_that_change_nothing() -> Vec<Case> {
    let usual = Ipv4::to(DARK);
    let mut cases = vec![
        Case::new(
            "ipv4_wrong_header_checksum_is_counted",
            v4(Tcp::syn(23)).with(IP + 10, &[0xde, 0xad]),
            Expected::tcp_scan(23),
        ),
        Case::new(
            "ipv4_type_of_service_ff",
            Ipv4 {
                service: 0xff,
                ..usual.clone()
            }
            .frame(Tcp::syn(23)),
            Expected::tcp_scan(23),
        ),
    ];
    // With the window that these SYNs have, the longest life is a sign of ZMap, and the identification is not.
    let like_zmap = ToolSet::near_miss_of(Tool::Zmap);
    for (ttl, tools) in [(0, ToolSet::NONE), (1, ToolSet::NONE), (255, like_zmap)] {
        cases.push(Case::new(
            format!("ipv4_ttl_{ttl}"),
            Ipv4 { ttl, ..usual.clone() }.frame(Tcp::syn(23)),
            Expected::tcp_scan(23).with_tools(tools),
        ));
    }
    cases
}
