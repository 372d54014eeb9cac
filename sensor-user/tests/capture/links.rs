//! Every link type that is read comes to the same IP packet.

use sensor_common::{Address, Family, Observation, Outcome, Transport, watch::Watch};
use teiten::capture::{Frame, Link, LinkType, classify};

/// Watches everything.
struct Everything;

impl Watch for Everything {
    fn contains_v4(&self, _: u32) -> bool {
        true
    }

    fn contains_v6(&self, _: Address) -> bool {
        true
    }
}

fn classify_as(link_type: u16, bytes: &[u8]) -> Result<Observation, Outcome> {
    let frame = Frame {
        link: LinkType(link_type).link().unwrap(),
        timestamp: None,
        original_length: 0,
        bytes,
    };
    classify(&frame, &Everything)
}

/// A SYN from 192.0.2.1 to 198.51.100.7, port 23.
fn ipv4() -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0];
    packet.extend([192, 0, 2, 1, 198, 51, 100, 7]);
    packet.extend([
        0x9c, 0x40, 0, 23, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 0x02, 0x10, 0, 0, 0, 0, 0,
    ]);
    packet
}

/// A datagram from `2001:db8::1` to `2001:db8::2`, port 5060.
fn ipv6() -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0, 8, 17, 64];
    for last in [1, 2] {
        packet.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    packet.extend([0x30, 0x39, 0x13, 0xc4, 0, 8, 0, 0]);
    packet
}

/// Link type, header before IPv4, header before IPv6; `None` where the link type has no such packets.
type Case = (u16, Option<Vec<u8>>, Option<Vec<u8>>);

fn cases() -> Vec<Case> {
    let ethernet = |ethertype: &[u8]| Some([&[2; 12], ethertype].concat());
    let cooked = |hardware: [u8; 2], protocol: &[u8]| {
        Some([&[0, 0], &hardware[..], &[0, 6, 2, 2, 2, 2, 2, 2, 0, 0], protocol].concat())
    };
    let cooked2 = |protocol: [u8; 2], hardware: [u8; 2]| {
        Some(
            [
                &protocol[..],
                &[0, 0, 0, 0, 0, 3],
                &hardware,
                &[0, 6, 2, 2, 2, 2, 2, 2, 0, 0],
            ]
            .concat(),
        )
    };
    vec![
        (1, ethernet(&[8, 0]), ethernet(&[0x86, 0xdd])),
        (
            1,
            ethernet(&[0x81, 0, 0, 5, 8, 0]),
            ethernet(&[0x88, 0xa8, 0, 1, 0x81, 0, 0, 5, 0x86, 0xdd]),
        ),
        (12, Some(vec![]), Some(vec![])),
        (14, Some(vec![]), Some(vec![])),
        (101, Some(vec![]), Some(vec![])),
        (228, Some(vec![]), None),
        (229, None, Some(vec![])),
        // Address families: little-endian and big-endian machines; Linux, Windows, the BSDs, Solaris, Darwin.
        (0, Some(vec![2, 0, 0, 0]), Some(vec![10, 0, 0, 0])),
        (0, Some(vec![0, 0, 0, 2]), Some(vec![0, 0, 0, 24])),
        (0, None, Some(vec![23, 0, 0, 0])),
        (0, None, Some(vec![28, 0, 0, 0])),
        (0, None, Some(vec![30, 0, 0, 0])),
        (0, None, Some(vec![0, 0, 0, 26])),
        (108, Some(vec![0, 0, 0, 2]), Some(vec![0, 0, 0, 24])),
        (9, Some(vec![0, 0x21]), Some(vec![0, 0x57])),
        (9, Some(vec![0xff, 3, 0, 0x21]), Some(vec![0xff, 3, 0, 0x57])),
        (50, Some(vec![0xff, 3, 0x21]), Some(vec![0x57])),
        // Cisco's framing under the numbers of PPP.
        (9, Some(vec![0x0f, 0, 8, 0]), Some(vec![0x8f, 0, 0x86, 0xdd])),
        (50, Some(vec![0x8f, 0, 8, 0]), Some(vec![0x0f, 0, 0x86, 0xdd])),
        (104, Some(vec![0x0f, 0, 8, 0]), Some(vec![0x8f, 0, 0x86, 0xdd])),
        // Ethernet, loopback, a GRE tunnel; a VLAN tag stands behind the header.
        (113, cooked([0, 1], &[8, 0]), cooked([3, 4], &[0x86, 0xdd])),
        (
            113,
            cooked([3, 10], &[8, 0]),
            cooked([0, 1], &[0x81, 0, 0, 5, 0x86, 0xdd]),
        ),
        (276, cooked2([8, 0], [0, 1]), cooked2([0x86, 0xdd], [3, 4])),
    ]
}

#[test]
fn every_link_header_leads_to_the_ip_packet() {
    for (link_type, before_v4, before_v6) in cases() {
        if let Some(header) = before_v4 {
            let seen = classify_as(link_type, &[header, ipv4()].concat()).unwrap();
            assert_eq!(
                (
                    seen.family,
                    seen.transport,
                    seen.destination_port,
                    seen.destination.low32()
                ),
                (Family::Ipv4, Transport::Tcp, 23, 0xc633_6407),
                "link type {link_type}"
            );
        }
        if let Some(header) = before_v6 {
            let seen = classify_as(link_type, &[header, ipv6()].concat()).unwrap();
            assert_eq!(
                (
                    seen.family,
                    seen.transport,
                    seen.destination_port,
                    seen.destination.low
                ),
                (Family::Ipv6, Transport::Udp, 5060, 2),
                "link type {link_type}"
            );
        }
    }
}

#[test]
fn a_truncated_link_header_is_a_truncated_frame() {
    for (link_type, header_bytes) in [
        (1, 14),
        (0, 4),
        (108, 4),
        (9, 2),
        (50, 2),
        (104, 4),
        (113, 16),
        (276, 20),
    ] {
        for bytes in 0..header_bytes {
            assert_eq!(
                classify_as(link_type, &vec![0; bytes]),
                Err(Outcome::TruncatedEthernet),
                "link type {link_type}, {bytes} bytes"
            );
        }
        assert_ne!(
            classify_as(link_type, &vec![0; header_bytes]),
            Err(Outcome::TruncatedEthernet),
            "link type {link_type}"
        );
    }
    assert_eq!(classify_as(9, &[0xff, 3]), Err(Outcome::TruncatedEthernet));
    assert_eq!(classify_as(9, &[0xff, 3, 0]), Err(Outcome::TruncatedEthernet));
    assert_eq!(classify_as(9, &[0x0f, 0, 8]), Err(Outcome::TruncatedEthernet));
}

#[test]
fn what_is_not_ip_is_not_taken_for_it() {
    let cooked = |hardware: [u8; 2]| [&[0, 0], &hardware[..], &[0; 10], &[8, 0]].concat();
    let cases: [(u16, Vec<u8>); 11] = [
        (1, [&[2; 12][..], &[8, 6]].concat()),
        (0, vec![7, 0, 0, 0]),
        (108, vec![2, 0, 0, 0]),
        (9, vec![0xc0, 0x21]),
        (9, vec![0x0f, 0, 0x80, 0x35]),
        (104, vec![0x0f, 0, 0x80, 0x35]),
        (101, vec![0x50]),
        // Netlink, radiotap, frame relay: their "protocol" is no EtherType, whatever its number.
        (113, cooked([3, 56])),
        (113, cooked([3, 35])),
        (113, cooked([3, 2])),
        (276, [&[8, 0, 0, 0, 0, 0, 0, 3, 3, 56][..], &[0; 10]].concat()),
    ];
    for (link_type, header) in cases {
        assert_eq!(
            classify_as(link_type, &[header.clone(), ipv4()].concat()),
            Err(Outcome::NotIp),
            "link type {link_type}, {header:?}"
        );
    }
}

#[test]
fn a_link_type_for_one_version_of_ip_refuses_the_other() {
    assert_eq!(classify_as(228, &ipv6()), Err(Outcome::BadIpv4Version));
    assert_eq!(classify_as(229, &ipv4()), Err(Outcome::BadIpv6Version));
}

#[test]
fn link_types_that_are_not_known_are_not_guessed() {
    let known = (0..=u16::MAX).filter(|number| LinkType(*number).link().is_some());
    assert_eq!(
        known.collect::<Vec<_>>(),
        [0, 1, 9, 12, 14, 50, 101, 104, 108, 113, 228, 229, 276]
    );
    assert_eq!(LinkType::ETHERNET.link(), Some(Link::Ethernet));
}
