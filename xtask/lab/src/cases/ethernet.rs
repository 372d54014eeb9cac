//! Cases of Ethernet headers, VLAN tags, and what is not IP.

use sensor_common::Outcome;

use super::{Case, DARK, DARK_V6, Expected, v4, v6};
use crate::frames::{Edit as _, Ethernet, Ipv4, Ipv6, Tag, Tcp, ethertype};

pub(super) fn cases() -> Vec<Case> {
    [truncated(), not_ip(), addresses(), tagged(), broken_tags()].concat()
}

fn truncated() -> Vec<Case> {
    let mut cases: Vec<_> = [0, 1, 6, 12, 13]
        .into_iter()
        .map(|bytes| {
            Case::new(
                format!("ethernet_cut_after_{bytes}"),
                v4(Tcp::syn(23)).cut(bytes),
                Expected::nothing_but(Outcome::TruncatedEthernet),
            )
        })
        .collect();
    for (name, kind, outcome) in [
        ("ipv4", ethertype::IPV4, Outcome::TruncatedIpv4),
        ("ipv6", ethertype::IPV6, Outcome::TruncatedIpv6),
        ("vlan", ethertype::VLAN, Outcome::TruncatedVlan),
        ("arp", ethertype::ARP, Outcome::NotIp),
    ] {
        cases.push(Case::new(
            format!("ethernet_header_alone_{name}"),
            Ethernet::default().frame(kind, &[]),
            Expected::nothing_but(outcome),
        ));
    }
    cases
}

/// An ARP request (RFC 826): who has 198.51.100.23, tell 192.0.2.1.
const ARP_REQUEST: [u8; 28] = [
    0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 198, 51, 100, 23,
];

fn not_ip() -> Vec<Case> {
    let mut cases = vec![
        Case::new(
            "arp_request_for_a_watched_address",
            Ethernet::default().frame(ethertype::ARP, &ARP_REQUEST).padded(),
            Expected::nothing_but(Outcome::NotIp),
        ),
        Case::new(
            "lldp",
            Ethernet::default()
                .frame(ethertype::LLDP, &[0x02, 0x07, 0x04, 2, 0, 0, 0, 0, 1, 0, 0])
                .padded(),
            Expected::nothing_but(Outcome::NotIp),
        ),
    ];
    // A whole packet to a watched address lies behind each: none may be looked into.
    let inside = Ipv4::to(DARK).packet(Tcp::syn(23));
    let label = [0x00, 0x01, 0x01, 0x40];
    let session = [0x11, 0x00, 0x00, 0x01, 0x00, 0x2a, 0x00, 0x21];
    let logical_link = [0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00];
    for (name, kind, header) in [
        ("mpls_unicast", 0x8847, &label[..]),
        ("mpls_multicast", 0x8848, &label),
        ("pppoe_discovery", 0x8863, &session),
        ("pppoe_session", 0x8864, &session),
        ("ieee_802_3_length_48", 0x0030, &logical_link),
        ("ieee_802_3_length_1500", 0x05dc, &logical_link),
        ("ethertype_0000", 0x0000, &[]),
        ("ethertype_0600_xns", 0x0600, &[]),
        ("ethertype_0801_next_to_ipv4", 0x0801, &[]),
        ("ethertype_0008_ipv4_swapped", 0x0008, &[]),
        ("ethertype_86dc_next_to_ipv6", 0x86dc, &[]),
        ("ethertype_9200_is_no_tag_here", 0x9200, &[0, 1, 0x08, 0x00]),
        ("ethertype_88e5_macsec", 0x88e5, &[]),
        ("ethertype_88f7_ptp", 0x88f7, &[]),
        ("ethertype_9000_loopback", 0x9000, &[]),
        ("ethertype_ffff", 0xffff, &[]),
    ] {
        cases.push(Case::new(
            name,
            Ethernet::default().frame(kind, &[header, &inside].concat()),
            Expected::nothing_but(Outcome::NotIp),
        ));
    }
    cases
}

/// The telescope counts by IP address: what the link addresses say changes nothing.
fn addresses() -> Vec<Case> {
    [
        ("to_link_broadcast", [0xff; 6]),
        ("to_link_multicast", [0x01, 0, 0x5e, 0, 0, 1]),
        ("to_link_zero", [0; 6]),
        ("to_another_host", [0x02, 0, 0, 0, 0, 0x77]),
    ]
    .into_iter()
    .map(|(name, destination)| {
        Case::new(
            format!("ethernet_{name}"),
            v4(Tcp::syn(23)).with(0, &destination),
            Expected::tcp_scan(23),
        )
    })
    .collect()
}

const SERVICE: Tag = Tag {
    kind: ethertype::SERVICE_VLAN,
    control: 100,
};
const OLD: Tag = Tag {
    kind: ethertype::OLD_QINQ,
    control: 200,
};
const PRIORITY_ONLY: Tag = Tag {
    kind: ethertype::VLAN,
    control: 0xe000,
};
const CUSTOMER: Tag = Tag::vlan(4_094);

fn tagged() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, tags) in [
        ("vlan_one_8100", &[CUSTOMER][..]),
        ("vlan_one_88a8", &[SERVICE]),
        ("vlan_one_9100", &[OLD]),
        ("vlan_priority_tag", &[PRIORITY_ONLY]),
        ("vlan_88a8_then_8100", &[SERVICE, CUSTOMER]),
        ("vlan_8100_then_8100", &[CUSTOMER, CUSTOMER]),
        ("vlan_9100_then_8100", &[OLD, CUSTOMER]),
        ("vlan_8100_then_88a8", &[CUSTOMER, SERVICE]),
    ] {
        let ethernet = Ethernet::tagged(tags);
        cases.push(Case::new(
            format!("{name}_ipv4"),
            Ipv4::to(DARK).frame_in(&ethernet, Tcp::syn(23)),
            Expected::tcp_scan(23),
        ));
        cases.push(Case::new(
            format!("{name}_ipv6"),
            Ipv6::to(DARK_V6).frame_in(&ethernet, Tcp::syn(23)),
            Expected::tcp_scan(23).over_ipv6(),
        ));
    }
    let inside = Ipv4::to(DARK).packet(Tcp::syn(23));
    for (name, kind) in [
        ("vlan_then_arp", ethertype::ARP),
        ("vlan_then_802_3_length", 0x0030),
    ] {
        cases.push(Case::new(
            name,
            Ethernet::tagged(&[CUSTOMER]).frame(kind, &inside),
            Expected::nothing_but(Outcome::NotIp),
        ));
    }
    cases
}

fn broken_tags() -> Vec<Case> {
    let mut cases = Vec::new();
    let inside = Ipv4::to(DARK).packet(Tcp::syn(23));
    for (name, tags, outcome) in [
        (
            "vlan_three_tags",
            &[SERVICE, CUSTOMER, CUSTOMER][..],
            Outcome::TooManyVlanTags,
        ),
        (
            "vlan_three_tags_of_9100",
            &[OLD, OLD, OLD],
            Outcome::TooManyVlanTags,
        ),
        (
            "vlan_four_tags",
            &[CUSTOMER, CUSTOMER, CUSTOMER, CUSTOMER],
            Outcome::TooManyVlanTags,
        ),
    ] {
        cases.push(Case::new(
            name,
            Ethernet::tagged(tags).frame(ethertype::IPV4, &inside),
            Expected::nothing_but(outcome),
        ));
    }
    let two = Ipv4::to(DARK).frame_in(&Ethernet::tagged(&[SERVICE, CUSTOMER]), Tcp::syn(23));
    for (bytes, outcome) in [
        (14, Outcome::TruncatedVlan),
        (15, Outcome::TruncatedVlan),
        (17, Outcome::TruncatedVlan),
        (18, Outcome::TruncatedVlan),
        (21, Outcome::TruncatedVlan),
        (22, Outcome::TruncatedIpv4),
        (41, Outcome::TruncatedIpv4),
        (42, Outcome::TruncatedTcp),
        (61, Outcome::TruncatedTcp),
    ] {
        cases.push(Case::new(
            format!("vlan_two_tags_cut_after_{bytes}"),
            two.clone().cut(bytes),
            Expected::nothing_but(outcome),
        ));
    }
    // The third tag need not be there to be one too many.
    cases.push(Case::new(
        "vlan_third_tag_announced_and_cut",
        two.with(20, &ethertype::VLAN.to_be_bytes()).cut(22),
        Expected::nothing_but(Outcome::TooManyVlanTags),
    ));
    cases.push(Case::new(
        "vlan_one_tag_then_cut_ipv6",
        v6(Tcp::syn(23))
            .with(12, &[0x81, 0x00, 0x00, 0x01, 0x86, 0xdd])
            .cut(18 + 39),
        Expected::nothing_but(Outcome::TruncatedIpv6),
    ));
    cases
}
