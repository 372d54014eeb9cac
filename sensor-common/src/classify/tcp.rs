//! TCP (RFC 9293).

use super::{Datagram, Observation, Packet, Transport};
use crate::{Class, Family, Outcome, ToolSet};

/// Bytes of the header without options.
pub const HEADER_BYTES: usize = 20;

/// No more data from the sender.
pub const FIN: u8 = 0x01;
/// Synchronise sequence numbers.
pub const SYN: u8 = 0x02;
/// Reset the connection.
pub const RST: u8 = 0x04;
/// Push.
pub const PSH: u8 = 0x08;
/// The acknowledgement number counts.
pub const ACK: u8 = 0x10;
/// The urgent pointer counts.
pub const URG: u8 = 0x20;

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
        return Err(Outcome::TruncatedTcp);
    }
    let header = packet.read::<HEADER_BYTES>(offset).ok_or(Outcome::TruncatedTcp)?;
    let header_bytes = (header[12] >> 4) as usize * 4;
    if header_bytes < HEADER_BYTES || header_bytes > bytes && !datagram.first_fragment {
        return Err(Outcome::BadTcpDataOffset);
    }
    let flags = header[13];
    let sequence = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let tools = match datagram.family {
        Family::Ipv4 => ToolSet::of_tcp_v4(datagram.destination.low32(), sequence, flags),
        Family::Ipv6 => ToolSet::NONE,
    };
    Ok(Observation {
        class: Class::of_tcp(flags),
        tools,
        source_port: u16::from_be_bytes([header[0], header[1]]),
        destination_port: u16::from_be_bytes([header[2], header[3]]),
        tcp_flags: flags,
        window: u16::from_be_bytes([header[14], header[15]]),
        ..datagram.observed_as(Transport::Tcp)
    })
}
