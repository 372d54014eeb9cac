//! The classifier: from the bytes of a frame to its one outcome.
//!
//! One file a layer, in the order in which a packet is read: [`ethernet`] → [`ipv4`] or [`ipv6`] → [`transport`].
//! Everything is generic over [`Packet`], so that the kernel, the daemon and capture files run the same code, and
//! nothing indexes a slice: each read is checked against the end of the packet, because the verifier asks for it
//! and because the packet comes from the Internet.

pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod tcp;
pub mod transport;
pub mod udp;

pub use self::{ethernet::classify_ethernet, transport::Transport};
use crate::{
    Address, Class, Family, Outcome, ToolSet,
    record::{FlowKey, FlowKind, port_bit},
    watch::Watch,
};

/// The bytes of a packet, wherever they are.
pub trait Packet {
    /// `N` bytes from `offset` on, or `None` where the packet ends before.
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;
}

impl Packet for [u8] {
    #[inline]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.get(offset..)?.first_chunk().copied()
    }
}

/// What was read of a packet to a watched address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// IPv4 or IPv6.
    pub family: Family,
    /// The sender, as the packet claims.
    pub source: Address,
    /// The watched address.
    pub destination: Address,
    /// IP protocol number; in IPv6 that behind the extension headers.
    pub protocol: u8,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// IP length in bytes: header, options and payload as the IP header claims.
    pub length: u32,
    /// Which headers follow, and so which outcome this is.
    pub transport: Transport,
    /// Scan, backscatter or other.
    pub class: Class,
    /// The marks of tools.
    pub tools: ToolSet,
    /// What the packet has in common with others of its scan, where [`ToolSet::is_signed`]; else 0.
    pub signature: u32,
    /// Destination port of TCP and UDP, else 0.
    pub destination_port: u16,
    /// Source port of TCP and UDP, else 0.
    pub source_port: u16,
    /// For ICMP and ICMPv6: the type in the upper octet, the code in the lower; else 0.
    pub icmp: u16,
    /// TCP flags, else 0.
    pub tcp_flags: u8,
    /// TCP window as on the wire, else 0.
    pub window: u16,
}

impl Observation {
    /// The outcome that counts this packet.
    #[inline(always)]
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.transport.outcome()
    }

    /// The port of the service that the packet is about: asked for by a scan, answering in backscatter.
    #[inline(always)]
    #[must_use]
    pub const fn service_port(&self) -> u16 {
        match (self.transport, self.class) {
            (Transport::Tcp | Transport::Udp, Class::Backscatter) => self.source_port,
            (Transport::Tcp | Transport::Udp, Class::Scan | Class::Other) => self.destination_port,
            (Transport::Icmp | Transport::Icmpv6, _) => self.icmp,
            (Transport::Other | Transport::Fragment, _) => 0,
        }
    }

    /// The other port of the two: what varies from packet to packet of one flow.
    #[inline(always)]
    #[must_use]
    pub const fn peer_port(&self) -> u16 {
        match self.class {
            Class::Backscatter => self.destination_port,
            Class::Scan | Class::Other => self.source_port,
        }
    }

    /// What this packet adds to [`Record::peer_ports`](crate::record::Record::peer_ports).
    #[inline(always)]
    #[must_use]
    pub const fn peer_ports(&self) -> u32 {
        if self.tools.is_signed() {
            self.signature
        } else {
            port_bit(self.peer_port())
        }
    }

    /// The flow that this packet belongs to.
    #[inline(always)]
    #[must_use]
    pub const fn flow_key(&self) -> FlowKey {
        FlowKey {
            source: self.source,
            kind: FlowKind {
                port: self.service_port(),
                protocol: self.protocol,
                class: self.class,
                tools: self.tools,
                family: self.family,
                fragment: matches!(self.transport, Transport::Fragment),
            }
            .pack(),
        }
    }
}

/// What the IP layer hands to the transport layer.
#[derive(Clone, Copy)]
struct Datagram {
    family: Family,
    source: Address,
    destination: Address,
    protocol: u8,
    ttl: u8,
    length: u32,
    /// IPv4 identification; 0 in IPv6.
    identification: u16,
    /// The DF bit; not set in IPv6, where no router fragments.
    dont_fragment: bool,
    /// The first of several fragments: it has the ports, but its lengths speak of the whole datagram.
    first_fragment: bool,
}

impl Datagram {
    /// The observation of a packet of which no more than this is read.
    #[inline(always)]
    const fn observed_as(self, transport: Transport) -> Observation {
        Observation {
            family: self.family,
            source: self.source,
            destination: self.destination,
            protocol: self.protocol,
            ttl: self.ttl,
            length: self.length,
            transport,
            class: Class::Other,
            tools: ToolSet::NONE,
            signature: 0,
            destination_port: 0,
            source_port: 0,
            icmp: 0,
            tcp_flags: 0,
            window: 0,
        }
    }
}

/// Classifies a packet that begins with an IP header of either version, as raw-IP capture files have it.
///
/// # Errors
/// The outcome of a packet that is not observed.
pub fn classify_ip<P, W>(packet: &P, watch: &W) -> Result<Observation, Outcome>
where
    P: Packet + ?Sized,
    W: Watch,
{
    let [first] = packet.read::<1>(0).ok_or(Outcome::TruncatedIpv4)?;
    match first >> 4 {
        4 => ipv4::classify(packet, 0, watch),
        6 => ipv6::classify(packet, 0, watch),
        _ => Err(Outcome::NotIp),
    }
}
