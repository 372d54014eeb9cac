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

mod rewrite;

use std::{
    fs,
    hash::Hasher as _,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use siphasher::sip::SipHasher24;

use self::rewrite::Rewrite;
use crate::{escape::is_label, packet::Layout, pcapng::Packet};

/// Octets of a key.
pub const KEY_OCTETS: usize = 16;
/// Rounds of the permutations of destinations.
const ROUNDS: u8 = 8;

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
