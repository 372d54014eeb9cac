//! IPv6 and its extension headers (RFC 8200).

use super::{Datagram, Observation, Packet, Transport, transport};
use crate::{Address, Family, Outcome, watch::Watch};

/// Bytes of the fixed header.
pub const HEADER_BYTES: usize = 40;
/// Extension headers that are followed; RFC 8200 knows six, and each may stand once but for one.
pub const MAX_EXTENSIONS: usize = 8;

const MORE_FRAGMENTS: u16 = 0x0001;
const FRAGMENT_OFFSET: u16 = 0xfff8;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

/// Classifies the IPv6 packet at `offset`.
///
/// # Errors
/// The outcome of a packet that is not observed.
#[inline(always)]
pub fn classify<P, W>(packet: &P, offset: usize, watch: &W) -> Result<Observation, Outcome>
where
    P: Packet + ?Sized,
    W: Watch,
{
    let fixed = packet.read::<8>(offset).ok_or(Outcome::TruncatedIpv6)?;
    let source = packet.read::<16>(offset + 8).ok_or(Outcome::TruncatedIpv6)?;
    let destination = packet.read::<16>(offset + 24).ok_or(Outcome::TruncatedIpv6)?;
    if fixed[0] >> 4 != 6 {
        return Err(Outcome::BadIpv6Version);
    }
    let destination = Address::v6(destination);
    if !watch.contains_v6(destination) {
        return Err(Outcome::NotWatched);
    }
    let payload_bytes = u16::from_be_bytes([fixed[4], fixed[5]]) as usize;
    let mut datagram = Datagram {
        family: Family::Ipv6,
        source: Address::v6(source),
        destination,
        protocol: fixed[6],
        ttl: fixed[7],
        length: (HEADER_BYTES + payload_bytes) as u32,
        identification: 0,
        dont_fragment: false,
        first_fragment: false,
    };
    let mut at = offset + HEADER_BYTES;
    let mut left = payload_bytes;
    for _ in 0..MAX_EXTENSIONS {
        let Some(shape) = Extension::of(datagram.protocol) else {
            return transport::classify(packet, at, left, datagram);
        };
        let header = packet.read::<8>(at).ok_or(Outcome::TruncatedIpv6Extension)?;
        let bytes = match shape {
            Extension::EightOctetUnits => (header[1] as usize + 1) * 8,
            Extension::FourOctetUnits => (header[1] as usize + 2) * 4,
            Extension::Fragment => 8,
        };
        let Some(rest) = left.checked_sub(bytes) else {
            return Err(Outcome::TruncatedIpv6Extension);
        };
        // The last octet must be there too: what follows may be nothing that is read, and the cut would not show.
        packet
            .read::<1>(at + bytes - 1)
            .ok_or(Outcome::TruncatedIpv6Extension)?;
        datagram.protocol = header[0];
        if matches!(shape, Extension::Fragment) {
            let fragment = u16::from_be_bytes([header[2], header[3]]);
            if fragment & FRAGMENT_OFFSET != 0 {
                return Ok(datagram.observed_as(Transport::Fragment));
            }
            datagram.first_fragment = fragment & MORE_FRAGMENTS != 0;
        }
        at += bytes;
        left = rest;
    }
    if Extension::of(datagram.protocol).is_some() {
        return Err(Outcome::TooManyIpv6Extensions);
    }
    transport::classify(packet, at, left, datagram)
}

/// How an extension header says its length.
#[derive(Clone, Copy)]
enum Extension {
    EightOctetUnits,
    FourOctetUnits,
    Fragment,
}

impl Extension {
    #[inline(always)]
    const fn of(next_header: u8) -> Option<Self> {
        match next_header {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | MOBILITY | HIP | SHIM6 => {
                Some(Self::EightOctetUnits)
            }
            // RFC 4302, section 2.2: in 4-octet units, minus two.
            AUTHENTICATION => Some(Self::FourOctetUnits),
            FRAGMENT => Some(Self::Fragment),
            _ => None,
        }
    }
}
