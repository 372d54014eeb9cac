//! Cases of fragments, of IPv4 and of IPv6.

use sensor_common::Outcome;

use super::{Case, DARK, ELSEWHERE, Expected, V6_TRANSPORT, chain};
use crate::frames::{Content, Edit as _, Extension, Ipv4, Tcp, Udp};

pub(super) fn cases() -> Vec<Case> {
    [ipv4(), ipv4_first(), ipv6()].concat()
}

fn fragment(bits: u16, content: impl Into<Content>) -> Vec<u8> {
    Ipv4 {
        fragment: bits,
        ..Ipv4::to(DARK)
    }
    .frame(content)
}

fn ipv4() -> Vec<Case> {
    // In units of eight octets: where the second part of a 1500-octet packet begins.
    const MIDDLE: u16 = 185;
    const MORE: u16 = Ipv4::MORE_FRAGMENTS;
    let mut cases = vec![
        Case::new(
            "ipv4_first_fragment_tcp",
            fragment(MORE, Tcp::syn(23)),
            Expected::tcp_scan(23),
        ),
        Case::new(
            "ipv4_first_fragment_with_dont_fragment",
            fragment(MORE | Ipv4::DONT_FRAGMENT, Tcp::syn(23)),
            Expected::tcp_scan(23),
        ),
        Case::new(
            "ipv4_reserved_flag_is_no_fragment",
            fragment(0x8000, Tcp::syn(23)),
            Expected::tcp_scan(23),
        ),
        Case::new(
            "ipv4_dont_fragment_is_no_fragment",
            fragment(Ipv4::DONT_FRAGMENT, Tcp::syn(23)),
            Expected::tcp_scan(23),
        ),
        // RFC 1858: a fragment at offset 1 overwrites the flags; its octets are not ports.
        Case::new(
            "ipv4_later_fragment_at_offset_1",
            fragment(1, Tcp::syn(23)),
            Expected::fragment(6),
        ),
        Case::new(
            "ipv4_later_fragment_in_the_middle",
            fragment(MORE | MIDDLE, Tcp::syn(23)),
            Expected::fragment(6),
        ),
        Case::new(
            "ipv4_last_fragment_at_the_highest_offset",
            fragment(0x1fff, Tcp::syn(23)),
            Expected::fragment(6),
        ),
        Case::new(
            "ipv4_later_fragment_that_looks_like_mirai",
            fragment(
                185,
                Tcp {
                    sequence: DARK.to_bits(),
                    ..Tcp::syn(23)
                },
            ),
            Expected::fragment(6),
        ),
        Case::new(
            "ipv4_later_fragment_without_content",
            fragment(185, Content::Raw(6, Vec::new())),
            Expected::fragment(6),
        ),
        Case::new(
            "ipv4_later_fragment_elsewhere",
            Ipv4 {
                fragment: 185,
                ..Ipv4::to(ELSEWHERE)
            }
            .frame(Tcp::syn(23)),
            Expected::nothing_but(Outcome::NotWatched),
        ),
    ];
    for protocol in [1, 17, 47, 132] {
        cases.push(Case::new(
            format!("ipv4_later_fragment_of_protocol_{protocol}"),
            fragment(MORE | MIDDLE, Content::Raw(protocol, vec![0; 64])),
            Expected::fragment(protocol),
        ));
    }
    cases
}

fn ipv4_first() -> Vec<Case> {
    const MORE: u16 = Ipv4::MORE_FRAGMENTS;
    let whole = Udp {
        length: Some(4_008),
        ..Udp::to(53, &[0; 64])
    };
    vec![
        // The datagram's length counts all fragments, so more than is here is right.
        Case::new(
            "ipv4_first_fragment_udp_claims_what_comes_later",
            fragment(MORE, whole.clone()),
            Expected::udp_scan(53),
        ),
        Case::new(
            "ipv4_whole_udp_claims_more_than_there_is",
            fragment(0, whole),
            Expected::nothing_but(Outcome::BadUdpLength),
        ),
        Case::new(
            "ipv4_first_fragment_udp_claims_7",
            fragment(
                MORE,
                Udp {
                    length: Some(7),
                    ..Udp::to(53, &[0; 64])
                },
            ),
            Expected::nothing_but(Outcome::BadUdpLength),
        ),
        // RFC 1858, section 3: eight octets of TCP, the flags in the next fragment.
        Case::new(
            "ipv4_tiny_first_fragment_tcp",
            fragment(MORE, Content::Raw(6, vec![0x9c, 0x40, 0, 23, 1, 2, 3, 4])),
            Expected::nothing_but(Outcome::TruncatedTcp),
        ),
        Case::new(
            "ipv4_tiny_first_fragment_tcp_padded",
            fragment(MORE, Content::Raw(6, vec![0x9c, 0x40, 0, 23, 1, 2, 3, 4])).padded(),
            Expected::nothing_but(Outcome::TruncatedTcp),
        ),
        Case::new(
            "ipv4_tiny_first_fragment_udp",
            fragment(MORE, Content::Raw(17, vec![0x9c, 0x40, 0, 53])),
            Expected::nothing_but(Outcome::TruncatedUdp),
        ),
        Case::new(
            "ipv4_first_fragment_tcp_options_come_later",
            fragment(
                MORE,
                Tcp {
                    data_offset: Some(10),
                    ..Tcp::syn(23)
                },
            ),
            Expected::tcp_scan(23),
        ),
        Case::new(
            "ipv4_first_fragment_tcp_offset_4",
            fragment(
                MORE,
                Tcp {
                    data_offset: Some(4),
                    ..Tcp::syn(23)
                },
            ),
            Expected::nothing_but(Outcome::BadTcpDataOffset),
        ),
    ]
}

fn ipv6() -> Vec<Case> {
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
            chain(vec![Extension::fragment(185, true), Extension::padding(60, 0)]).frame(Tcp::syn(23)),
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
            chain(vec![Extension::fragment(0, true), Extension::padding(60, 0)]).frame(Tcp {
                data_offset: Some(10),
                ..Tcp::syn(23)
            }),
            Expected::tcp_scan(23).over_ipv6(),
        ),
    ]
}
