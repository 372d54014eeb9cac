//! What IP carries: the way from a protocol number to a transport header.

use super::{Datagram, Observation, Packet, icmp, tcp, udp};
use crate::Outcome;

/// The transport of an observed packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// TCP, protocol 6.
    Tcp,
    /// UDP, protocol 17.
    Udp,
    /// ICMP over IPv4, protocol 1.
    Icmp,
    /// ICMPv6 over IPv6, protocol 58.
    Icmpv6,
    /// Any other protocol number.
    Other,
    /// A later fragment: its transport header is in another packet.
    Fragment,
}

impl Transport {
    /// The transport of a packet that is not a later fragment, by its protocol number.
    #[inline(always)]
    #[must_use]
    pub const fn from_protocol(protocol: u8, family: crate::Family) -> Self {
        match (protocol, family) {
            (6, _) => Self::Tcp,
            (17, _) => Self::Udp,
            // Each ICMP belongs to its own IP version; the other way round it is only a protocol number.
            (1, crate::Family::Ipv4) => Self::Icmp,
            (58, crate::Family::Ipv6) => Self::Icmpv6,
            _ => Self::Other,
        }
    }

    /// The outcome that counts packets of this transport.
    #[inline(always)]
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Tcp => Outcome::ObservedTcp,
            Self::Udp => Outcome::ObservedUdp,
            Self::Icmp => Outcome::ObservedIcmp,
            Self::Icmpv6 => Outcome::ObservedIcmpv6,
            Self::Other => Outcome::ObservedOther,
            Self::Fragment => Outcome::ObservedFragment,
        }
    }

    /// The name in metrics, snapshots and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::Other => "other",
            Self::Fragment => "fragment",
        }
    }
}

/// Classifies `bytes` of IP payload at `offset`.
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
    match Transport::from_protocol(datagram.protocol, datagram.family) {
        Transport::Tcp => tcp::classify(packet, offset, bytes, datagram),
        Transport::Udp => udp::classify(packet, offset, bytes, datagram),
        kind @ (Transport::Icmp | Transport::Icmpv6) => icmp::classify(packet, offset, bytes, datagram, kind),
        kind @ (Transport::Other | Transport::Fragment) => Ok(datagram.observed_as(kind)),
    }
}
