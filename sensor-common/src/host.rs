//! Whose business a packet to a host's own address is: the flow that a socket of that host would have.

use crate::{
    Address, Family, Observation, Packet, Transport,
    classify::ethernet::{HEADER_BYTES, MAX_TAGS, TAG_BYTES},
};

const TCP: u8 = 6;
const UDP: u8 = 17;
/// ICMP header and the field behind it, before the packet that a message quotes (RFC 792, RFC 4443).
const QUOTE_OFFSET: usize = 8;
const IPV6_HEADER_BYTES: usize = 40;
/// Of what is sent on this very link (RFC 4861, section 7.1.1).
const LINK_HOP_LIMIT: u8 = 255;

/// A flow as seen from this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// IPv4 or IPv6.
    pub family: Family,
    /// TCP, and not UDP.
    pub is_tcp: bool,
    /// The other host.
    pub remote: Address,
    /// This host.
    pub local: Address,
    /// The other host's port.
    pub remote_port: u16,
    /// This host's port.
    pub local_port: u16,
}

impl Flow {
    /// The flow that an observed frame belongs to; of an ICMP error the one that it quotes. Nothing for what has no
    /// ports: echo replies, later fragments, other transports.
    #[inline(always)]
    #[must_use]
    pub fn of<P: Packet + ?Sized>(frame: &P, observation: &Observation) -> Option<Self> {
        let is_tcp = match observation.transport {
            Transport::Tcp => true,
            Transport::Udp => false,
            Transport::Icmp | Transport::Icmpv6 if is_error(observation) => {
                return quoted(frame, observation);
            }
            _ => return None,
        };
        Some(Self {
            family: observation.family,
            is_tcp,
            remote: observation.source,
            local: observation.destination,
            remote_port: observation.source_port,
            local_port: observation.destination_port,
        })
    }
}

/// Neighbour discovery (RFC 4861): what a link needs to work, and no router lets in from outside.
#[inline(always)]
#[must_use]
pub const fn is_neighbour_discovery(observation: &Observation) -> bool {
    matches!(observation.transport, Transport::Icmpv6)
        && matches!(observation.icmp >> 8, 133..=137)
        && observation.ttl == LINK_HOP_LIMIT
}

/// Messages that quote the packet which they are about (RFC 792; RFC 4443, section 2.1).
#[inline(always)]
const fn is_error(observation: &Observation) -> bool {
    let kind = observation.icmp >> 8;
    match observation.transport {
        Transport::Icmp => matches!(kind, 3 | 4 | 5 | 11 | 12),
        _ => matches!(kind, 1..=4),
    }
}

/// The flow of the packet that an ICMP error quotes, if this host could have sent it.
#[inline(always)]
fn quoted<P: Packet + ?Sized>(frame: &P, observation: &Observation) -> Option<Flow> {
    let outer = ip_offset(frame)?;
    let (local, remote, protocol, ports) = match observation.family {
        Family::Ipv4 => {
            let [first] = frame.read::<1>(outer)?;
            let inner = outer + words(first) + QUOTE_OFFSET;
            let header = frame.read::<20>(inner)?;
            if header[0] >> 4 != 4 || header[0] & 0x0f < 5 {
                return None;
            }
            let address = |at: usize| {
                Address::v4(u32::from_be_bytes([
                    header[at],
                    header[at + 1],
                    header[at + 2],
                    header[at + 3],
                ]))
            };
            (address(12), address(16), header[9], inner + words(header[0]))
        }
        Family::Ipv6 => {
            let [next] = frame.read::<1>(outer + 6)?;
            // Behind extension headers nobody looks: a host's own stack sends and gets errors without them.
            if next != 58 {
                return None;
            }
            let inner = outer + IPV6_HEADER_BYTES + QUOTE_OFFSET;
            let [protocol] = frame.read::<1>(inner + 6)?;
            let local = Address::v6(frame.read::<16>(inner + 8)?);
            let remote = Address::v6(frame.read::<16>(inner + 24)?);
            (local, remote, protocol, inner + IPV6_HEADER_BYTES)
        }
    };
    let [a, b, c, d] = frame.read::<4>(ports)?;
    let is_tcp = match protocol {
        TCP => true,
        UDP => false,
        _ => return None,
    };
    // What we never sent is no error of ours.
    (local == observation.destination).then_some(Flow {
        family: observation.family,
        is_tcp,
        remote,
        local,
        remote_port: u16::from_be_bytes([c, d]),
        local_port: u16::from_be_bytes([a, b]),
    })
}

/// The length that an IPv4 header's first octet says, in bytes.
#[inline(always)]
const fn words(first: u8) -> usize {
    (first & 0x0f) as usize * 4
}

/// Where the IP header of an Ethernet frame begins, that was read as one before.
#[inline(always)]
fn ip_offset<P: Packet + ?Sized>(frame: &P) -> Option<usize> {
    let mut offset = HEADER_BYTES;
    for _ in 0..MAX_TAGS {
        let kind = frame.read::<2>(offset - 2)?;
        if !matches!(u16::from_be_bytes(kind), 0x8100 | 0x88a8 | 0x9100) {
            break;
        }
        offset += TAG_BYTES;
    }
    Some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{classify::classify_ethernet, watch::Watch};

    struct All;

    impl Watch for All {
        fn contains_v4(&self, _: u32) -> bool {
            true
        }

        fn contains_v6(&self, _: Address) -> bool {
            true
        }
    }

    const REMOTE: [u8; 4] = [203, 0, 113, 9];
    const LOCAL: [u8; 4] = [192, 0, 2, 1];

    fn ipv4(protocol: u8, source: [u8; 4], destination: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let total = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
        let mut header = vec![0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, protocol, 0, 0];
        header.extend(source);
        header.extend(destination);
        header.extend(payload);
        header
    }

    fn ipv6(next: u8, hop_limit: u8, source: [u8; 16], destination: [u8; 16], payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        let mut header = vec![0x60, 0, 0, 0, length[0], length[1], next, hop_limit];
        header.extend(source);
        header.extend(destination);
        header.extend(payload);
        header
    }

    fn frame(tags: &[u8], kind: u16, packet: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend(tags);
        frame.extend(kind.to_be_bytes());
        frame.extend(packet);
        frame
    }

    fn flow(frame: &[u8]) -> Option<Flow> {
        Flow::of(frame, &classify_ethernet(frame, &All).unwrap())
    }

    /// This host's port 40000 and the other's port 443, as they stand in what this host sent.
    const SENT_PORTS: [u8; 8] = [0x9c, 0x40, 0x01, 0xbb, 0, 8, 0, 0];

    fn sent(is_tcp: bool) -> Flow {
        Flow {
            family: Family::Ipv4,
            is_tcp,
            remote: Address::v4(u32::from_be_bytes(REMOTE)),
            local: Address::v4(u32::from_be_bytes(LOCAL)),
            remote_port: 443,
            local_port: 40_000,
        }
    }

    #[test]
    fn a_datagram_is_of_the_flow_that_it_comes_in() {
        let udp = [0x01, 0xbb, 0x9c, 0x40, 0, 8, 0, 0];
        let received = frame(&[], 0x0800, &ipv4(17, REMOTE, LOCAL, &udp));
        assert_eq!(flow(&received), Some(sent(false)));
    }

    #[test]
    fn an_error_is_of_the_flow_that_it_quotes_behind_tags_and_options_as_well() {
        for (protocol, is_tcp) in [(17, false), (6, true)] {
            for kind in [3, 4, 5, 11, 12] {
                let quoted = ipv4(protocol, LOCAL, REMOTE, &SENT_PORTS);
                let message = [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
                let packet = ipv4(1, [198, 51, 100, 7], LOCAL, &message);
                let tags = [[0x88, 0xa8, 0, 1], [0x81, 0, 0, 2]].concat();
                for tags in [&[][..], &tags[..4], &tags] {
                    assert_eq!(flow(&frame(tags, 0x0800, &packet)), Some(sent(is_tcp)), "{kind}");
                }
            }
        }
    }

    #[test]
    fn what_this_host_did_not_send_or_what_is_cut_has_no_flow() {
        let error = |quoted: &[u8]| {
            let message = [&[3, 1, 0, 0, 0, 0, 0, 0][..], quoted].concat();
            frame(&[], 0x0800, &ipv4(1, REMOTE, LOCAL, &message))
        };
        let own = ipv4(17, LOCAL, REMOTE, &SENT_PORTS);
        assert!(flow(&error(&own)).is_some());
        assert_eq!(flow(&error(&ipv4(17, REMOTE, LOCAL, &SENT_PORTS))), None);
        assert_eq!(flow(&error(&ipv4(47, LOCAL, REMOTE, &SENT_PORTS))), None);
        for cut in 0..24 {
            assert_eq!(flow(&error(&own[..cut])), None, "{cut}");
        }
        let mut wrong = own.clone();
        wrong[0] = 0x44;
        assert_eq!(flow(&error(&wrong)), None);
        // Echo request and reply quote nothing.
        for kind in [8, 0] {
            let message = [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &own].concat();
            assert_eq!(flow(&frame(&[], 0x0800, &ipv4(1, REMOTE, LOCAL, &message))), None);
        }
    }

    #[test]
    fn errors_of_ipv6_are_read_and_neighbours_are_known_by_their_hop_limit() {
        let (local, remote) = ([0x20; 16], [0x30; 16]);
        let quoted = ipv6(17, 64, local, remote, &SENT_PORTS);
        let message = [&[1, 4, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
        let found = flow(&frame(&[], 0x86dd, &ipv6(58, 64, remote, local, &message))).unwrap();
        assert_eq!(
            (found.local, found.remote),
            (Address::v6(local), Address::v6(remote))
        );
        assert_eq!((found.local_port, found.remote_port), (40_000, 443));

        for (hop_limit, kind, expected) in [
            (255, 135, true),
            (254, 135, false),
            (255, 128, false),
            (255, 137, true),
        ] {
            let message = [kind, 0, 0, 0, 0, 0, 0, 0];
            let bytes = frame(&[], 0x86dd, &ipv6(58, hop_limit, remote, local, &message));
            let observation = classify_ethernet(&bytes[..], &All).unwrap();
            assert_eq!(
                is_neighbour_discovery(&observation),
                expected,
                "{hop_limit} {kind}"
            );
        }
    }
}
