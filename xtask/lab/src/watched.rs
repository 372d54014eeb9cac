//! The reference watch list: a plain list of prefixes, searched one by one.

use std::net::IpAddr;

use ipnet::IpNet;
use sensor_common::{Address, Family, watch::Watch};

/// What the case table takes as watched: a /24, a single address, a full /16, half a /24, and IPv6.
pub const CASE_PREFIXES: [&str; 5] = [
    "198.51.100.0/24",
    "203.0.113.7/32",
    "10.99.0.0/16",
    "192.0.2.128/25",
    "2001:db8:feed::/48",
];

/// Prefixes and nothing else: slow and evidently right, to hold the fast forms of the watch list against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefixes(Vec<IpNet>);

impl Prefixes {
    /// Reads prefixes as an operator writes them.
    ///
    /// # Errors
    /// The first text that is no prefix.
    pub fn parse(texts: &[&str]) -> Result<Self, ipnet::AddrParseError> {
        texts
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The prefixes, in the order in which they were given.
    #[must_use]
    pub fn as_slice(&self) -> &[IpNet] {
        &self.0
    }

    /// Whether one of the prefixes holds the address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|prefix| prefix.contains(&address))
    }
}

impl From<Vec<IpNet>> for Prefixes {
    fn from(prefixes: Vec<IpNet>) -> Self {
        Self(prefixes)
    }
}

impl Watch for Prefixes {
    fn contains_v4(&self, address: u32) -> bool {
        self.contains(Address::v4(address).to_ip(Family::Ipv4))
    }

    fn contains_v6(&self, address: Address) -> bool {
        self.contains(address.to_ip(Family::Ipv6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_its_length_says() {
        let watched = Prefixes::parse(&CASE_PREFIXES).unwrap();
        for (text, expected) in [
            ("198.51.99.255", false),
            ("198.51.100.0", true),
            ("198.51.100.255", true),
            ("198.51.101.0", false),
            ("192.0.2.127", false),
            ("192.0.2.128", true),
            ("2001:db8:feed::", true),
            ("2001:db8:fefe::", false),
            // An IPv6 address is no IPv4 address, whatever it maps.
            ("::ffff:198.51.100.1", false),
        ] {
            assert_eq!(watched.contains(text.parse().unwrap()), expected, "{text}");
        }
    }
}
