//! ICMP (RFC 792) and ICMPv6 (RFC 4443): type and code.

use super::{Datagram, Observation, Packet, Transport};
use crate::{Class, Outcome};

/// Bytes that every message has: type, code, checksum.
pub const HEADER_BYTES: usize = 4;

#[inline(always)]
pub(super) fn classify<P>(
    packet: &P,
    offset: usize,
    bytes: usize,
    datagram: Datagram,
    transport: Transport,
) -> Result<Observation, Outcome>
where
    P: Packet + ?Sized,
{
    if bytes < HEADER_BYTES {
        return Err(Outcome::TruncatedIcmp);
    }
    let [kind, code, ..] = packet
        .read::<HEADER_BYTES>(offset)
        .ok_or(Outcome::TruncatedIcmp)?;
    let class = match transport {
        Transport::Icmpv6 => Class::of_icmpv6(kind),
        _ => Class::of_icmp(kind),
    };
    Ok(Observation {
        class,
        icmp: u16::from_be_bytes([kind, code]),
        ..datagram.observed_as(transport)
    })
}
