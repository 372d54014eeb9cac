//! What IP carries: TCP, UDP, ICMP of both versions, and bare octets (RFC 9293, 768, 792, 4443).

use std::net::IpAddr;

use etherparse::checksum::Sum16BitWords;

use super::ip::low_octets;

/// TCP flags (RFC 9293, section 3.1).
pub mod flags {
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
    /// Congestion seen (RFC 3168).
    pub const ECE: u8 = 0x40;
    /// Congestion window reduced (RFC 3168).
    pub const CWR: u8 = 0x80;
}

/// A TCP segment. `None` means: computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// See [`flags`].
    pub flags: u8,
    /// Window.
    pub window: u16,
    /// Options, a multiple of four octets.
    pub options: Vec<u8>,
    /// The data offset field, in words of four octets.
    pub data_offset: Option<u8>,
    /// What follows the header.
    pub payload: Vec<u8>,
}

impl Tcp {
    /// A SYN from port 40000, without options.
    #[must_use]
    pub const fn syn(destination: u16) -> Self {
        Self {
            source: 40_000,
            destination,
            sequence: 0x0102_0304,
            acknowledgement: 0,
            flags: flags::SYN,
            window: 65_535,
            options: Vec::new(),
            data_offset: None,
            payload: Vec::new(),
        }
    }

    /// A segment from port 40000 with these flags.
    #[must_use]
    pub fn with_flags(destination: u16, flags: u8) -> Self {
        Self {
            flags,
            ..Self::syn(destination)
        }
    }

    /// The segment with its checksum still zero.
    fn bytes(&self) -> Vec<u8> {
        let words = self
            .data_offset
            .unwrap_or(low_octets(5 + self.options.len() / 4).to_le_bytes()[0]);
        let mut segment = Vec::with_capacity(20 + self.options.len() + self.payload.len());
        segment.extend_from_slice(&self.source.to_be_bytes());
        segment.extend_from_slice(&self.destination.to_be_bytes());
        segment.extend_from_slice(&self.sequence.to_be_bytes());
        segment.extend_from_slice(&self.acknowledgement.to_be_bytes());
        segment.extend_from_slice(&[words << 4, self.flags]);
        segment.extend_from_slice(&self.window.to_be_bytes());
        segment.extend_from_slice(&[0; 4]);
        segment.extend_from_slice(&self.options);
        segment.extend_from_slice(&self.payload);
        segment
    }
}

/// A UDP datagram. `None` means: computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Udp {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// The length field, in octets.
    pub length: Option<u16>,
    /// What follows the header.
    pub payload: Vec<u8>,
}

impl Udp {
    /// A datagram without payload.
    #[must_use]
    pub const fn between(source: u16, destination: u16) -> Self {
        Self {
            source,
            destination,
            length: None,
            payload: Vec::new(),
        }
    }

    /// A datagram from port 40000 with this payload.
    #[must_use]
    pub fn to(destination: u16, payload: &[u8]) -> Self {
        Self {
            payload: payload.to_vec(),
            ..Self::between(40_000, destination)
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let length = self.length.unwrap_or(low_octets(8 + self.payload.len()));
        let mut datagram = Vec::with_capacity(8 + self.payload.len());
        for field in [self.source, self.destination, length, 0] {
            datagram.extend_from_slice(&field.to_be_bytes());
        }
        datagram.extend_from_slice(&self.payload);
        datagram
    }
}

/// An ICMP or `ICMPv6` message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// What follows the checksum: four octets by type, then the data.
    pub rest: Vec<u8>,
}

impl Icmp {
    /// A message with identifier 1, sequence 1 and no data.
    #[must_use]
    pub fn of(kind: u8, code: u8) -> Self {
        Self {
            kind,
            code,
            rest: vec![0, 1, 0, 1],
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut message = vec![self.kind, self.code, 0, 0];
        message.extend_from_slice(&self.rest);
        message
    }
}

/// What an IP packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Protocol 6.
    Tcp(Tcp),
    /// Protocol 17.
    Udp(Udp),
    /// Protocol 1, also inside IPv6.
    Icmp(Icmp),
    /// Protocol 58, also inside IPv4.
    Icmpv6(Icmp),
    /// A protocol number and its octets as they are.
    Raw(u8, Vec<u8>),
}

impl From<Tcp> for Content {
    fn from(segment: Tcp) -> Self {
        Self::Tcp(segment)
    }
}

impl From<Udp> for Content {
    fn from(datagram: Udp) -> Self {
        Self::Udp(datagram)
    }
}

impl Content {
    /// The protocol number, and the octets with their checksum.
    pub(super) fn bytes(self, source: IpAddr, destination: IpAddr) -> (u8, Vec<u8>) {
        match self {
            Self::Tcp(segment) => summed(6, segment.bytes(), 16, source, destination),
            Self::Udp(datagram) => {
                let (protocol, mut bytes) = summed(17, datagram.bytes(), 6, source, destination);
                // Zero means that there is no checksum, so a sum of zero is sent as its other form (RFC 768).
                if bytes[6..8] == [0, 0] {
                    bytes[6..8].fill(0xff);
                }
                (protocol, bytes)
            }
            Self::Icmp(message) => {
                let mut bytes = message.bytes();
                let checksum = Sum16BitWords::new().add_slice(&bytes).ones_complement();
                bytes[2..4].copy_from_slice(&checksum.to_ne_bytes());
                (1, bytes)
            }
            Self::Icmpv6(message) => summed(58, message.bytes(), 2, source, destination),
            Self::Raw(protocol, bytes) => (protocol, bytes),
        }
    }
}

/// Writes the checksum over pseudo header and `bytes` at `place` (RFC 9293, section 3.1; RFC 8200, section 8.1).
fn summed(
    protocol: u8,
    mut bytes: Vec<u8>,
    place: usize,
    source: IpAddr,
    destination: IpAddr,
) -> (u8, Vec<u8>) {
    let mut sum = Sum16BitWords::new();
    for address in [source, destination] {
        sum = match address {
            IpAddr::V4(address) => sum.add_4bytes(address.octets()),
            IpAddr::V6(address) => sum.add_16bytes(address.octets()),
        };
    }
    let checksum = sum
        .add_2bytes([0, protocol])
        .add_2bytes(low_octets(bytes.len()).to_be_bytes())
        .add_slice(&bytes)
        .ones_complement();
    bytes[place..place + 2].copy_from_slice(&checksum.to_ne_bytes());
    (protocol, bytes)
}
