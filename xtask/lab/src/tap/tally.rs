//! A capture counted by another reader than the sensor's: etherparse reads the headers.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use etherparse::{NetSlice, SlicedPacket, TcpSlice, TransportSlice};
use pcap_parser::{LegacyPcapReader, Linktype, PcapBlockOwned, PcapError, traits::PcapReaderIterator as _};
use sensor_common::counters::PortCounters;

use crate::watched::Prefixes;

/// Why a capture cannot be counted.
#[derive(Debug, thiserror::Error)]
pub enum TallyError {
    /// It cannot be opened.
    #[error("the capture {path} cannot be opened: {source}")]
    Unopened {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no pcap file, or damaged.
    #[error(
        "the capture {path} cannot be read ({reason}): it has to be a whole pcap file, as `tcpdump -w` writes"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// It does not hold Ethernet frames.
    #[error(
        "the capture {path} has link type {link}, and only Ethernet (1) is counted: capture on one interface"
    )]
    NotEthernet {
        /// The file.
        path: PathBuf,
        /// Its link type, by tcpdump.org's list.
        link: i32,
    },
}

/// Packets to watched addresses, by what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames of every kind.
    pub frames: u64,
    /// TCP and UDP by destination port.
    pub ports: BTreeMap<u16, PortCounters>,
    /// ICMP by type and code.
    pub icmp: BTreeMap<(u8, u8), u64>,
    /// `ICMPv6` by type and code.
    pub icmpv6: BTreeMap<(u8, u8), u64>,
    /// Other transports by IP protocol number.
    pub others: BTreeMap<u8, u64>,
    /// Fragments by IP protocol number, first ones too: their ports are not read.
    pub fragments: BTreeMap<u8, u64>,
    /// IP to addresses that are not watched.
    pub not_watched: u64,
    /// Not IP.
    pub not_ip: u64,
    /// Frames that etherparse finds wrong.
    pub unreadable: u64,
    /// SYNs with the mark of a tool, by its name.
    pub tools: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Counts a pcap file.
    ///
    /// # Errors
    /// When the file cannot be read to its end, or holds no Ethernet frames.
    pub fn of_capture(path: &Path, watched: &Prefixes) -> Result<Self, TallyError> {
        let file = File::open(path).map_err(|source| TallyError::Unopened {
            path: path.to_owned(),
            source,
        })?;
        let unreadable = |reason: String| TallyError::Unreadable {
            path: path.to_owned(),
            reason,
        };
        let mut reader =
            LegacyPcapReader::new(1 << 20, file).map_err(|error| unreadable(error.to_string()))?;
        let mut tally = Self::default();
        loop {
            match reader.next() {
                Ok((bytes, block)) => {
                    match block {
                        PcapBlockOwned::Legacy(packet) => tally.add(packet.data, watched),
                        PcapBlockOwned::LegacyHeader(header) if header.network != Linktype::ETHERNET => {
                            return Err(TallyError::NotEthernet {
                                path: path.to_owned(),
                                link: header.network.0,
                            });
                        }
                        PcapBlockOwned::LegacyHeader(_) | PcapBlockOwned::NG(_) => {}
                    }
                    reader.consume(bytes);
                }
                Err(PcapError::Eof) => return Ok(tally),
                Err(PcapError::Incomplete(_)) => {
                    reader.refill().map_err(|error| unreadable(error.to_string()))?;
                }
                Err(error) => return Err(unreadable(error.to_string())),
            }
        }
    }

    /// Counts one frame.
    pub fn add(&mut self, frame: &[u8], watched: &Prefixes) {
        self.frames += 1;
        let Ok(packet) = SlicedPacket::from_ethernet(frame) else {
            self.unreadable += 1;
            return;
        };
        let (destination, protocol, fragment) = match &packet.net {
            Some(NetSlice::Ipv4(ip)) => (
                IpAddr::V4(ip.header().destination_addr()),
                ip.payload().ip_number.0,
                ip.payload().fragmented,
            ),
            Some(NetSlice::Ipv6(ip)) => (
                IpAddr::V6(ip.header().destination_addr()),
                ip.payload().ip_number.0,
                ip.payload().fragmented,
            ),
            Some(NetSlice::Arp(_)) | None => {
                self.not_ip += 1;
                return;
            }
        };
        if !watched.contains(destination) {
            self.not_watched += 1;
        } else if fragment {
            *self.fragments.entry(protocol).or_default() += 1;
        } else {
            self.add_transport(packet.transport.as_ref(), destination, protocol);
            if let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(tcp))) =
                (&packet.net, &packet.transport)
            {
                for tool in marks::of(&ip.header(), tcp) {
                    *self.tools.entry(tool).or_default() += 1;
                }
            }
        }
    }

    fn add_transport(&mut self, transport: Option<&TransportSlice<'_>>, destination: IpAddr, protocol: u8) {
        match transport {
            Some(TransportSlice::Tcp(tcp)) => {
                let port = self.ports.entry(tcp.destination_port()).or_default();
                port.tcp += 1;
                port.syn += u64::from(is_syn(tcp));
                port.mirai += u64::from(is_mirai(tcp, destination));
            }
            Some(TransportSlice::Udp(udp)) => {
                self.ports.entry(udp.destination_port()).or_default().udp += 1;
            }
            Some(TransportSlice::Icmpv4(icmp)) => {
                *self.icmp.entry((icmp.type_u8(), icmp.code_u8())).or_default() += 1;
            }
            Some(TransportSlice::Icmpv6(icmp)) => {
                *self.icmpv6.entry((icmp.type_u8(), icmp.code_u8())).or_default() += 1;
            }
            Some(TransportSlice::Igmp(_)) | None => *self.others.entry(protocol).or_default() += 1,
        }
    }
}

/// A SYN without ACK, RST and FIN.
fn is_syn(tcp: &TcpSlice<'_>) -> bool {
    tcp.syn() && !tcp.ack() && !tcp.rst() && !tcp.fin()
}

/// A SYN alone to the address that its sequence number spells.
fn is_mirai(tcp: &TcpSlice<'_>, destination: IpAddr) -> bool {
    let spelt = IpAddr::V4(Ipv4Addr::from_bits(tcp.sequence_number()));
    is_syn(tcp) && !tcp.psh() && !tcp.urg() && spelt == destination
}

mod marks;
#[cfg(test)]
mod tests;
