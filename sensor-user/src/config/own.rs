//! Dropping must never cut the host off: its own addresses and its gateways are not for the watch list.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;

use super::ConfigError;

/// Refuses prefixes that hold an address of this host or of one of its gateways.
///
/// # Errors
/// One does, or the host's addresses cannot be told.
pub fn refuse_own_addresses(watch: &[IpNet]) -> Result<(), ConfigError> {
    let mut addresses = own_addresses().map_err(ConfigError::OwnAddressesUnknown)?;
    addresses.extend(gateways());
    for (address, what) in addresses {
        if let Some(prefix) = watch.iter().find(|prefix| prefix.contains(&address)) {
            return Err(ConfigError::OwnAddress {
                prefix: *prefix,
                address,
                what,
            });
        }
    }
    Ok(())
}

/// The host's addresses as prefixes to be watched: those that others can reach it by.
///
/// # Errors
/// There is none, or they cannot be told.
pub fn host_prefixes() -> Result<Vec<IpNet>, ConfigError> {
    let addresses = own_addresses().map_err(ConfigError::HostUnknown)?;
    let prefixes: Vec<IpNet> = addresses
        .into_iter()
        .map(|(address, _)| address)
        .filter(is_reachable)
        .map(IpNet::from)
        .collect();
    if prefixes.is_empty() {
        return Err(ConfigError::NoOwnAddress);
    }
    Ok(prefixes)
}

fn is_reachable(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    }
}

fn own_addresses() -> io::Result<Vec<(IpAddr, String)>> {
    let mut addresses = Vec::new();
    for interface in nix::ifaddrs::getifaddrs()? {
        let Some(address) = interface.address else {
            continue;
        };
        let address = if let Some(v4) = address.as_sockaddr_in() {
            IpAddr::V4(v4.ip())
        } else if let Some(v6) = address.as_sockaddr_in6() {
            IpAddr::V6(v6.ip())
        } else {
            continue;
        };
        addresses.push((
            address,
            format!("this host's own address on {}", interface.interface_name),
        ));
    }
    Ok(addresses)
}

/// The gateways of the routing tables. A host without them has none to protect.
fn gateways() -> Vec<(IpAddr, String)> {
    let v4 = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let v6 = fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
    v4.lines()
        .skip(1)
        .filter_map(gateway_v4)
        .chain(v6.lines().filter_map(gateway_v6))
        .map(|address| (address, "a gateway of this host".to_owned()))
        .collect()
}

/// The third column, hexadecimal in the machine's byte order.
fn gateway_v4(line: &str) -> Option<IpAddr> {
    let number = u32::from_str_radix(line.split_whitespace().nth(2)?, 16).ok()?;
    (number != 0).then(|| IpAddr::V4(Ipv4Addr::from(number.to_ne_bytes())))
}

/// The fifth column, hexadecimal in network order.
fn gateway_v6(line: &str) -> Option<IpAddr> {
    let number = u128::from_str_radix(line.split_whitespace().nth(4)?, 16).ok()?;
    (number != 0).then(|| IpAddr::V6(Ipv6Addr::from_bits(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_are_read_from_the_routing_tables() {
        let route = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0";
        let expected = Ipv4Addr::from(0x0102_00c0_u32.to_ne_bytes());
        assert_eq!(gateway_v4(route), Some(IpAddr::V4(expected)));
        assert_eq!(gateway_v4("eth0\t00000000\t00000000\t0001"), None);
        assert_eq!(gateway_v4("eth0"), None);
        let v6 = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                  fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0";
        assert_eq!(gateway_v6(v6), Some("fe80::1".parse().unwrap()));
    }

    #[test]
    fn addresses_that_nobody_reaches_are_not_watched() {
        for (address, expected) in [
            ("127.0.0.1", false),
            ("169.254.1.1", false),
            ("::1", false),
            ("fe80::1", false),
            ("192.0.2.1", true),
            ("10.0.0.1", true),
            ("2001:db8::1", true),
        ] {
            assert_eq!(is_reachable(&address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn the_loopback_address_is_never_for_dropping() {
        let error = refuse_own_addresses(&["127.0.0.0/8".parse().unwrap()]).unwrap_err();
        assert!(matches!(error, ConfigError::OwnAddress { .. }), "{error}");
        let error = refuse_own_addresses(&["0.0.0.0/0".parse().unwrap()]).unwrap_err();
        assert!(matches!(error, ConfigError::OwnAddress { .. }), "{error}");
    }
}
