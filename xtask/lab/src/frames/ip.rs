//! IPv4 and IPv6 headers (RFC 791, RFC 8200).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::checksum::Sum16BitWords;

use super::{Content, Ethernet, ethertype};

/// An IPv4 header. `None` means: computed from what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// Sender.
    pub source: Ipv4Addr,
    /// Receiver.
    pub destination: Ipv4Addr,
    /// Time to live.
    pub ttl: u8,
    /// Identification.
    pub id: u16,
    /// The three flags and the fragment offset in 8-octet units, as on the wire; see the constants.
    pub fragment: u16,
    /// Type of service.
    pub service: u8,
    /// Options, a multiple of four octets.
    pub options: Vec<u8>,
    /// The version field.
    pub version: u8,
    /// The header length field, in words of four octets.
    pub header_words: Option<u8>,
    /// The total length field, in octets.
    pub total_length: Option<u16>,
}

impl Ipv4 {
    /// The flag that forbids fragments.
    pub const DONT_FRAGMENT: u16 = 0x4000;
    /// The flag of all fragments but the last.
    pub const MORE_FRAGMENTS: u16 = 0x2000;

    /// A header from `192.0.2.1` to `destination`, TTL 54, identification 4660.
    #[must_use]
    pub const fn to(destination: Ipv4Addr) -> Self {
        Self {
            source: Ipv4Addr::new(192, 0, 2, 1),
            destination,
            ttl: 54,
            id: 4660,
            fragment: 0,
            service: 0,
            options: Vec::new(),
            version: 4,
            header_words: None,
            total_length: None,
        }
    }

    /// The packet from its IP header on.
    #[must_use]
    pub fn packet(&self, content: impl Into<Content>) -> Vec<u8> {
        let (protocol, payload) = content
            .into()
            .bytes(IpAddr::V4(self.source), IpAddr::V4(self.destination));
        let header_bytes = 20 + self.options.len();
        let words = self.header_words.unwrap_or(low_octet(header_bytes / 4));
        let total = self
            .total_length
            .unwrap_or(low_octets(header_bytes + payload.len()));
        let mut packet = vec![self.version << 4 | words & 0x0f, self.service];
        packet.extend_from_slice(&total.to_be_bytes());
        packet.extend_from_slice(&self.id.to_be_bytes());
        packet.extend_from_slice(&self.fragment.to_be_bytes());
        packet.extend_from_slice(&[self.ttl, protocol, 0, 0]);
        packet.extend_from_slice(&self.source.octets());
        packet.extend_from_slice(&self.destination.octets());
        packet.extend_from_slice(&self.options);
        let checksum = Sum16BitWords::new().add_slice(&packet).ones_complement();
        packet[10..12].copy_from_slice(&checksum.to_ne_bytes());
        packet.extend_from_slice(&payload);
        packet
    }

    /// The packet in an Ethernet frame without tags.
    #[must_use]
    pub fn frame(&self, content: impl Into<Content>) -> Vec<u8> {
        self.frame_in(&Ethernet::default(), content)
    }

    /// The packet in a frame with this Ethernet header.
    #[must_use]
    pub fn frame_in(&self, ethernet: &Ethernet, content: impl Into<Content>) -> Vec<u8> {
        ethernet.frame(ethertype::IPV4, &self.packet(content))
    }
}

/// An IPv6 extension header: its protocol number, and its octets but for the first, which names what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The number that the header before it carries.
    pub protocol: u8,
    /// From the second octet on.
    pub rest: Vec<u8>,
}

impl Extension {
    /// A header that counts in units of eight octets after the first eight (RFC 8200, section 4.2), filled
    /// with one long `PadN` option where it can be.
    #[must_use]
    pub fn padding(protocol: u8, units: u8) -> Self {
        let mut rest = vec![0; 7 + 8 * usize::from(units)];
        rest[0] = units;
        rest[1] = 1;
        rest[2] = low_octet(rest.len() - 3);
        Self { protocol, rest }
    }

    /// A fragment header (RFC 8200, section 4.5). The offset is in 8-octet units.
    #[must_use]
    pub fn fragment(offset: u16, more: bool) -> Self {
        let [high, low] = (offset << 3 | u16::from(more)).to_be_bytes();
        Self {
            protocol: 44,
            rest: vec![0, high, low, 0, 0, 0x12, 0x34],
        }
    }

    /// An authentication header with so many octets of integrity value, a multiple of four (RFC 4302).
    #[must_use]
    pub fn authentication(value_bytes: usize) -> Self {
        let mut rest = vec![0; 11 + value_bytes];
        // In 4-octet units, minus two (RFC 4302, section 2.2).
        rest[0] = low_octet((12 + value_bytes) / 4 - 2);
        Self { protocol: 51, rest }
    }
}

/// An IPv6 header and its extensions. `None` means: computed from what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    /// Sender.
    pub source: Ipv6Addr,
    /// Receiver.
    pub destination: Ipv6Addr,
    /// Hop limit.
    pub hop_limit: u8,
    /// Extension headers in their order.
    pub extensions: Vec<Extension>,
    /// The version field.
    pub version: u8,
    /// The payload length field, in octets.
    pub payload_length: Option<u16>,
}

impl Ipv6 {
    /// A header from `2001:db8:bad::1` to `destination`, hop limit 54.
    #[must_use]
    pub const fn to(destination: Ipv6Addr) -> Self {
        Self {
            source: Ipv6Addr::new(0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, 1),
            destination,
            hop_limit: 54,
            extensions: Vec::new(),
            version: 6,
            payload_length: None,
        }
    }

    /// The packet from its IP header on.
    #[must_use]
    pub fn packet(&self, content: impl Into<Content>) -> Vec<u8> {
        let (protocol, payload) = content
            .into()
            .bytes(IpAddr::V6(self.source), IpAddr::V6(self.destination));
        let extension_bytes: usize = self.extensions.iter().map(|header| 1 + header.rest.len()).sum();
        let length = self
            .payload_length
            .unwrap_or(low_octets(extension_bytes + payload.len()));
        // Each header names the next one; the last names the content.
        let mut next = self
            .extensions
            .iter()
            .map(|header| header.protocol)
            .chain([protocol]);
        let mut packet = vec![self.version << 4, 0, 0, 0];
        packet.extend_from_slice(&length.to_be_bytes());
        packet.extend(next.next());
        packet.push(self.hop_limit);
        packet.extend_from_slice(&self.source.octets());
        packet.extend_from_slice(&self.destination.octets());
        for (header, follower) in self.extensions.iter().zip(next) {
            packet.push(follower);
            packet.extend_from_slice(&header.rest);
        }
        packet.extend_from_slice(&payload);
        packet
    }

    /// The packet in an Ethernet frame without tags.
    #[must_use]
    pub fn frame(&self, content: impl Into<Content>) -> Vec<u8> {
        self.frame_in(&Ethernet::default(), content)
    }

    /// The packet in a frame with this Ethernet header.
    #[must_use]
    pub fn frame_in(&self, ethernet: &Ethernet, content: impl Into<Content>) -> Vec<u8> {
        ethernet.frame(ethertype::IPV6, &self.packet(content))
    }
}

/// The low octet of a length: what a field of one octet can hold of it.
const fn low_octet(length: usize) -> u8 {
    length.to_le_bytes()[0]
}

/// The low two octets of a length: what a field of two octets can hold of it.
pub(super) const fn low_octets(length: usize) -> u16 {
    let bytes = length.to_le_bytes();
    u16::from_le_bytes([bytes[0], bytes[1]])
}
