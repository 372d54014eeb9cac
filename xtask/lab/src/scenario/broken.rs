//! Frames that cannot be read, one for each way, with the outcome that counts them.

use std::net::{Ipv4Addr, Ipv6Addr};

use sensor_common::Outcome;

use crate::frames::{Content, Edit as _, Ethernet, Extension, Ipv4, Ipv6, Tag, Tcp, Udp, ethertype};

const IP: usize = 14;

/// Every way to be broken that can be sent: frames below an Ethernet header cannot. `dark` is watched, and so is
/// `dark_v6` where there is one.
pub(super) fn frames(dark: Ipv4Addr, dark_v6: Option<Ipv6Addr>) -> Vec<(Outcome, Vec<u8>)> {
    let mut frames = vec![];
    frames.extend(link(dark));
    frames.extend(ipv4(dark));
    frames.extend(transport(dark));
    frames.extend(ipv6_header());
    frames.extend(dark_v6.into_iter().flat_map(ipv6));
    frames
}

fn link(dark: Ipv4Addr) -> [(Outcome, Vec<u8>); 3] {
    let three = Ethernet::tagged(&[Tag::vlan(1), Tag::vlan(2), Tag::vlan(3)]);
    [
        (
            Outcome::TruncatedVlan,
            Ethernet::default().frame(ethertype::VLAN, &[0]),
        ),
        (
            Outcome::TruncatedVlan,
            Ethernet::tagged(&[Tag::vlan(1)]).frame(ethertype::VLAN, &[0, 2]),
        ),
        (
            Outcome::TooManyVlanTags,
            Ipv4::to(dark).frame_in(&three, Tcp::syn(23)),
        ),
    ]
}

fn ipv4(dark: Ipv4Addr) -> [(Outcome, Vec<u8>); 5] {
    let ip = Ipv4::to(dark);
    let options = Ipv4 {
        options: vec![1; 20],
        ..ip.clone()
    };
    let version = Ipv4 {
        version: 5,
        ..ip.clone()
    };
    let header = Ipv4 {
        header_words: Some(4),
        ..ip.clone()
    };
    let total = Ipv4 {
        total_length: Some(19),
        ..ip.clone()
    };
    [
        (Outcome::TruncatedIpv4, ip.frame(Tcp::syn(23)).cut(IP + 12)),
        (Outcome::TruncatedIpv4, options.frame(Tcp::syn(23)).cut(IP + 30)),
        (Outcome::BadIpv4Version, version.frame(Tcp::syn(23)).padded()),
        (Outcome::BadIpv4HeaderLength, header.frame(Tcp::syn(23)).padded()),
        (Outcome::BadIpv4TotalLength, total.frame(Tcp::syn(23)).padded()),
    ]
}

fn transport(dark: Ipv4Addr) -> [(Outcome, Vec<u8>); 6] {
    let ip = Ipv4::to(dark);
    let short = Ipv4 {
        total_length: Some(28),
        ..ip.clone()
    };
    let offset = Tcp {
        data_offset: Some(4),
        ..Tcp::syn(23)
    };
    let length = Udp {
        length: Some(7),
        ..Udp::between(40_000, 53)
    };
    [
        (Outcome::TruncatedTcp, ip.frame(Tcp::syn(23)).cut(IP + 30)),
        (Outcome::TruncatedTcp, short.frame(Tcp::syn(23)).padded()),
        (Outcome::BadTcpDataOffset, ip.frame(offset).padded()),
        (
            Outcome::TruncatedUdp,
            ip.frame(Content::Raw(17, vec![0, 53, 0])).padded(),
        ),
        (Outcome::BadUdpLength, ip.frame(length).padded()),
        (
            Outcome::TruncatedIcmp,
            ip.frame(Content::Raw(1, vec![8, 0])).padded(),
        ),
    ]
}

/// The fixed header is read before anybody asks whether its destination is watched.
fn ipv6_header() -> [(Outcome, Vec<u8>); 2] {
    let ip = Ipv6::to(Ipv6Addr::LOCALHOST);
    let version = Ipv6 {
        version: 4,
        ..ip.clone()
    };
    [
        (Outcome::TruncatedIpv6, ip.frame(Tcp::syn(23)).cut(IP + 39)),
        (Outcome::BadIpv6Version, version.frame(Tcp::syn(23))),
    ]
}

fn ipv6(dark: Ipv6Addr) -> [(Outcome, Vec<u8>); 2] {
    let chain = |length| Ipv6 {
        extensions: vec![Extension::padding(60, 0); length],
        ..Ipv6::to(dark)
    };
    [
        (
            Outcome::TruncatedIpv6Extension,
            chain(1).frame(Tcp::syn(23)).cut(IP + 44),
        ),
        (Outcome::TooManyIpv6Extensions, chain(9).frame(Tcp::syn(23))),
    ]
}
