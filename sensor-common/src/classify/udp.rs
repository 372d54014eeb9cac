//! UDP (RFC 768).

use super::{Datagram, Observation, Packet, Transport};
use crate::{Class, Outcome};

/// Bytes of the header.
pub const HEADER_BYTES: usize = 8;

#[inline(always)]
pub(super) fn classify<P>(
    packet: &P,
    offset: usize,
    bytes: usize,
    datagram: Datagram,
) -> Result<Observation, Outcome>
where
    P: Packet + ?Sized,
{
    if bytes < HEADER_BYTES {
        return Err(Outcome::TruncatedUdp);
    }
    let header = packet.read::<HEADER_BYTES>(offset).ok_or(Outcome::TruncatedUdp)?;
    let claimed = u16::from_be_bytes([header[4], header[5]]) as usize;
    if claimed < HEADER_BYTES || claimed > bytes && !datagram.first_fragment {
        return Err(Outcome::BadUdpLength);
    }
    let source_port = u16::from_be_bytes([header[0], header[1]]);
    let destination_port = u16::from_be_bytes([header[2], header[3]]);
    Ok(Observation {
        class: Class::of_udp(source_port, destination_port),
        source_port,
        destination_port,
        ..datagram.observed_as(Transport::Udp)
    })
}
