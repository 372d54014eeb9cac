//! What a packet is in the language of telescopes: a scan, backscatter, or something else.

/// The class of an observed packet.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Somebody looks for a service: TCP SYN without ACK, RST and FIN; UDP that is no reply; an echo request.
    Scan = 1,
    /// An answer to a packet that somebody else sent with our address as its source.
    Backscatter = 2,
    /// Neither of the two.
    Other = 3,
}

impl Class {
    /// Every class, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Scan, Self::Backscatter, Self::Other];

    /// The name in metrics, snapshots and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Backscatter => "backscatter",
            Self::Other => "other",
        }
    }

    /// The class with this number in a record, if there is one.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Scan),
            2 => Some(Self::Backscatter),
            3 => Some(Self::Other),
            _ => None,
        }
    }

    /// The class of a TCP segment by its flags (RFC 9293, section 3.1). ECE, CWR, PSH and URG say nothing here.
    #[inline(always)]
    #[must_use]
    pub const fn of_tcp(flags: u8) -> Self {
        use super::classify::tcp::{ACK, FIN, RST, SYN};
        if flags & RST != 0 || flags & (SYN | ACK) == SYN | ACK {
            Self::Backscatter
        } else if flags & (SYN | FIN) == SYN {
            Self::Scan
        } else {
            Self::Other
        }
    }

    /// The class of a UDP datagram: a reply comes from one of [`UDP_REPLY_PORTS`] to a port that clients use.
    #[inline(always)]
    #[must_use]
    pub const fn of_udp(source_port: u16, destination_port: u16) -> Self {
        if destination_port >= FIRST_CLIENT_PORT && is_udp_reply_port(source_port) {
            Self::Backscatter
        } else {
            Self::Scan
        }
    }

    /// The class of an ICMP message by its type (RFC 792; 4, 11, 12 and the replies as telescopes count them).
    #[inline(always)]
    #[must_use]
    pub const fn of_icmp(kind: u8) -> Self {
        match kind {
            8 => Self::Scan,
            0 | 3 | 4 | 5 | 11 | 12 | 14 | 16 | 18 => Self::Backscatter,
            _ => Self::Other,
        }
    }

    /// The class of an ICMPv6 message by its type (RFC 4443): errors and echo replies are backscatter.
    #[inline(always)]
    #[must_use]
    pub const fn of_icmpv6(kind: u8) -> Self {
        match kind {
            128 => Self::Scan,
            1..=4 | 129 => Self::Backscatter,
            _ => Self::Other,
        }
    }
}

/// The first port that a client would use as its own; below it a datagram is taken for a request.
pub const FIRST_CLIENT_PORT: u16 = 1024;

/// UDP services whose answers reach telescopes, because they are asked with forged sources or abused as
/// amplifiers (US-CERT alert TA14-017A lists most of them).
pub const UDP_REPLY_PORTS: [u16; 20] = [
    17,    // qotd
    19,    // chargen
    53,    // domain
    69,    // tftp
    111,   // sunrpc
    123,   // ntp
    137,   // netbios-ns
    161,   // snmp
    389,   // ldap (CLDAP)
    427,   // slp
    520,   // rip
    1434,  // ms-sql-m
    1900,  // ssdp
    3283,  // net-assistant (Apple Remote Desktop)
    3702,  // ws-discovery
    5353,  // mdns
    5683,  // coap
    10001, // ubiquiti discovery
    11211, // memcached
    27015, // steam game servers
];

#[inline(always)]
const fn is_udp_reply_port(port: u16) -> bool {
    // A `match` becomes a few compares; a loop over the table would be verified step by step for each packet.
    matches!(
        port,
        17 | 19
            | 53
            | 69
            | 111
            | 123
            | 137
            | 161
            | 389
            | 427
            | 520
            | 1434
            | 1900
            | 3283
            | 3702
            | 5353
            | 5683
            | 10001
            | 11211
            | 27015
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_match_and_the_table_name_the_same_reply_ports() {
        for port in 0..=u16::MAX {
            assert_eq!(is_udp_reply_port(port), UDP_REPLY_PORTS.contains(&port), "{port}");
        }
    }

    #[test]
    fn tcp_flags_decide_the_class() {
        let cases = [
            (0x02, Class::Scan, "SYN"),
            (0xc2, Class::Scan, "SYN, ECE, CWR"),
            (0x0a, Class::Scan, "SYN, PSH"),
            (0x22, Class::Scan, "SYN, URG"),
            (0x12, Class::Backscatter, "SYN, ACK"),
            (0x04, Class::Backscatter, "RST"),
            (0x14, Class::Backscatter, "RST, ACK"),
            (0x06, Class::Backscatter, "SYN, RST"),
            (0x03, Class::Other, "SYN, FIN"),
            (0x10, Class::Other, "ACK"),
            (0x01, Class::Other, "FIN"),
            (0x29, Class::Other, "FIN, PSH, URG"),
            (0x00, Class::Other, "none"),
        ];
        for (flags, class, name) in cases {
            assert_eq!(Class::of_tcp(flags), class, "{name}");
        }
    }

    #[test]
    fn only_a_service_answering_a_client_port_is_a_udp_reply() {
        assert_eq!(Class::of_udp(53, 1024), Class::Backscatter);
        assert_eq!(Class::of_udp(53, 1023), Class::Scan);
        assert_eq!(Class::of_udp(53, 53), Class::Scan);
        assert_eq!(Class::of_udp(54, 40000), Class::Scan);
        assert_eq!(Class::of_udp(5060, 5060), Class::Scan);
    }

    #[test]
    fn a_class_survives_its_number() {
        for class in Class::ALL {
            assert_eq!(Class::from_number(class as u8), Some(class));
        }
        assert_eq!(Class::from_number(0), None);
        assert_eq!(Class::from_number(4), None);
    }
}
