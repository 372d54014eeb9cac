//! Cases of tool marks.

use std::net::Ipv4Addr;

use super::{Case, DARK, DARK_V6, Expected, v4};
use crate::frames::{
    Edit as _, Ethernet, Ipv4, Ipv6, Tag, Tcp, Udp,
    flags::{ACK, CWR, ECE, FIN, PSH, RST, SYN, URG},
};

pub(super) fn cases() -> Vec<Case> {
    [
        mirai(),
        mirai_from_edge_to_edge(),
        one_bit_away(),
        wrong_sequences(),
        wrong_flags(),
        other_mirai_misses(),
    ]
    .concat()
}

/// A SYN with this sequence number.
fn probe(destination_port: u16, sequence: u32) -> Tcp {
    Tcp {
        sequence,
        ..Tcp::syn(destination_port)
    }
}

fn mirai() -> Vec<Case> {
    let mut cases: Vec<_> = [0, 23, 81, 2_323, 5_555, 7_547, 8_080, 37_215, 60_023, 65_535]
        .into_iter()
        .map(|port| {
            Case::new(
                format!("mirai_to_port_{port}"),
                v4(probe(port, DARK.to_bits())),
                if matches!(port, 23 | 2_323) {
                    Expected::mirai_original(port)
                } else {
                    Expected::mirai(port)
                },
            )
        })
        .collect();
    let probe = probe(23, DARK.to_bits());
    let to_dark = Ipv4::to(DARK);
    cases.extend([
        Case::new(
            "mirai_padded_to_60",
            v4(probe.clone()).padded(),
            Expected::mirai_original(23),
        ),
        Case::new(
            "mirai_with_tcp_options",
            v4(Tcp {
                options: vec![2, 4, 5, 0xb4],
                ..probe.clone()
            }),
            Expected::mirai(23),
        ),
        Case::new(
            "mirai_with_ip_options",
            Ipv4 {
                options: vec![1; 40],
                ..to_dark.clone()
            }
            .frame(probe.clone()),
            Expected::mirai(23),
        ),
        Case::new(
            "mirai_with_payload",
            v4(Tcp {
                payload: vec![0; 10],
                ..probe.clone()
            }),
            Expected::mirai(23),
        ),
        Case::new(
            "mirai_in_two_vlan_tags",
            to_dark.frame_in(&Ethernet::tagged(&[Tag::vlan(1), Tag::vlan(2)]), probe.clone()),
            Expected::mirai_original(23),
        ),
        Case::new(
            "mirai_in_a_first_fragment",
            Ipv4 {
                fragment: Ipv4::MORE_FRAGMENTS,
                ..to_dark
            }
            .frame(probe.clone()),
            Expected::mirai_original(23),
        ),
        Case::new(
            "mirai_with_an_acknowledgement_number_and_no_flag",
            v4(Tcp {
                acknowledgement: 0xdead_beef,
                ..probe
            }),
            Expected::mirai_original(23),
        ),
    ]);
    // RFC 3168: hosts and routers may set the congestion bits.
    for (name, bits) in [("ece", ECE), ("cwr", CWR), ("ece_cwr", ECE | CWR)] {
        cases.push(Case::new(
            format!("mirai_with_{name}"),
            v4(Tcp {
                flags: SYN | bits,
                sequence: DARK.to_bits(),
                ..Tcp::syn(23)
            }),
            Expected::mirai_original(23),
        ));
    }
    cases
}

fn mirai_from_edge_to_edge() -> Vec<Case> {
    [
        [198, 51, 100, 0],
        [198, 51, 100, 255],
        [203, 0, 113, 7],
        [10, 99, 0, 0],
        [10, 99, 255, 255],
        [192, 0, 2, 128],
        [192, 0, 2, 255],
    ]
    .into_iter()
    .map(|octets| {
        let destination = Ipv4Addr::from(octets);
        Case::new(
            format!("mirai_to_{destination}"),
            Ipv4::to(destination).frame(probe(2_323, destination.to_bits())),
            Expected::mirai_original(2_323),
        )
    })
    .collect()
}

fn one_bit_away() -> Vec<Case> {
    (0..32)
        .map(|bit| {
            Case::new(
                format!("mirai_but_for_bit_{bit}"),
                v4(probe(23, DARK.to_bits() ^ 1 << bit)),
                Expected::tcp_scan(23),
            )
        })
        .collect()
}

fn wrong_sequences() -> Vec<Case> {
    let here = DARK.to_bits();
    [
        ("byte_swapped", here.swap_bytes()),
        ("halves_swapped", here.rotate_left(16)),
        ("one_more", here + 1),
        ("one_less", here - 1),
        ("inverted", !here),
        ("zero", 0),
        ("all_ones", u32::MAX),
        ("the_source", Ipv4Addr::new(192, 0, 2, 1).to_bits()),
        (
            "another_watched_address",
            Ipv4Addr::new(198, 51, 100, 24).to_bits(),
        ),
    ]
    .into_iter()
    .map(|(name, sequence)| {
        Case::new(
            format!("mirai_sequence_is_{name}"),
            v4(probe(23, sequence)),
            Expected::tcp_scan(23),
        )
    })
    .collect()
}

/// The sequence number of a Mirai probe with flags that are not a SYN alone.
fn wrong_flags() -> Vec<Case> {
    [
        ("syn_ack", SYN | ACK, Expected::tcp_backscatter(40_000, 23)),
        ("syn_rst", SYN | RST, Expected::tcp_backscatter(40_000, 23)),
        ("rst", RST, Expected::tcp_backscatter(40_000, 23)),
        ("syn_fin", SYN | FIN, Expected::tcp_other(23)),
        ("ack", ACK, Expected::tcp_other(23)),
        ("none", 0, Expected::tcp_other(23)),
        ("syn_psh", SYN | PSH, Expected::tcp_scan(23)),
        ("syn_urg", SYN | URG, Expected::tcp_scan(23)),
    ]
    .into_iter()
    .map(|(name, flags, expected)| {
        Case::new(
            format!("mirai_sequence_with_flags_{name}"),
            v4(Tcp {
                sequence: DARK.to_bits(),
                ..Tcp::with_flags(23, flags)
            }),
            expected,
        )
    })
    .collect()
}

fn other_mirai_misses() -> Vec<Case> {
    let [.., last] = DARK_V6.to_bits().to_be_bytes().as_chunks::<4>().0[..] else {
        unreachable!("sixteen octets are four times four")
    };
    let sequence_at_acknowledgement = Tcp {
        acknowledgement: DARK.to_bits(),
        ..Tcp::syn(23)
    };
    vec![
        Case::new(
            "mirai_number_in_the_acknowledgement",
            v4(sequence_at_acknowledgement),
            Expected::tcp_scan(23),
        ),
        // Mirai scans IPv4 only: the last 32 bits of an IPv6 address are no sign.
        Case::new(
            "mirai_over_ipv6_is_none",
            Ipv6::to(DARK_V6).frame(probe(23, u32::from_be_bytes(last))),
            Expected::tcp_scan(23).over_ipv6(),
        ),
        Case::new(
            "mirai_udp_with_the_number_at_the_same_place",
            v4(Udp::to(23, &[0; 8])).with(super::V4_TRANSPORT + 4, &[0, 16, 0x64, 0x17]),
            Expected::udp_scan(23),
        ),
    ]
}
