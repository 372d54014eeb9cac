//! Where each packet ends: every one that the program sees is counted under exactly one [`Outcome`].

macro_rules! outcomes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal $name:literal,)+) => {
        /// The one end of a packet. The numbers index the map `OUTCOMES`; the names stand in metrics and snapshots.
        #[repr(u32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Outcome {
            $($(#[doc = $doc])+ $variant = $number,)+
        }

        impl Outcome {
            /// Every outcome, in the order of their numbers.
            pub const ALL: [Self; [$($number),+].len()] = [$(Self::$variant),+];

            /// The name in metrics, snapshots and records.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

outcomes! {
    /// A TCP segment to a watched address; counted by port.
    ObservedTcp = 0 "observed_tcp",
    /// A UDP datagram to a watched address; counted by port.
    ObservedUdp = 1 "observed_udp",
    /// An ICMP message to a watched address.
    ObservedIcmp = 2 "observed_icmp",
    /// An ICMPv6 message to a watched address.
    ObservedIcmpv6 = 3 "observed_icmpv6",
    /// Another transport to a watched address; counted by IP protocol number.
    ObservedOther = 4 "observed_other",
    /// A later fragment to a watched address: it carries no port.
    ObservedFragment = 5 "observed_fragment",
    /// IP to an address that is not watched.
    NotWatched = 6 "not_watched",
    /// Not IP: ARP, LLDP, MPLS and whatever else an Ethernet carries.
    NotIp = 7 "not_ip",
    /// Shorter than an Ethernet header (IEEE 802.3).
    TruncatedEthernet = 8 "truncated_ethernet",
    /// Ends within a VLAN tag (IEEE 802.1Q).
    TruncatedVlan = 9 "truncated_vlan",
    /// More VLAN tags than are followed.
    TooManyVlanTags = 10 "too_many_vlan_tags",
    /// Ends within the IPv4 header or its options.
    TruncatedIpv4 = 11 "truncated_ipv4",
    /// An IPv4 EtherType, and a version field that is not 4.
    BadIpv4Version = 12 "bad_ipv4_version",
    /// An IPv4 header length below five words.
    BadIpv4HeaderLength = 13 "bad_ipv4_header_length",
    /// An IPv4 total length that does not even hold the header.
    BadIpv4TotalLength = 14 "bad_ipv4_total_length",
    /// Ends within the IPv6 header.
    TruncatedIpv6 = 15 "truncated_ipv6",
    /// An IPv6 EtherType, and a version field that is not 6.
    BadIpv6Version = 16 "bad_ipv6_version",
    /// Ends within an IPv6 extension header.
    TruncatedIpv6Extension = 17 "truncated_ipv6_extension",
    /// A chain of IPv6 extension headers longer than is followed.
    TooManyIpv6Extensions = 18 "too_many_ipv6_extensions",
    /// Ends, by the frame or by the IP length, within the first 20 octets of TCP. Options may be cut by the frame:
    /// everything that is counted lies before them.
    TruncatedTcp = 19 "truncated_tcp",
    /// A TCP data offset below five words or beyond the segment.
    BadTcpDataOffset = 20 "bad_tcp_data_offset",
    /// Ends, by the frame or by the IP length, within the UDP header.
    TruncatedUdp = 21 "truncated_udp",
    /// A UDP length below eight octets or beyond the IP payload.
    BadUdpLength = 22 "bad_udp_length",
    /// Ends, by the frame or by the IP length, within the first four octets of ICMP or ICMPv6.
    TruncatedIcmp = 23 "truncated_icmp",
    /// The program could not reach its own maps. Never seen; counted, so that it cannot hide.
    Internal = 24 "internal",
    /// To an address of a watched host that does other work as well, and part of that work: for one of its sockets, an
    /// error about what it sent, or from the operator's own networks.
    NotDark = 25 "not_dark",
}

impl Outcome {
    /// How many outcomes there are: the entries of the map `OUTCOMES`.
    pub const COUNT: usize = Self::ALL.len();

    /// Whether the packet was read as one to a watched address.
    #[inline(always)]
    #[must_use]
    pub const fn is_observed(self) -> bool {
        // The observed outcomes are the first numbers, so that this stays one compare in the kernel.
        self as u32 <= Self::ObservedFragment as u32
    }

    /// Whether the frame alone decides it. For the others it takes maps that are out of reach, or a host's sockets.
    #[must_use]
    pub const fn is_of_the_frame(self) -> bool {
        !matches!(self, Self::Internal | Self::NotDark)
    }

    /// Whether the packet is counted in the map `PORTS`.
    #[must_use]
    pub const fn has_port(self) -> bool {
        matches!(self, Self::ObservedTcp | Self::ObservedUdp)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_are_the_places_in_the_list() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place);
        }
    }

    #[test]
    fn names_are_distinct_and_say_whether_the_packet_was_observed() {
        let names: BTreeSet<_> = Outcome::ALL.into_iter().map(Outcome::name).collect();
        assert_eq!(names.len(), Outcome::COUNT);
        for outcome in Outcome::ALL {
            assert_eq!(outcome.is_observed(), outcome.name().starts_with("observed_"));
        }
    }
}
