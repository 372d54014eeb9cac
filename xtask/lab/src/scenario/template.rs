//! Frames made once and filled in many times: fields are written over zeros, checksums follow by addition.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::frames::{Content, Edit as _, Ipv4, Ipv6};

/// What differs from frame to frame. A template uses the fields that its transport has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<A> {
    pub(super) source: A,
    pub(super) destination: A,
    /// Time to live, or hop limit.
    pub(super) ttl: u8,
    /// IPv4 identification.
    pub(super) id: u16,
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    /// TCP sequence number; identifier and sequence number of an echo request.
    pub(super) sequence: u32,
    pub(super) acknowledgement: u32,
    pub(super) window: u16,
}

/// Which fields stand behind the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Tcp,
    Udp,
    Echo,
    /// ICMP that quotes the head of an IPv4 packet from the destination to the source.
    Unreachable,
    /// Nothing to fill in but the IP header.
    Opaque,
}

impl Shape {
    /// Where the checksum stands in the transport header, and whether it covers the addresses.
    const fn checksum(self, over_ipv6: bool) -> Option<(usize, bool)> {
        match self {
            Self::Tcp => Some((16, true)),
            Self::Udp => Some((6, true)),
            Self::Echo => Some((2, over_ipv6)),
            // A header with a right checksum adds nothing to a sum of ones' complement (RFC 1071), so what is
            // quoted can change while the sum stays.
            Self::Unreachable | Self::Opaque => None,
        }
    }
}

/// A whole frame whose variable fields are zero.
#[derive(Clone, Debug)]
pub(super) struct Template {
    frame: Vec<u8>,
    shape: Shape,
}

const IP: usize = 14;
const V4_TRANSPORT: usize = 34;
const V6_TRANSPORT: usize = 54;
/// Where the quoted packet begins in an ICMP error.
const QUOTE: usize = V4_TRANSPORT + 8;

impl Template {
    /// An IPv4 template; ports, sequence numbers and window of `content` have to be zero.
    pub(super) fn v4(shape: Shape, fragment: u16, content: impl Into<Content>) -> Self {
        let ip = Ipv4 {
            source: Ipv4Addr::UNSPECIFIED,
            ttl: 0,
            id: 0,
            fragment,
            ..Ipv4::to(Ipv4Addr::UNSPECIFIED)
        };
        Self {
            frame: ip.frame(content).padded(),
            shape,
        }
    }

    /// An IPv6 template; ports, sequence numbers and window of `content` have to be zero.
    pub(super) fn v6(shape: Shape, content: impl Into<Content>) -> Self {
        let ip = Ipv6 {
            source: Ipv6Addr::UNSPECIFIED,
            hop_limit: 0,
            ..Ipv6::to(Ipv6Addr::UNSPECIFIED)
        };
        Self {
            frame: ip.frame(content),
            shape,
        }
    }

    /// Writes the frame with these fields into `buffer`.
    pub(super) fn fill_v4(&self, fields: &Fields<u32>, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.extend_from_slice(&self.frame);
        put(buffer, IP + 4, fields.id.to_be_bytes());
        put(buffer, IP + 8, [fields.ttl]);
        put(buffer, IP + 12, fields.source.to_be_bytes());
        put(buffer, IP + 16, fields.destination.to_be_bytes());
        let addresses = words(fields.source) + words(fields.destination);
        let added = addresses + u32::from(fields.id) + (u32::from(fields.ttl) << 8);
        add_to_checksum(buffer, IP + 10, added);
        if self.shape == Shape::Unreachable {
            put(buffer, QUOTE + 12, fields.destination.to_be_bytes());
            put(buffer, QUOTE + 16, fields.source.to_be_bytes());
            add_to_checksum(buffer, QUOTE + 10, addresses);
        }
        self.fill_transport(buffer, V4_TRANSPORT, addresses, fields, false);
    }

    /// The same over IPv6.
    pub(super) fn fill_v6(&self, fields: &Fields<u128>, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.extend_from_slice(&self.frame);
        put(buffer, IP + 7, [fields.ttl]);
        put(buffer, IP + 8, fields.source.to_be_bytes());
        put(buffer, IP + 24, fields.destination.to_be_bytes());
        let addresses = words_of_v6(fields.source) + words_of_v6(fields.destination);
        self.fill_transport(buffer, V6_TRANSPORT, addresses, fields, true);
    }

    fn fill_transport<A>(
        &self,
        buffer: &mut [u8],
        at: usize,
        addresses: u32,
        fields: &Fields<A>,
        over_ipv6: bool,
    ) {
        let ports = u32::from(fields.source_port) << 16 | u32::from(fields.destination_port);
        let added = match self.shape {
            Shape::Tcp => {
                put(buffer, at, ports.to_be_bytes());
                put(buffer, at + 4, fields.sequence.to_be_bytes());
                put(buffer, at + 8, fields.acknowledgement.to_be_bytes());
                put(buffer, at + 14, fields.window.to_be_bytes());
                words(ports)
                    + words(fields.sequence)
                    + words(fields.acknowledgement)
                    + u32::from(fields.window)
            }
            Shape::Udp => {
                put(buffer, at, ports.to_be_bytes());
                words(ports)
            }
            Shape::Echo => {
                put(buffer, at + 4, fields.sequence.to_be_bytes());
                words(fields.sequence)
            }
            Shape::Unreachable | Shape::Opaque => 0,
        };
        let Some((place, covers_addresses)) = self.shape.checksum(over_ipv6) else {
            return;
        };
        let addresses = if covers_addresses { addresses } else { 0 };
        add_to_checksum(buffer, at + place, added + addresses);
        // A UDP sum of zero would mean that there is none (RFC 768).
        if self.shape == Shape::Udp && buffer[at + place..at + place + 2] == [0, 0] {
            put(buffer, at + place, [0xff, 0xff]);
        }
    }
}

fn put<const N: usize>(buffer: &mut [u8], at: usize, bytes: [u8; N]) {
    buffer[at..at + N].copy_from_slice(&bytes);
}

/// The sum of a number's two halves.
const fn words(number: u32) -> u32 {
    (number >> 16) + (number & 0xffff)
}

/// The sum of an address's eight words.
fn words_of_v6(address: u128) -> u32 {
    address
        .to_be_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .map(|word| u32::from(u16::from_be_bytes(*word)))
        .sum()
}

/// Corrects a checksum for words that were zero and now add up to `added` (RFC 1624, equation 3).
fn add_to_checksum(buffer: &mut [u8], at: usize, added: u32) {
    let old = u16::from_be_bytes([buffer[at], buffer[at + 1]]);
    let mut sum = u32::from(!old) + added;
    while sum > 0xffff {
        sum = words(sum);
    }
    // The loop left sixteen bits.
    let [_, _, high, low] = (!sum).to_be_bytes();
    put(buffer, at, [high, low]);
}
