//! Link types: which headers stand before the IP packet, and how to come past them.

use std::fmt;

use sensor_common::{
    Observation, Outcome, Packet as _,
    classify::{classify_ethernet, classify_ip, ethernet::classify_ethertype, ipv4, ipv6},
    watch::Watch,
};

use super::Frame;

/// A link type by its number in capture files (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u16);

/// A link type that can be read: what a packet begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// An Ethernet header.
    Ethernet,
    /// An IP header of either version.
    RawIp,
    /// An IPv4 header.
    RawIpv4,
    /// An IPv6 header.
    RawIpv6,
    /// The address family as a 32-bit number in the byte order of the recording machine (BSD loopback).
    Null,
    /// The address family as a 32-bit number in network order (OpenBSD loopback).
    Loop,
    /// A PPP header (RFC 1661), with or without the two bytes of HDLC framing (RFC 1662); or one of Cisco's HDLC,
    /// which recorders of serial lines give the same number.
    Ppp,
    /// A header of Cisco's HDLC.
    CiscoHdlc,
    /// The 16 bytes of Linux's "any" device.
    LinuxCooked,
    /// The 20 bytes of Linux's "any" device, second version.
    LinuxCooked2,
}

impl LinkType {
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);

    /// What a person can do about a link type that is not supported.
    pub(super) const CURE: &str = "convert it to Ethernet first, for example with `tcprewrite --dlt=enet`, or record on another interface";

    /// How to read it, if that is known without guessing.
    #[must_use]
    pub const fn link(self) -> Option<Link> {
        Some(match self.0 {
            0 => Link::Null,
            1 => Link::Ethernet,
            9 | 50 => Link::Ppp,
            12 | 14 | 101 => Link::RawIp,
            104 => Link::CiscoHdlc,
            108 => Link::Loop,
            113 => Link::LinuxCooked,
            228 => Link::RawIpv4,
            229 => Link::RawIpv6,
            276 => Link::LinuxCooked2,
            _ => return None,
        })
    }

    /// The registered name of the link types that people meet.
    const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "NULL",
            1 => "ETHERNET",
            6 => "IEEE802_5",
            8 => "SLIP",
            9 => "PPP",
            10 => "FDDI",
            12 | 14 | 101 => "RAW",
            50 => "PPP_HDLC",
            51 => "PPP_ETHER",
            100 => "ATM_RFC1483",
            104 => "C_HDLC",
            105 => "IEEE802_11",
            107 => "FRELAY",
            108 => "LOOP",
            113 => "LINUX_SLL",
            117 => "PFLOG",
            119 => "IEEE802_11_PRISM",
            127 => "IEEE802_11_RADIOTAP",
            143 => "DOCSIS",
            147..=162 => "USER",
            163 => "IEEE802_11_AVS",
            166 => "PPP_PPPD",
            187 => "BLUETOOTH_HCI_H4",
            189 => "USB_LINUX",
            192 => "PPI",
            195 => "IEEE802_15_4_WITHFCS",
            197 => "ERF",
            201 => "BLUETOOTH_HCI_H4_WITH_PHDR",
            204 => "PPP_WITH_DIR",
            205 => "C_HDLC_WITH_DIR",
            220 => "USB_LINUX_MMAPPED",
            226 => "IPNET",
            227 => "CAN_SOCKETCAN",
            228 => "IPV4",
            229 => "IPV6",
            239 => "NFLOG",
            240 => "NETANALYZER",
            242 => "IPOIB",
            249 => "USBPCAP",
            252 => "WIRESHARK_UPPER_PDU",
            253 => "NETLINK",
            258 => "PKTAP",
            276 => "LINUX_SLL2",
            _ => return None,
        })
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(formatter, "{} ({name})", self.0),
            None => write!(formatter, "{}", self.0),
        }
    }
}

/// Classifies a recorded packet, the same way as the kernel classifies a frame. A packet that was cut when it was
/// recorded is judged by what is left of it.
///
/// # Errors
/// The outcome of a packet that is not observed. A packet that ends within its link-layer header, of whichever
/// kind, is [`Outcome::TruncatedEthernet`].
#[inline]
pub fn classify<W: Watch>(frame: &Frame<'_>, watch: &W) -> Result<Observation, Outcome> {
    let packet = frame.bytes;
    match frame.link {
        Link::Ethernet => classify_ethernet(packet, watch),
        Link::RawIp => classify_ip(packet, watch),
        Link::RawIpv4 => ipv4::classify(packet, 0, watch),
        Link::RawIpv6 => ipv6::classify(packet, 0, watch),
        Link::Null => {
            let family = header::<4>(packet)?;
            // Families are small numbers: in the wrong order they are beyond 65,535.
            let number = u32::from_be_bytes(family).min(u32::from_le_bytes(family));
            classify_address_family(packet, number, watch)
        }
        Link::Loop => classify_address_family(packet, u32::from_be_bytes(header::<4>(packet)?), watch),
        Link::Ppp => classify_ppp(packet, watch),
        Link::CiscoHdlc => classify_cisco_hdlc(packet, watch),
        Link::LinuxCooked => {
            let [_, _, a, b, _, _, _, _, _, _, _, _, _, _, c, d] = header::<16>(packet)?;
            classify_cooked(packet, [a, b], [c, d], 16, watch)
        }
        Link::LinuxCooked2 => {
            let [c, d, _, _, _, _, _, _, a, b, ..] = header::<20>(packet)?;
            classify_cooked(packet, [a, b], [c, d], 20, watch)
        }
    }
}

/// The first bytes of a packet.
#[inline]
fn header<const N: usize>(packet: &[u8]) -> Result<[u8; N], Outcome> {
    packet.read::<N>(0).ok_or(Outcome::TruncatedEthernet)
}

/// Classifies what follows four bytes of address family, as the operating systems number them.
fn classify_address_family<W: Watch>(packet: &[u8], family: u32, watch: &W) -> Result<Observation, Outcome> {
    match family {
        2 => ipv4::classify(packet, 4, watch),
        // Linux, Windows, NetBSD and OpenBSD, Solaris, FreeBSD, Darwin.
        10 | 23 | 24 | 26 | 28 | 30 => ipv6::classify(packet, 4, watch),
        _ => Err(Outcome::NotIp),
    }
}

/// Classifies a frame of Cisco's HDLC: address, control, EtherType (RFC 1547, section 4.3.1).
fn classify_cisco_hdlc<W: Watch>(packet: &[u8], watch: &W) -> Result<Observation, Outcome> {
    let [_address, _control, protocol @ ..] = header::<4>(packet)?;
    classify_ethertype(packet, u16::from_be_bytes(protocol), 4, watch)
}

/// Classifies a PPP frame. RFC 1661, section 2: a protocol number is even in its first byte and odd in its last, so
/// that one compressed to its last byte (section 6.5) can be told.
fn classify_ppp<W: Watch>(packet: &[u8], watch: &W) -> Result<Observation, Outcome> {
    const HDLC: [u8; 2] = [0xff, 0x03];
    // Cisco's addresses, unicast and broadcast, and its control byte: no protocol number of PPP begins like this.
    if let Some([0x0f | 0x8f, 0x00]) = packet.read(0) {
        return classify_cisco_hdlc(packet, watch);
    }
    let framing = if packet.read(0) == Some(HDLC) {
        HDLC.len()
    } else {
        0
    };
    let [first] = packet.read(framing).ok_or(Outcome::TruncatedEthernet)?;
    let (protocol, header_bytes) = if first & 1 == 1 {
        (u16::from(first), framing + 1)
    } else {
        let protocol = packet.read(framing).ok_or(Outcome::TruncatedEthernet)?;
        (u16::from_be_bytes(protocol), framing + 2)
    };
    match protocol {
        0x0021 => ipv4::classify(packet, header_bytes, watch),
        0x0057 => ipv6::classify(packet, header_bytes, watch),
        _ => Err(Outcome::NotIp),
    }
}

/// Classifies what follows a header of Linux's "any" device.
fn classify_cooked<W: Watch>(
    packet: &[u8],
    hardware: [u8; 2],
    protocol: [u8; 2],
    header_bytes: usize,
    watch: &W,
) -> Result<Observation, Outcome> {
    match u16::from_be_bytes(hardware) {
        // Frame relay, 802.11 in three forms, netlink: there the protocol is no EtherType.
        770 | 801..=803 | 824 => Err(Outcome::NotIp),
        _ => classify_ethertype(packet, u16::from_be_bytes(protocol), header_bytes, watch),
    }
}
