//! Ports and regions as small numbers, so that millions of cells fit into memory.

use crate::model::{Port, Region};

/// A port with its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PortId(u32);

const TCP: u32 = 1 << 16;
const UDP: u32 = 2 << 16;
const ICMP: u32 = 3 << 16;

impl PortId {
    /// What has no port: the rest of a table, other transports, later fragments.
    pub(crate) const REST: Self = Self(0);

    /// Of a row whose class is `scan`.
    pub(crate) fn of_scan(transport: &str, port: Option<i32>) -> Self {
        let number = |base: u32| {
            port.and_then(|port| u16::try_from(port).ok())
                .map_or(Self::REST, |port| Self(base | u32::from(port)))
        };
        match transport {
            "tcp" => number(TCP),
            "udp" => number(UDP),
            // Of ICMP, scans are echo requests of either version: reports have one row for these.
            "icmp" | "icmpv6" if port.is_some() => Self(ICMP),
            _ => Self::REST,
        }
    }

    pub(crate) fn of(port: &Port) -> Self {
        let base = match port.transport.0.as_str() {
            "udp" => UDP,
            "icmp" => ICMP,
            _ => TCP,
        };
        Self(base | u32::from(port.number))
    }

    pub(crate) const fn is_tcp(self) -> bool {
        self.0 >> 16 == 1
    }

    /// As the model has it; `None` for what has no port.
    pub(crate) fn port(self) -> Option<Port> {
        let transport = match self.0 & 0xffff_0000 {
            TCP => "tcp",
            UDP => "udp",
            ICMP => "icmp",
            _ => return None,
        };
        let number = u16::try_from(self.0 & 0xffff).ok()?;
        Some(Port::new(number, transport))
    }
}

/// A region's two letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RegionId([u8; 2]);

impl RegionId {
    /// The rest of a table, whose regions are not told.
    pub(crate) const REST: Self = Self([0; 2]);

    pub(crate) fn of_row(text: Option<&str>) -> Self {
        text.and_then(|text| text.as_bytes().try_into().ok())
            .map_or(Self::REST, Self)
    }

    pub(crate) fn of(region: &Region) -> Self {
        Self::of_row(Some(&region.0))
    }

    /// As the model has it; `None` for the rest.
    pub(crate) fn region(self) -> Option<Region> {
        (self != Self::REST).then(|| Region(String::from_utf8_lossy(&self.0).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echo_requests_of_both_versions_are_one_row_and_what_has_no_port_is_in_none() {
        assert_eq!(
            PortId::of_scan("icmp", Some(2_048)),
            PortId::of_scan("icmpv6", Some(32_768))
        );
        assert_eq!(
            PortId::of_scan("icmp", Some(2_048)).port(),
            Some(Port::new(0, "icmp"))
        );
        assert_ne!(PortId::of_scan("tcp", Some(0)), PortId::REST);
        assert_ne!(PortId::of_scan("tcp", Some(53)), PortId::of_scan("udp", Some(53)));
        for (transport, port) in [
            ("tcp", None),
            ("other", None),
            ("fragment", None),
            ("tcp", Some(70_000)),
            ("udp", Some(-1)),
        ] {
            assert_eq!(
                PortId::of_scan(transport, port).port(),
                None,
                "{transport} {port:?}"
            );
        }
        let port = Port::new(5_060, "udp");
        assert_eq!(PortId::of(&port).port(), Some(port));
    }
}
