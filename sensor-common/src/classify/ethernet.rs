//! Ethernet and VLAN tags (IEEE 802.3, 802.1Q).

use super::{Observation, Packet, ipv4, ipv6};
use crate::{Outcome, watch::Watch};

/// Bytes of an Ethernet header without tags.
pub const HEADER_BYTES: usize = 14;
/// Bytes that a VLAN tag adds.
pub const TAG_BYTES: usize = 4;
/// Tags that are followed: a service tag and a customer tag.
pub const MAX_TAGS: usize = 2;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// Classifies an Ethernet frame.
///
/// # Errors
/// The outcome of a packet that is not observed.
#[inline(always)]
pub fn classify_ethernet<P, W>(packet: &P, watch: &W) -> Result<Observation, Outcome>
where
    P: Packet + ?Sized,
    W: Watch,
{
    // The whole header is asked for, so that a frame of 13 bytes is truncated and not something else.
    let header = packet.read::<HEADER_BYTES>(0).ok_or(Outcome::TruncatedEthernet)?;
    classify_ethertype(
        packet,
        u16::from_be_bytes([header[12], header[13]]),
        HEADER_BYTES,
        watch,
    )
}

/// Classifies what follows an EtherType: tags are stepped over, IP is read.
///
/// # Errors
/// The outcome of a packet that is not observed.
#[inline(always)]
pub fn classify_ethertype<P, W>(
    packet: &P,
    mut ethertype: u16,
    mut offset: usize,
    watch: &W,
) -> Result<Observation, Outcome>
where
    P: Packet + ?Sized,
    W: Watch,
{
    for _ in 0..MAX_TAGS {
        if !is_tag(ethertype) {
            break;
        }
        let tag = packet.read::<TAG_BYTES>(offset).ok_or(Outcome::TruncatedVlan)?;
        ethertype = u16::from_be_bytes([tag[2], tag[3]]);
        offset += TAG_BYTES;
    }
    match ethertype {
        IPV4 => ipv4::classify(packet, offset, watch),
        IPV6 => ipv6::classify(packet, offset, watch),
        other if is_tag(other) => Err(Outcome::TooManyVlanTags),
        _ => Err(Outcome::NotIp),
    }
}

/// 802.1Q, 802.1ad, and the number that QinQ had before the standard.
#[inline(always)]
const fn is_tag(ethertype: u16) -> bool {
    matches!(ethertype, 0x8100 | 0x88a8 | 0x9100)
}
