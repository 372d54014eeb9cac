//! What packets are counted by: ports and regions.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

/// A transport, by the name that the tables have for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Transport(pub String);

/// A service port: the destination port of a scan; of ICMP, the type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// What it is a number of.
    pub transport: Transport,
}

impl Port {
    /// A port of a transport by its name, `tcp`, `udp`, `icmp`.
    #[must_use]
    pub fn new(number: u16, transport: &str) -> Self {
        Self {
            number,
            transport: Transport(transport.to_owned()),
        }
    }
}

/// As the reports of the field print it: `23/TCP`.
impl fmt::Display for Port {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.transport.0.to_uppercase())
    }
}

impl Serialize for Port {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no port: write a number and a transport, such as 5060/udp");
        let (number, transport) = text.split_once('/').ok_or_else(wrong)?;
        let transport = transport.to_lowercase();
        if !["tcp", "udp", "icmp"].contains(&transport.as_str()) {
            return Err(wrong());
        }
        Ok(Self {
            number: number.parse().map_err(|_| wrong())?,
            transport: Transport(transport),
        })
    }
}

/// Where a source's address is registered: ISO 3166-1 alpha-2, `ZZ` unknown, `XB` bogon.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Region(pub String);

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            Ok(Self(text.to_ascii_uppercase()))
        } else {
            Err(format!(
                "{text:?} is no region: write its two letters of ISO 3166-1, such as JP"
            ))
        }
    }
}

/// What an explanation or a line of a figure is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// A port.
    Port(Port),
    /// A region of sources.
    SourceRegion(Region),
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => port.fmt(formatter),
            Self::SourceRegion(region) => region.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_regions_are_read_as_people_write_them_and_nothing_else_is() {
        assert_eq!("5060/UDP".parse(), Ok(Port::new(5060, "udp")));
        assert_eq!(Port::new(23, "tcp").to_string(), "23/TCP");
        for wrong in ["23", "tcp/23", "65536/tcp", "23/sctp", "", "/", "-1/tcp"] {
            assert!(wrong.parse::<Port>().is_err(), "{wrong:?}");
        }
        assert_eq!("jp".parse(), Ok(Region("JP".to_owned())));
        for wrong in ["", "J", "JPN", "日本", "J1"] {
            assert!(wrong.parse::<Region>().is_err(), "{wrong:?}");
        }
    }
}
