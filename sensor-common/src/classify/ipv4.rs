//! IPv4 (RFC 791).

use super::{Datagram, Observation, Packet, Transport, transport};
use crate::{Address, Family, Outcome, watch::Watch};

/// Bytes of the header without options.
pub const HEADER_BYTES: usize = 20;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

/// Classifies the IPv4 packet at `offset`.
///
/// # Errors
/// The outcome of a packet that is not observed.
#[inline(always)]
pub fn classify<P, W>(packet: &P, offset: usize, watch: &W) -> Result<Observation, Outcome>
where
    P: Packet + ?Sized,
    W: Watch,
{
    let header = packet
        .read::<HEADER_BYTES>(offset)
        .ok_or(Outcome::TruncatedIpv4)?;
    if header[0] >> 4 != 4 {
        return Err(Outcome::BadIpv4Version);
    }
    let header_bytes = (header[0] & 0x0f) as usize * 4;
    if header_bytes < HEADER_BYTES {
        return Err(Outcome::BadIpv4HeaderLength);
    }
    let total_bytes = u16::from_be_bytes([header[2], header[3]]) as usize;
    if total_bytes < header_bytes {
        return Err(Outcome::BadIpv4TotalLength);
    }
    let destination = u32::from_be_bytes([header[16], header[17], header[18], header[19]]);
    if !watch.contains_v4(destination) {
        return Err(Outcome::NotWatched);
    }
    if header_bytes > HEADER_BYTES {
        packet
            .read::<1>(offset + header_bytes - 1)
            .ok_or(Outcome::TruncatedIpv4)?;
    }
    let fragment = u16::from_be_bytes([header[6], header[7]]);
    let datagram = Datagram {
        family: Family::Ipv4,
        source: Address::v4(u32::from_be_bytes([
            header[12], header[13], header[14], header[15],
        ])),
        destination: Address::v4(destination),
        protocol: header[9],
        ttl: header[8],
        length: total_bytes as u32,
        identification: u16::from_be_bytes([header[4], header[5]]),
        dont_fragment: fragment & DONT_FRAGMENT != 0,
        first_fragment: fragment & MORE_FRAGMENTS != 0,
    };
    if fragment & FRAGMENT_OFFSET != 0 {
        return Ok(datagram.observed_as(Transport::Fragment));
    }
    // The payload ends where the IP length says: what follows in a short frame is Ethernet's padding.
    transport::classify(
        packet,
        offset + header_bytes,
        total_bytes - header_bytes,
        datagram,
    )
}
