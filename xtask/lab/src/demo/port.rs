//! What the demo counts by: ports, and packets with and without the Mirai mark.

use std::fmt;

use serde::Serialize;

/// The transports that have ports in rankings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP of both versions: port 0 is echo requests.
    Icmp,
}

impl Transport {
    /// The name in snapshots and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp, Self::Icmp]
            .into_iter()
            .find(|transport| transport.name() == name)
    }
}

/// A destination port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Port {
    /// Its transport.
    pub transport: Transport,
    /// Its number.
    pub port: u16,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.port, self.transport.name())
    }
}

/// Packets to a destination port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCount {
    /// All.
    pub packets: u64,
    /// TCP SYN that are scans.
    pub syn: u64,
    /// With the Mirai mark.
    pub mirai: u64,
}

/// Packets, and those of them with the Mirai mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// All.
    pub packets: u64,
    /// With the mark.
    pub mirai: u64,
}

impl Marked {
    pub(super) fn add(&mut self, packets: u64, mirai: u64) {
        self.packets += packets;
        self.mirai += mirai;
    }
}
