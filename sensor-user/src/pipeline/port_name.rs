//! A port as people write it: `23/tcp`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de};

/// The transports that have ports in rankings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PortTransport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP: port 0 is echo requests.
    Icmp,
}

impl PortTransport {
    /// The name in metrics and snapshots.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }
}

/// A port of a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortName {
    /// The transport.
    pub transport: PortTransport,
    /// The number.
    pub port: u16,
}

/// A text that names no port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no port: write number and transport, as in 23/tcp, 5060/udp or 0/icmp")]
pub struct BadPortName(String);

impl FromStr for PortName {
    type Err = BadPortName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (port, transport) = text.split_once('/')?;
            let transport = match transport {
                "tcp" => PortTransport::Tcp,
                "udp" => PortTransport::Udp,
                "icmp" => PortTransport::Icmp,
                _ => return None,
            };
            Some(Self {
                transport,
                port: port.parse().ok()?,
            })
        };
        parse().ok_or_else(|| BadPortName(text.to_owned()))
    }
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.port, self.transport.name())
    }
}

impl Serialize for PortName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PortName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_name_survives_the_round_trip() {
        for text in ["23/tcp", "5060/udp", "0/icmp", "65535/tcp"] {
            assert_eq!(text.parse::<PortName>().unwrap().to_string(), text);
        }
        for text in ["23", "tcp/23", "65536/tcp", "-1/udp", "23/TCP", "", "23/tcp "] {
            assert!(text.parse::<PortName>().is_err(), "{text}");
        }
    }
}
