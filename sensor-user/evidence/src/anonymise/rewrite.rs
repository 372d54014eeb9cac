//! One frame made anew, of those of its fields alone that tell no watched address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Anonymiser, Use};
use crate::{
    checksum,
    packet::{Layout, Transport},
};

/// The identification of ZMap up to 4.0: a number that tells of no address.
const ZMAP_IDENTIFICATION: u16 = 54_321;

/// One frame on its way.
pub(super) struct Rewrite<'a> {
    /// With whose key.
    pub(super) anonymiser: &'a Anonymiser,
    /// The frame as it was, up to the end of its packet.
    pub(super) old: &'a [u8],
    /// Where what lies in it.
    pub(super) layout: Layout,
    /// The new source.
    pub(super) source: IpAddr,
    /// The new destination.
    pub(super) destination: IpAddr,
}

impl Rewrite<'_> {
    fn at(&self, offset: usize) -> u8 {
        self.old.get(offset).copied().unwrap_or(0)
    }

    fn at2(&self, offset: usize) -> u16 {
        u16::from_be_bytes([self.at(offset), self.at(offset + 1)])
    }

    fn at4(&self, offset: usize) -> u32 {
        u32::from(self.at2(offset)) << 16 | u32::from(self.at2(offset + 2))
    }

    fn number(&self, purpose: Use, value: u32) -> u32 {
        self.anonymiser.number(purpose, &self.layout, value)
    }

    /// The new frame.
    pub(super) fn frame(&self) -> Vec<u8> {
        let mut transport = match self.layout.kind {
            Transport::Tcp => self.tcp(),
            Transport::Udp => self.udp(),
            Transport::Icmp => self.icmp(),
            Transport::Other => Vec::new(),
        };
        let network = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.put_checksum(&mut transport, &source.octets(), &destination.octets());
                self.ipv4(source, destination, &transport)
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                self.put_checksum(&mut transport, &source.octets(), &destination.octets());
                self.ipv6(source, destination, &transport)
            }
            // Both are of one header.
            _ => Vec::new(),
        };
        let kind: u16 = if self.source.is_ipv4() { 0x0800 } else { 0x86dd };
        [&[0; 12][..], &kind.to_be_bytes(), &network, &transport].concat()
    }

    fn ipv4(&self, source: Ipv4Addr, destination: Ipv4Addr, transport: &[u8]) -> Vec<u8> {
        let network = self.layout.network;
        let length = u16::try_from(20 + transport.len()).unwrap_or(u16::MAX);
        let mut header = vec![0x45, self.at(network + 1)];
        header.extend(length.to_be_bytes());
        header.extend(self.identification(destination, transport).to_be_bytes());
        // The bit DF alone.
        header.extend([
            self.at(network + 6) & 0x40,
            0,
            self.at(network + 8),
            self.layout.protocol,
            0,
            0,
        ]);
        header.extend(source.octets());
        header.extend(destination.octets());
        let sum = checksum::of(&header, 0);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        header
    }

    /// ZMap's number, masscan's rule between the new numbers, or a number that says nothing.
    fn identification(&self, destination: Ipv4Addr, transport: &[u8]) -> u16 {
        let old = self.at2(self.layout.network + 4);
        if old == ZMAP_IDENTIFICATION {
            return old;
        }
        if let (Transport::Tcp, IpAddr::V4(watched)) = (self.layout.kind, self.layout.destination) {
            let sequence = self.at4(self.layout.transport + 4);
            let port = self.at2(self.layout.transport + 2);
            if old == masscan(watched, port, sequence) {
                let sequence = transport[4..]
                    .first_chunk()
                    .map_or(0, |octets| u32::from_be_bytes(*octets));
                return masscan(destination, port, sequence);
            }
        }
        low16(self.number(Use::Identification, old.into()))
    }

    fn ipv6(&self, source: Ipv6Addr, destination: Ipv6Addr, transport: &[u8]) -> Vec<u8> {
        let length = u16::try_from(transport.len()).unwrap_or(u16::MAX);
        let mut header = vec![0x60, 0, 0, 0];
        header.extend(length.to_be_bytes());
        header.extend([self.layout.protocol, self.at(self.layout.network + 7)]);
        header.extend(source.octets());
        header.extend(destination.octets());
        header
    }

    fn tcp(&self) -> Vec<u8> {
        let start = self.layout.transport;
        let (sequence, acknowledgement) = (self.at4(start + 4), self.at4(start + 8));
        let is_mirai =
            matches!(self.layout.destination, IpAddr::V4(watched) if watched.to_bits() == sequence);
        let sequence = match self.destination {
            IpAddr::V4(destination) if is_mirai => destination.to_bits(),
            _ => self.number(Use::Sequence, sequence),
        };
        let acknowledgement = match acknowledgement {
            0 => 0,
            some => self.number(Use::Acknowledgement, some),
        };
        let options = self.options();
        let words = u8::try_from(5 + options.len() / 4).unwrap_or(5);
        let mut header = self.old[start..start + 4].to_vec();
        header.extend(sequence.to_be_bytes());
        header.extend(acknowledgement.to_be_bytes());
        header.extend([
            words << 4,
            self.at(start + 13),
            self.at(start + 14),
            self.at(start + 15),
            0,
            0,
            0,
            0,
        ]);
        header.extend(options);
        header
    }

    /// Options by kind and length; of their values maximum segment size and window scale alone.
    fn options(&self) -> Vec<u8> {
        let old =
            &self.old[self.layout.transport + 20..self.layout.payload.start.max(self.layout.transport + 20)];
        let mut new = Vec::with_capacity(old.len());
        while let Some(&kind) = old.get(new.len()) {
            let at = new.len();
            let length = match kind {
                0 => break,
                1 => 1,
                _ => usize::from(old.get(at + 1).copied().unwrap_or(0)),
            };
            let Some(option) = old.get(at..at + length).filter(|_| length > 0) else {
                break;
            };
            match (kind, length) {
                (1, 1) | (2, 4) | (3, 3) | (4, 2) => new.extend(option),
                // Timestamps: that they are there.
                (8, 10) => new.extend([8, 10, 0, 0, 0, 0, 0, 0, 0, 0]),
                _ => new.extend(std::iter::repeat_n(1, length)),
            }
        }
        new.resize(old.len() / 4 * 4, 0);
        new
    }

    fn udp(&self) -> Vec<u8> {
        let start = self.layout.transport;
        let mut header = self.old[start..start + 4].to_vec();
        header.extend([0, 8, 0, 0]);
        header
    }

    fn icmp(&self) -> Vec<u8> {
        let start = self.layout.transport;
        let kind = self.at(start);
        let is_echo = match self.source {
            IpAddr::V4(_) => matches!(kind, 0 | 8),
            IpAddr::V6(_) => matches!(kind, 128 | 129),
        };
        let rest = if is_echo {
            self.number(Use::Echo, self.at4(start + 4))
        } else {
            0
        };
        let mut header = vec![kind, self.at(start + 1), 0, 0];
        header.extend(rest.to_be_bytes());
        header
    }

    fn put_checksum(&self, transport: &mut [u8], source: &[u8], destination: &[u8]) {
        let place = match self.layout.kind {
            Transport::Tcp => 16,
            Transport::Udp => 6,
            Transport::Icmp => 2,
            Transport::Other => return,
        };
        let with_pseudo = self.layout.kind != Transport::Icmp || self.source.is_ipv6();
        let pseudo = if with_pseudo {
            checksum::sum(source)
                + checksum::sum(destination)
                + u32::from(self.layout.protocol)
                + u32::try_from(transport.len()).unwrap_or_default()
        } else {
            0
        };
        let mut sum = checksum::of(transport, pseudo);
        // Over UDP, 0 would say that there is none (RFC 768).
        if sum == 0 && self.layout.kind == Transport::Udp {
            sum = u16::MAX;
        }
        transport[place..place + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

/// What masscan has for identification (its `templ-pkt.c`).
fn masscan(destination: Ipv4Addr, port: u16, sequence: u32) -> u16 {
    low16(destination.to_bits() ^ u32::from(port) ^ sequence)
}

fn low16(number: u32) -> u16 {
    u16::try_from(number & 0xffff).unwrap_or_default()
}
