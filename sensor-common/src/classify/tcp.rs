//! TCP (RFC 9293).

use super::{Datagram, Observation, Packet, Transport};
use crate::{
    Class, Family, Outcome,
    tool::{Marks, Options, Probe},
};

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
    let source_port = u16::from_be_bytes([header[0], header[1]]);
    let destination_port = u16::from_be_bytes([header[2], header[3]]);
    let window = u16::from_be_bytes([header[14], header[15]]);
    let marks = if matches!(datagram.family, Family::Ipv4) && is_syn_alone(flags) {
        let probe = Probe {
            source_port,
            destination_port,
            sequence: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            destination: datagram.destination.low32(),
            window,
            ttl: datagram.ttl,
            identification: datagram.identification,
            dont_fragment: datagram.dont_fragment,
            length: datagram.length,
        };
        Marks::of(&probe, || options(packet, offset + HEADER_BYTES, header_bytes))
    } else {
        Marks::NONE
    };
    Ok(Observation {
        class: Class::of_tcp(flags),
        tools: marks.tools,
        signature: marks.signature,
        source_port,
        destination_port,
        tcp_flags: flags,
        window,
        ..datagram.observed_as(Transport::Tcp)
    })
}

/// A SYN with no other flag. The congestion bits (RFC 3168) are left out: routers and hosts on the way may set them.
#[inline(always)]
const fn is_syn_alone(flags: u8) -> bool {
    flags & (FIN | SYN | RST | PSH | ACK | URG) == SYN
}

/// The options at `offset`, behind which a header of `header_bytes` ends: whole, as many as a rule may ask for. One read of
/// a fixed length, so that nothing in the packet leads to a loop.
#[inline(always)]
fn options<P>(packet: &P, offset: usize, header_bytes: usize) -> Options
where
    P: Packet + ?Sized,
{
    let options = match header_bytes - HEADER_BYTES {
        0 => Some(Options::NONE),
        4 => packet.read(offset).map(Options::four),
        12 => packet.read(offset).map(Options::twelve),
        _ => None,
    };
    options.unwrap_or(Options::OTHER)
}
