//! The scenario's frames before their fields are filled in.

use std::net::{Ipv4Addr, Ipv6Addr};

use sensor_common::Outcome;

use super::{
    broken, payload,
    template::{Shape, Template},
    tools::Syns,
};
use crate::frames::{Content, Ethernet, Icmp, Ipv4, Tcp, Udp, ethertype, flags};

/// One template for each kind of frame, but for SYNs, of which each tool has its own.
#[derive(Clone, Debug)]
pub(super) struct Templates {
    pub(super) syns: Syns,
    pub(super) syn_ack: Template,
    pub(super) rst: Template,
    pub(super) rst_ack: Template,
    pub(super) sip: Template,
    pub(super) dns: Template,
    pub(super) ntp: Template,
    pub(super) ssdp: Template,
    pub(super) memcached: Template,
    pub(super) dns_answer: Template,
    pub(super) echo: Template,
    /// Host unreachable (code 1) and port unreachable (code 3).
    pub(super) unreachable: [(u8, Template); 2],
    pub(super) fragment: Template,
    pub(super) gre: Template,
    pub(super) syn_v6: Template,
    pub(super) echo_v6: Template,
    pub(super) arp: Vec<u8>,
    pub(super) lldp: Vec<u8>,
    pub(super) broken: Vec<(Outcome, Vec<u8>)>,
}

impl Templates {
    /// `dark` and `dark_v6` are watched; what cannot be read is sent to them.
    pub(super) fn new(dark: Ipv4Addr, dark_v6: Option<Ipv6Addr>) -> Self {
        Self {
            syns: Syns::new(),
            syn_ack: Template::v4(Shape::Tcp, Ipv4::DONT_FRAGMENT, blank(flags::SYN | flags::ACK)),
            rst: Template::v4(Shape::Tcp, 0, blank(flags::RST)),
            rst_ack: Template::v4(Shape::Tcp, Ipv4::DONT_FRAGMENT, blank(flags::RST | flags::ACK)),
            sip: udp(payload::SIP_OPTIONS),
            dns: udp(payload::DNS_QUESTION),
            ntp: udp(payload::NTP_REQUEST),
            ssdp: udp(payload::SSDP_SEARCH),
            memcached: udp(payload::MEMCACHED_STATS),
            dns_answer: udp(payload::DNS_ANSWER),
            echo: Template::v4(Shape::Echo, 0, Content::Icmp(echo(8))),
            unreachable: [1, 3].map(|code| (code, unreachable(code))),
            // 64 octets of zeros from the middle of a datagram, at offset 1480.
            fragment: Template::v4(Shape::Opaque, 185, Content::Raw(17, vec![0; 64])),
            gre: Template::v4(Shape::Opaque, 0, Content::Raw(47, vec![0, 0, 8, 0])),
            syn_v6: Template::v6(Shape::Tcp, blank(flags::SYN)),
            echo_v6: Template::v6(Shape::Echo, Content::Icmpv6(echo(128))),
            arp: arp(dark),
            lldp: lldp(),
            broken: broken::frames(dark, dark_v6),
        }
    }
}

/// A segment with these flags and nothing else.
fn blank(flags: u8) -> Tcp {
    Tcp {
        source: 0,
        sequence: 0,
        window: 0,
        ..Tcp::with_flags(0, flags)
    }
}

fn udp(payload: &[u8]) -> Template {
    let content = Udp {
        source: 0,
        ..Udp::to(0, payload)
    };
    Template::v4(Shape::Udp, 0, content)
}

fn echo(kind: u8) -> Icmp {
    Icmp {
        rest: [&[0; 4], payload::ECHO_DATA].concat(),
        ..Icmp::of(kind, 0)
    }
}

/// Quotes a SYN to port 80, its addresses to be filled in.
fn unreachable(code: u8) -> Template {
    let quoted = Ipv4 {
        source: Ipv4Addr::UNSPECIFIED,
        ..Ipv4::to(Ipv4Addr::UNSPECIFIED)
    }
    .packet(Tcp::syn(80));
    // The header and eight octets (RFC 792).
    let message = Icmp {
        rest: [&[0; 4], &quoted[..28]].concat(),
        ..Icmp::of(3, code)
    };
    Template::v4(Shape::Unreachable, 0, Content::Icmp(message))
}

/// Who has `wanted`, tell 192.0.2.1 (RFC 826).
fn arp(wanted: Ipv4Addr) -> Vec<u8> {
    use crate::frames::Edit as _;
    let mut request = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1];
    request.extend_from_slice(&[0; 6]);
    request.extend_from_slice(&wanted.octets());
    Ethernet::default().frame(ethertype::ARP, &request).padded()
}

/// The three mandatory elements (IEEE 802.1AB): chassis and port by link address, time to live 120 s; the end.
fn lldp() -> Vec<u8> {
    use crate::frames::Edit as _;
    let elements = [
        &[0x02, 0x07, 0x04, 2, 0, 0, 0, 0, 1][..],
        &[0x04, 0x07, 0x03, 2, 0, 0, 0, 0, 1],
        &[0x06, 0x02, 0, 120],
        &[0, 0],
    ]
    .concat();
    Ethernet::default().frame(ethertype::LLDP, &elements).padded()
}
