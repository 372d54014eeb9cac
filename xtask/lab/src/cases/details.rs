//! Cases of what a record keeps of a flow's first packet, beside its key.

use std::net::Ipv4Addr;

use sensor_common::Class;

use super::{Case, DARK, DARK_V6, Expected, chain};
use crate::frames::{
    Content, Edit as _, Ethernet, Extension, Icmp, Ipv4, Ipv6, Tag, Tcp, Udp,
    flags::{ACK, CWR, ECE, RST, SYN},
};

/// A case with what its record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detailed {
    /// The case.
    pub case: Case,
    /// The rest of the record, when this frame is all that its flow had.
    pub details: Details,
}

/// The fields of a [`Record`](sensor_common::record::Record) that come from the packet and are not its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Details {
    /// IP length in bytes, as the header claims; padding and link header are not in it.
    pub bytes: u32,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// TCP flags; 0 for all else.
    pub tcp_flags: u8,
    /// TCP window; 0 for all else.
    pub window: u16,
    /// Source port of scans and others, destination port of backscatter; 0 without ports.
    pub peer_port: u16,
    /// The last 32 bits of the destination.
    pub first_destination: u32,
}

/// 198.51.100.23
const DARK_BITS: u32 = 0xc633_6417;
/// The end of `2001:db8:feed::23`
const DARK_V6_BITS: u32 = 0x0000_0023;

/// Every case with details.
#[must_use]
pub fn detailed() -> Vec<Detailed> {
    [tcp(), udp(), without_ports()].concat()
}

fn row(name: &str, frame: Vec<u8>, expected: Expected, details: Details) -> Detailed {
    Detailed {
        case: Case::new(format!("record_of_{name}"), frame, expected),
        details,
    }
}

/// A SYN of 40 octets to [`DARK`].
const SYN_DETAILS: Details = Details {
    bytes: 40,
    ttl: 54,
    tcp_flags: 0x02,
    window: 65_535,
    peer_port: 40_000,
    first_destination: DARK_BITS,
};

fn tcp() -> Vec<Detailed> {
    let ip = Ipv4::to(DARK);
    let answer = Tcp {
        source: 443,
        window: 29_200,
        ..Tcp::with_flags(51_966, SYN | ACK | ECE)
    };
    vec![
        row(
            "a_padded_syn",
            ip.frame(Tcp::syn(23)).padded(),
            Expected::tcp_scan(23),
            SYN_DETAILS,
        ),
        row(
            "a_syn_with_options_ttl_and_window",
            Ipv4 {
                ttl: 243,
                options: vec![1; 4],
                ..ip.clone()
            }
            .frame(Tcp {
                source: 513,
                window: 0x0102,
                options: vec![2, 4, 5, 0xb4],
                payload: vec![0; 3],
                ..Tcp::with_flags(80, SYN | ECE | CWR)
            }),
            Expected::tcp_scan(80),
            Details {
                bytes: 51,
                ttl: 243,
                tcp_flags: 0xc2,
                window: 258,
                peer_port: 513,
                ..SYN_DETAILS
            },
        ),
        row(
            "an_answer",
            ip.frame(answer),
            Expected::tcp_backscatter(443, 51_966),
            Details {
                tcp_flags: 0x52,
                window: 29_200,
                peer_port: 51_966,
                ..SYN_DETAILS
            },
        ),
        row(
            "a_reset_at_the_last_hop",
            Ipv4 {
                ttl: 1,
                ..Ipv4::to(Ipv4Addr::new(10, 99, 255, 254))
            }
            .frame(Tcp {
                window: 0,
                ..Tcp::with_flags(9, RST)
            }),
            Expected::tcp_backscatter(40_000, 9),
            Details {
                ttl: 1,
                tcp_flags: 0x04,
                window: 0,
                peer_port: 9,
                first_destination: 0x0a63_fffe,
                ..SYN_DETAILS
            },
        ),
        row(
            "a_syn_in_two_tags",
            ip.frame_in(&Ethernet::tagged(&[Tag::vlan(1), Tag::vlan(2)]), Tcp::syn(23)),
            Expected::tcp_scan(23),
            SYN_DETAILS,
        ),
        row(
            "a_syn_behind_an_extension_header",
            chain(vec![Extension::padding(60, 1)]).frame(Tcp::syn(23)),
            Expected::tcp_scan(23).over_ipv6(),
            Details {
                bytes: 76,
                first_destination: DARK_V6_BITS,
                ..SYN_DETAILS
            },
        ),
        // What the header claims counts, not what is there.
        row(
            "a_length_that_claims_more",
            Ipv4 {
                total_length: Some(65_535),
                ..ip
            }
            .frame(Tcp::syn(23)),
            Expected::tcp_scan(23),
            Details {
                bytes: 65_535,
                ..SYN_DETAILS
            },
        ),
    ]
}

/// A datagram of 28 octets to [`DARK`].
const DATAGRAM_DETAILS: Details = Details {
    bytes: 28,
    tcp_flags: 0,
    window: 0,
    ..SYN_DETAILS
};

fn udp() -> Vec<Detailed> {
    vec![
        row(
            "a_datagram",
            Ipv4::to(DARK).frame(Udp::to(5_060, &[0; 9])).padded(),
            Expected::udp_scan(5_060),
            Details {
                bytes: 37,
                ..DATAGRAM_DETAILS
            },
        ),
        row(
            "a_datagram_that_answers",
            Ipv4::to(DARK).frame(Udp::between(53, 50_000)),
            Expected::udp_backscatter(53, 50_000),
            Details {
                peer_port: 50_000,
                ..DATAGRAM_DETAILS
            },
        ),
        row(
            "the_longest_ipv6_claim",
            Ipv6 {
                hop_limit: 255,
                payload_length: Some(65_535),
                ..Ipv6::to(DARK_V6)
            }
            .frame(Udp::between(1, 2)),
            Expected::udp_scan(2).over_ipv6(),
            Details {
                bytes: 65_575,
                ttl: 255,
                peer_port: 1,
                first_destination: DARK_V6_BITS,
                ..DATAGRAM_DETAILS
            },
        ),
    ]
}

fn without_ports() -> Vec<Detailed> {
    let none = Details {
        peer_port: 0,
        ..DATAGRAM_DETAILS
    };
    vec![
        row(
            "an_echo_request",
            Ipv4::to(DARK).frame(Content::Icmp(Icmp::of(8, 0))).padded(),
            Expected::icmp(Class::Scan, 8, 0),
            none,
        ),
        row(
            "sctp",
            Ipv4::to(DARK).frame(Content::Raw(132, vec![0xff; 12])),
            Expected::other(132),
            Details { bytes: 32, ..none },
        ),
        row(
            "a_later_fragment",
            Ipv4 {
                fragment: 185,
                ..Ipv4::to(DARK)
            }
            .frame(Tcp::syn(23)),
            Expected::fragment(6),
            Details { bytes: 40, ..none },
        ),
    ]
}
