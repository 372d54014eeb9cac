//! What the scenario is made of: kinds of frames and ports, each with its weight.

use fastrand::Rng;

/// Draws values as often as their weights say.
#[derive(Clone, Debug)]
pub(super) struct Draw<T>(Vec<T>);

impl<T: Copy> Draw<T> {
    /// `weights` are small whole numbers; at least one is not zero.
    pub(super) fn new(weights: impl IntoIterator<Item = (T, usize)>) -> Self {
        Self(
            weights
                .into_iter()
                .flat_map(|(value, weight)| std::iter::repeat_n(value, weight))
                .collect(),
        )
    }

    pub(super) fn next(&self, rng: &mut Rng) -> T {
        self.0[rng.usize(..self.0.len())]
    }

    /// The value for a number that was drawn elsewhere.
    pub(super) fn at(&self, number: u64) -> T {
        let place = number % self.0.len() as u64;
        self.0[usize::try_from(place).unwrap_or(0)]
    }
}

/// A kind of frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A Mirai probe: SYN, sequence number = destination; ports by [`MIRAI_PORTS`].
    Mirai,
    /// A SYN to one of [`SCAN_PORTS`], in the manner of the sender's tool.
    Scan,
    /// A SYN to any of the 65,536 ports.
    ScanAnyPort,
    /// A SIP OPTIONS request to 5060/udp, as `SIPVicious` sends it.
    Sip,
    /// A DNS question to 53/udp.
    Dns,
    /// An NTP client request to 123/udp.
    Ntp,
    /// An SSDP search to 1900/udp.
    Ssdp,
    /// A memcached request to 11211/udp.
    Memcached,
    /// SYN and ACK from a victim's service port.
    SynAck,
    /// RST from a victim's service port.
    Rst,
    /// RST and ACK from a victim's service port.
    RstAck,
    /// ICMP host or port unreachable, quoting what was sent in the telescope's name.
    Unreachable,
    /// A DNS answer from 53/udp.
    DnsAnswer,
    /// ICMP echo request.
    Echo,
    /// A SYN over IPv6 to one of [`IPV6_PORTS`]; not watched when no IPv6 prefix is.
    Ipv6Scan,
    /// `ICMPv6` echo request; not watched when no IPv6 prefix is.
    Ipv6Echo,
    /// A later IPv4 fragment of a UDP datagram.
    Fragment,
    /// GRE to a watched address.
    Gre,
    /// A SYN to an address just beside the watched ones.
    NotWatched,
    /// An ARP request.
    Arp,
    /// An LLDP frame.
    Lldp,
    /// A frame that cannot be read: each way in turn.
    Broken,
}

/// Frames of each kind in a thousand.
pub const MIX: [(Kind, usize); 22] = [
    (Kind::Mirai, 180),
    (Kind::Scan, 300),
    (Kind::ScanAnyPort, 150),
    (Kind::Sip, 30),
    (Kind::Dns, 15),
    (Kind::Ntp, 10),
    (Kind::Ssdp, 10),
    (Kind::Memcached, 5),
    (Kind::SynAck, 60),
    (Kind::Rst, 15),
    (Kind::RstAck, 35),
    (Kind::Unreachable, 20),
    (Kind::DnsAnswer, 20),
    (Kind::Echo, 40),
    (Kind::Ipv6Scan, 20),
    (Kind::Ipv6Echo, 10),
    (Kind::Fragment, 5),
    (Kind::Gre, 5),
    (Kind::NotWatched, 30),
    (Kind::Arp, 15),
    (Kind::Lldp, 5),
    (Kind::Broken, 20),
];

/// Mirai probes to each port in a hundred.
pub const MIRAI_PORTS: [(u16, usize); 8] = [
    (23, 45),
    (60_023, 12),
    (37_215, 10),
    (5_555, 10),
    (8_080, 8),
    (2_323, 5),
    (81, 5),
    (7_547, 5),
];

/// Named scans to each port in a hundred.
pub const SCAN_PORTS: [(u16, usize); 7] = [
    (22, 25),
    (80, 15),
    (443, 15),
    (445, 15),
    (3_389, 12),
    (6_379, 10),
    (8_545, 8),
];

/// IPv6 scans to each port in ten.
pub const IPV6_PORTS: [(u16, usize); 4] = [(22, 3), (80, 3), (443, 3), (8_080, 1)];

/// Attacked services of the victims in ten.
pub const ATTACKED_PORTS: [(u16, usize); 5] = [(443, 4), (80, 3), (22, 1), (3_389, 1), (25_565, 1)];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn weights_add_up_to_what_is_said_of_them() {
        let sum = |weights: &[(u16, usize)]| weights.iter().map(|(_, weight)| weight).sum::<usize>();
        assert_eq!(MIX.iter().map(|(_, weight)| weight).sum::<usize>(), 1_000);
        assert_eq!(sum(&MIRAI_PORTS), 100);
        assert_eq!(sum(&SCAN_PORTS), 100);
        assert_eq!(sum(&IPV6_PORTS), 10);
        assert_eq!(sum(&ATTACKED_PORTS), 10);
    }

    #[test]
    fn values_are_drawn_as_often_as_their_weights_say() {
        let draw = Draw::new([('a', 3), ('b', 0), ('c', 1)]);
        let mut rng = Rng::with_seed(1);
        let mut seen = BTreeMap::new();
        for _ in 0..40_000 {
            *seen.entry(draw.next(&mut rng)).or_insert(0) += 1;
        }
        assert_eq!(seen.get(&'b'), None);
        assert!((29_000..31_000).contains(&seen[&'a']), "{seen:?}");
    }
}
