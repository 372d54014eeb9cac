//! Samples that can be shared: sources under a keyed map that keeps prefixes, and nothing that tells a watched address.
//!
//! A frame is not changed but made anew, of those fields alone that are named here, so that what nobody thought of is
//! not in it. Sources keep their common prefixes, as in Crypto-PAn (Xu, Fan, Ammar, Moon: *Prefix-preserving IP address
//! anonymization*, ICNP 2002), with SipHash-2-4 as the keyed function. Destinations go through a keyed permutation that
//! keeps nothing: a list of prefixes with known sizes would otherwise give a telescope away. Whatever a scanner may have
//! computed from its destination (sequence and acknowledgement numbers, IP identification, numbers of echo requests),
//! and whatever is computed over it (checksums), is made anew; payloads and the packets that ICMP quotes are left out
//! together with their lengths. The marks of Mirai, masscan and ZMap hold in the new frame when they held in the old
//! one, between the new numbers.
//!
//! What stays is said in `docs/samples.md`: ports, windows, time to live and the order of packets.

use std::{
    fs,
    hash::Hasher as _,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use siphasher::sip::SipHasher24;

use crate::{
    checksum,
    escape::is_label,
    packet::{Layout, Transport},
    pcapng::Packet,
};

/// Octets of a key.
pub const KEY_OCTETS: usize = 16;
/// Rounds of the permutations of destinations.
const ROUNDS: u8 = 8;
/// The identification of ZMap up to 4.0: a number that tells of no address.
const ZMAP_IDENTIFICATION: u16 = 54_321;

/// What keeps a key from being read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("the key of anonymisation, {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error(
        "{0} is no key of anonymisation: it must hold 32 hexadecimal digits, as `openssl rand -hex 16` prints them"
    )]
    NoKey(PathBuf),
    /// Others can read it.
    #[error("{0} is open to others: whoever knows the key knows every address; `chmod 600` it")]
    Open(PathBuf),
}

/// Makes frames that can be shared.
pub struct Anonymiser {
    key: [u8; KEY_OCTETS],
}

/// Keeps the uses of one key apart.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Use {
    Source,
    Destination,
    Sequence,
    Acknowledgement,
    Identification,
    Echo,
}

impl Anonymiser {
    /// With this key.
    #[must_use]
    pub fn new(key: [u8; KEY_OCTETS]) -> Self {
        Self { key }
    }

    /// With the key in a file.
    ///
    /// # Errors
    /// The file cannot be read, holds something else, or is open to others.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::File {
            path: path.to_owned(),
            source,
        };
        let permissions = fs::metadata(path).map_err(failed)?.permissions();
        if permissions.mode() & 0o077 != 0 {
            return Err(KeyError::Open(path.to_owned()));
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        let text = text.trim();
        let no_key = || KeyError::NoKey(path.to_owned());
        if text.len() != 2 * KEY_OCTETS || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(no_key());
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| no_key())?;
        Ok(Self::new(number.to_be_bytes()))
    }

    fn keyed(&self, purpose: Use, octets: &[u8]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(&[purpose as u8]);
        hasher.write(octets);
        hasher.finish()
    }

    /// A source: two that share their first bits share as many afterwards, and no more.
    #[must_use]
    pub fn source(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => {
                let bits = self.keep_prefixes(4, u128::from(address.to_bits()) << 96, 32);
                Ipv4Addr::from_bits(u32::try_from(bits >> 96).unwrap_or_default()).into()
            }
            IpAddr::V6(address) => Ipv6Addr::from_bits(self.keep_prefixes(6, address.to_bits(), 128)).into(),
        }
    }

    /// The bits are the upper ones of the number.
    fn keep_prefixes(&self, family: u8, address: u128, bits: u32) -> u128 {
        let mut flips = 0_u128;
        for bit in 0..bits {
            let prefix = if bit == 0 { 0 } else { address >> (128 - bit) };
            let mut input = [0; 18];
            input[0] = family;
            input[1] = u8::try_from(bit).unwrap_or(u8::MAX);
            input[2..].copy_from_slice(&prefix.to_be_bytes());
            let flip = self.keyed(Use::Source, &input) & 1;
            flips |= u128::from(flip) << (127 - bit);
        }
        address ^ flips
    }

    /// A destination: a permutation that keeps nothing of it.
    #[must_use]
    pub fn destination(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => {
                let bits = self.permute(
                    4,
                    u64::from(address.to_bits() >> 16),
                    u64::from(address.to_bits() & 0xffff),
                    16,
                );
                Ipv4Addr::from_bits(u32::try_from(bits & 0xffff_ffff).unwrap_or_default()).into()
            }
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                let (upper, lower) = (bits >> 64, bits & u128::from(u64::MAX));
                let half = |half: u128| u64::try_from(half).unwrap_or_default();
                Ipv6Addr::from_bits(self.permute(6, half(upper), half(lower), 64)).into()
            }
        }
    }

    /// A Feistel network over two halves of so many bits (Luby, Rackoff: four rounds are enough for large halves).
    fn permute(&self, family: u8, mut left: u64, mut right: u64, bits: u32) -> u128 {
        let mask = u64::MAX >> (64 - bits);
        for round in 0..ROUNDS {
            let mut input = [0; 10];
            input[..2].copy_from_slice(&[family, round]);
            input[2..].copy_from_slice(&right.to_be_bytes());
            let mixed = left ^ self.keyed(Use::Destination, &input) & mask;
            (left, right) = (right, mixed);
        }
        u128::from(left) << bits | u128::from(right)
    }

    /// A number under the key, the same for the same number from the same source to the same destination.
    fn number(&self, purpose: Use, layout: &Layout, value: u32) -> u32 {
        let mut input = Vec::with_capacity(36);
        input.extend(value.to_be_bytes());
        for address in [layout.source, layout.destination] {
            match address {
                IpAddr::V4(address) => input.extend(address.octets()),
                IpAddr::V6(address) => input.extend(address.octets()),
            }
        }
        u32::try_from(self.keyed(purpose, &input) >> 32).unwrap_or_default()
    }

    /// A packet that can be shared; `None` where its headers cannot be told apart: nothing of such a one is shared.
    #[must_use]
    pub fn packet(&self, packet: &Packet) -> Option<Packet> {
        let layout = Layout::of_ethernet(&packet.frame)?;
        let rewrite = Rewrite {
            anonymiser: self,
            old: &packet.frame[..layout.end],
            source: self.source(layout.source),
            destination: self.destination(layout.destination),
            layout,
        };
        let frame = rewrite.frame();
        let words = packet.comment.split(' ').filter(|word| may_stay(word));
        Some(Packet {
            nanoseconds: packet.nanoseconds / 1_000_000_000 * 1_000_000_000,
            interface: "anonymised".to_owned(),
            wire_octets: u32::try_from(frame.len()).unwrap_or(u32::MAX),
            frame,
            comment: words.collect::<Vec<_>>().join(" "),
        })
    }
}

/// Words of a comment whose values are of closed sets.
fn may_stay(word: &str) -> bool {
    word.split_once('=').is_some_and(|(key, value)| {
        matches!(key, "reason" | "sip" | "method" | "probe")
            && value.split(',').all(|name| is_label(&name.to_ascii_lowercase()))
    })
}

/// One frame on its way.
struct Rewrite<'a> {
    anonymiser: &'a Anonymiser,
    old: &'a [u8],
    layout: Layout,
    source: IpAddr,
    destination: IpAddr,
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

    fn frame(&self) -> Vec<u8> {
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
