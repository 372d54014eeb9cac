//! Where the parts of a frame lie: a map of offsets, each checked against the frame's end.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
};

/// IP protocol numbers that are told apart.
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// VLAN tags that are looked behind.
const MOST_TAGS: usize = 2;
/// IPv6 extension headers that are looked behind.
const MOST_EXTENSIONS: usize = 8;

/// The transport of a packet whose transport header is there whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP or ICMPv6, each over its own IP.
    Icmp,
    /// Anything else, later fragments, and headers that are cut off.
    Other,
}

impl Transport {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Other => "other",
        }
    }
}

/// The map of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Where the IP header begins.
    pub network: usize,
    /// Where what IP carries begins.
    pub transport: usize,
    /// Where the packet ends: what follows is the frame's padding. Never behind the frame's end.
    pub end: usize,
    /// Whether the packet as its IP header claims it ends with the frame or before.
    pub whole: bool,
    /// The sender, as the packet claims.
    pub source: IpAddr,
    /// Where it went.
    pub destination: IpAddr,
    /// Protocol number; in IPv6 that behind the extension headers.
    pub protocol: u8,
    /// What is there.
    pub kind: Transport,
    /// Source and destination port of TCP and UDP.
    pub ports: Option<(u16, u16)>,
    /// The payload: what follows the header of TCP, UDP and ICMP (8 octets).
    pub payload: Range<usize>,
}

fn read<const N: usize>(frame: &[u8], offset: usize) -> Option<[u8; N]> {
    frame.get(offset..)?.first_chunk().copied()
}

fn number(frame: &[u8], offset: usize) -> Option<u16> {
    read(frame, offset).map(u16::from_be_bytes)
}

impl Layout {
    /// Reads an Ethernet frame. `None` where there is no whole IP header.
    #[must_use]
    pub fn of_ethernet(frame: &[u8]) -> Option<Self> {
        let mut offset = 12;
        let mut kind = number(frame, offset)?;
        for _ in 0..MOST_TAGS {
            if !matches!(kind, 0x8100 | 0x88a8 | 0x9100) {
                break;
            }
            offset += 4;
            kind = number(frame, offset)?;
        }
        Self::of_ip(frame, offset + 2, kind)
    }

    fn of_ip(frame: &[u8], network: usize, kind: u16) -> Option<Self> {
        match kind {
            0x0800 => Self::of_ipv4(frame, network),
            0x86dd => Self::of_ipv6(frame, network),
            _ => None,
        }
    }

    fn of_ipv4(frame: &[u8], network: usize) -> Option<Self> {
        let header: [u8; 20] = read(frame, network)?;
        let header_octets = usize::from(header[0] & 0x0f) * 4;
        let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if header[0] >> 4 != 4 || header_octets < 20 || total < header_octets {
            return None;
        }
        let fragment = u16::from_be_bytes([header[6], header[7]]);
        let [.., s0, s1, s2, s3, d0, d1, d2, d3] = header;
        let layout = Self::bare(
            frame,
            (network, network + header_octets, network + total),
            (
                Ipv4Addr::new(s0, s1, s2, s3).into(),
                Ipv4Addr::new(d0, d1, d2, d3).into(),
            ),
            header[9],
        );
        let place = fragment & 0x1fff;
        Some(if place == 0 {
            layout.with_transport(frame)
        } else {
            layout
        })
    }

    fn of_ipv6(frame: &[u8], network: usize) -> Option<Self> {
        let header: [u8; 40] = read(frame, network)?;
        if header[0] >> 4 != 6 {
            return None;
        }
        let end = network + 40 + usize::from(u16::from_be_bytes([header[4], header[5]]));
        let address = |at: usize| read::<16>(frame, network + at).map(Ipv6Addr::from);
        let addresses = (IpAddr::from(address(8)?), IpAddr::from(address(24)?));
        let (mut next, mut offset) = (header[6], network + 40);
        let mut later_fragment = false;
        for _ in 0..MOST_EXTENSIONS {
            let octets = match next {
                // Hop-by-hop options, routing, destination options (RFC 8200), in units of 8 octets.
                0 | 43 | 60 => match read::<2>(frame, offset) {
                    Some([_, units]) => (usize::from(units) + 1) * 8,
                    None => break,
                },
                44 => {
                    later_fragment |= number(frame, offset + 2).is_none_or(|place| place & 0xfff8 != 0);
                    8
                }
                _ => break,
            };
            let Some([following]) = read(frame, offset) else {
                break;
            };
            (next, offset) = (following, offset + octets);
        }
        let layout = Self::bare(frame, (network, offset, end), addresses, next);
        Some(if later_fragment {
            layout
        } else {
            layout.with_transport(frame)
        })
    }

    fn bare(
        frame: &[u8],
        (network, transport, end): (usize, usize, usize),
        (source, destination): (IpAddr, IpAddr),
        protocol: u8,
    ) -> Self {
        let whole = end <= frame.len();
        let end = end.min(frame.len());
        let transport = transport.min(end);
        Self {
            network,
            transport,
            end,
            whole,
            source,
            destination,
            protocol,
            kind: Transport::Other,
            ports: None,
            payload: transport..end,
        }
    }

    fn with_transport(mut self, frame: &[u8]) -> Self {
        let packet = &frame[..self.end];
        let header_octets = match self.protocol {
            TCP => read::<20>(packet, self.transport)
                .map(|header| (Transport::Tcp, usize::from(header[12] >> 4) * 4))
                .filter(|(_, octets)| *octets >= 20),
            UDP => read::<8>(packet, self.transport).map(|_| (Transport::Udp, 8)),
            ICMP if self.source.is_ipv4() => read::<8>(packet, self.transport).map(|_| (Transport::Icmp, 8)),
            ICMPV6 if self.source.is_ipv6() => {
                read::<8>(packet, self.transport).map(|_| (Transport::Icmp, 8))
            }
            _ => None,
        };
        let Some((kind, octets)) = header_octets else {
            return self;
        };
        self.kind = kind;
        self.payload = (self.transport + octets).min(self.end)..self.end;
        if matches!(kind, Transport::Tcp | Transport::Udp) {
            let ports = (number(packet, self.transport), number(packet, self.transport + 2));
            self.ports = ports.0.zip(ports.1);
        }
        self
    }

    /// The payload's octets.
    #[must_use]
    pub fn payload<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        frame.get(self.payload.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp_frame(tags: usize) -> Vec<u8> {
        let mut frame = vec![2; 12];
        for _ in 0..tags {
            frame.extend([0x81, 0, 0, 7]);
        }
        frame.extend([
            8, 0, 0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 9,
        ]);
        frame.extend([0x13, 0xc4, 0x13, 0xc5, 0, 12, 0, 0, b'p', b'i', b'n', b'g', 0, 0]);
        frame
    }

    #[test]
    fn the_payload_of_a_datagram_is_found_behind_tags_and_before_padding() {
        for tags in 0..=2 {
            let frame = udp_frame(tags);
            let layout = Layout::of_ethernet(&frame).unwrap();
            assert_eq!(layout.payload(&frame), b"ping");
            assert_eq!(layout.ports, Some((5060, 5061)));
            assert_eq!(layout.source.to_string(), "192.0.2.1");
            assert_eq!(layout.destination.to_string(), "198.51.100.9");
            assert!(layout.whole);
        }
        assert_eq!(Layout::of_ethernet(&udp_frame(3)), None);
    }

    #[test]
    fn a_frame_cut_anywhere_gives_no_more_than_it_has() {
        let frame = udp_frame(1);
        for cut in 0..frame.len() {
            if let Some(layout) = Layout::of_ethernet(&frame[..cut]) {
                assert!(layout.end <= cut && layout.payload.end <= cut);
                assert!(
                    b"ping".starts_with(layout.payload(&frame[..cut])) || layout.kind == Transport::Other
                );
            }
        }
    }

    #[test]
    fn later_fragments_have_no_ports() {
        let mut frame = udp_frame(0);
        frame[20..22].copy_from_slice(&0x00b9_u16.to_be_bytes());
        let layout = Layout::of_ethernet(&frame).unwrap();
        assert_eq!((layout.kind, layout.ports), (Transport::Other, None));
    }

    #[test]
    fn extension_headers_are_passed() {
        let mut frame = vec![2; 12];
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 0, 64]);
        frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        frame.extend([17, 0, 1, 4, 0, 0, 0, 0, 0, 53, 0, 54, 0, 12, 0, 0, 1, 2, 3, 4]);
        let layout = Layout::of_ethernet(&frame).unwrap();
        assert_eq!((layout.kind, layout.ports), (Transport::Udp, Some((53, 54))));
        assert_eq!(layout.payload(&frame), [1, 2, 3, 4]);
    }
}
