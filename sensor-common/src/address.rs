//! An IP address as two machine words: what the kernel compares, hashes and stores.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The prefix `::ffff:0:0/96` of IPv4-mapped addresses (RFC 4291, section 2.5.5.2).
const MAPPED_PREFIX: u64 = 0x0000_ffff_0000_0000;

/// Which Internet protocol carried a packet.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4 (RFC 791).
    Ipv4 = 4,
    /// IPv6 (RFC 8200).
    Ipv6 = 6,
}

impl Family {
    /// The family with this number on the wire (the version field), if it is one.
    #[must_use]
    pub const fn from_wire(version: u8) -> Option<Self> {
        match version {
            4 => Some(Self::Ipv4),
            6 => Some(Self::Ipv6),
            _ => None,
        }
    }
}

/// An IPv4 or IPv6 address. IPv4 is held in its IPv4-mapped form, so one layout serves both; the family is
/// kept beside it wherever it matters, because a hostile IPv6 packet may carry a mapped address too.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The first eight octets, as a number in network order.
    pub high: u64,
    /// The last eight octets, as a number in network order.
    pub low: u64,
}

impl Address {
    /// An IPv4 address from its number in network order (`192.0.2.1` is `0xc000_0201`).
    #[inline(always)]
    #[must_use]
    pub const fn v4(number: u32) -> Self {
        Self {
            high: 0,
            low: MAPPED_PREFIX | number as u64,
        }
    }

    /// An IPv6 address from its octets as on the wire.
    #[inline(always)]
    #[must_use]
    pub const fn v6(octets: [u8; 16]) -> Self {
        let bits = u128::from_be_bytes(octets);
        Self {
            high: (bits >> 64) as u64,
            low: bits as u64,
        }
    }

    /// The last 32 bits: the whole address of an IPv4 host.
    #[inline(always)]
    #[must_use]
    pub const fn low32(self) -> u32 {
        self.low as u32
    }

    /// The address as the standard library has it.
    #[must_use]
    pub fn to_ip(self, family: Family) -> IpAddr {
        match family {
            Family::Ipv4 => IpAddr::V4(Ipv4Addr::from_bits(self.low32())),
            Family::Ipv6 => IpAddr::V6(Ipv6Addr::from_bits(
                u128::from(self.high) << 64 | u128::from(self.low),
            )),
        }
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::v4(v4.to_bits()),
            IpAddr::V6(v6) => Self::v6(v6.octets()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_the_round_trip() {
        for text in [
            "192.0.2.1",
            "255.255.255.255",
            "2001:db8::1",
            "::ffff:192.0.2.1",
            "::",
        ] {
            let address: IpAddr = text.parse().unwrap();
            let family = if address.is_ipv4() {
                Family::Ipv4
            } else {
                Family::Ipv6
            };
            assert_eq!(Address::from(address).to_ip(family), address);
        }
    }

    #[test]
    fn an_ipv4_address_is_stored_in_its_mapped_form() {
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        let plain: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(Address::from(plain), Address::from(mapped));
        assert_eq!(Address::from(plain).low32(), 0xc000_0201);
    }
}
