//! What tshark makes of a file, reduced to what a sensor counts: the packet's own transport header.

use std::{path::Path, process::Command};

use super::{Reading, run};

/// One packet is one packet: nothing is put together from several.
const NOTHING_REASSEMBLED: [&str; 4] = [
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "tcp.desegment_tcp_streams:FALSE",
    "tcp.reassemble_out_of_order:FALSE",
];

/// What tshark itself marks a packet with whose transport header cannot be: a UDP length below eight or beyond the
/// packet, a TCP data offset below five or beyond the segment. It names the ports all the same; a sensor does not.
const LIES: [&str; 3] = ["udp.length.bad", "tcp.bogus_header_length", "tcp.short_segment"];

/// What may stand before the IP header of a packet that the sensor reads, by tshark's names.
const LINK_LAYERS: [&str; 9] = [
    "eth",
    "ethertype",
    "vlan",
    "ieee8021ad",
    "raw",
    "null",
    "ppp",
    "chdlc",
    "sll",
];

/// The extension headers of IPv6 that the sensor walks through, by tshark's names.
const EXTENSIONS: [&str; 8] = [
    "ipv6.hopopts",
    "ipv6.routing",
    "ipv6.fraghdr",
    "ipv6.dstopts",
    "ah",
    "mipv6",
    "hip",
    "shim6",
];

pub(super) fn read(file: &Path) -> Result<Reading, String> {
    let mut command = Command::new("tshark");
    command.args([
        "-n",
        "-Q",
        "-T",
        "fields",
        "-E",
        "separator=/t",
        "-E",
        "occurrence=f",
    ]);
    for preference in NOTHING_REASSEMBLED {
        command.args(["-o", preference]);
    }
    for field in ["frame.protocols", "tcp.dstport", "udp.dstport"]
        .iter()
        .chain(&LIES)
    {
        command.args(["-e", field]);
    }
    // A damaged file makes it fail at its end; what came before is printed.
    let output = run(command.arg("-r").arg(file))?;
    let mut reading = Reading::default();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        reading.packets += 1;
        match own_port(line) {
            Some(_) if is_lying(line) => reading.lying += 1,
            Some(port) => *reading.counts.entry(port).or_default() += 1,
            None => {}
        }
    }
    Ok(reading)
}

/// The port of the packet's own transport: the one right behind the first IP header. What a tunnel carries, or an ICMP
/// error quotes, is another packet's.
fn own_port(line: &str) -> Option<(String, u16)> {
    let mut fields = line.split('\t');
    let (protocols, tcp, udp) = (fields.next()?, fields.next()?, fields.next()?);
    let mut layers = protocols.split(':');
    let version = layers.by_ref().find(|layer| !LINK_LAYERS.contains(layer))?;
    let transport = match version {
        "ip" => layers.next()?,
        "ipv6" => layers.find(|layer| !EXTENSIONS.contains(layer))?,
        _ => return None,
    };
    let port = match transport {
        "tcp" => tcp,
        "udp" => udp,
        _ => return None,
    };
    Some((transport.to_owned(), port.parse().ok()?))
}

/// Whether one of the [`LIES`] is marked.
fn is_lying(line: &str) -> bool {
    line.split('\t').skip(3).any(|mark| !mark.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_of_tshark_itself_makes_a_packet_a_lying_one() {
        assert!(!is_lying("eth:ethertype:ip:tcp\t80\t\t\t\t"));
        assert!(is_lying("eth:ethertype:ip:udp\t\t53\t1\t\t"));
        assert!(is_lying("eth:ethertype:ip:tcp\t80\t\t\t\t1"));
    }

    #[test]
    fn only_the_port_behind_the_first_ip_header_is_the_packets_own() {
        for (line, expected) in [
            ("eth:ethertype:ip:tcp:http\t80\t", Some(("tcp", 80))),
            ("eth:ethertype:ip:udp:dns\t\t53", Some(("udp", 53))),
            ("raw:ip:udp\t\t53", Some(("udp", 53))),
            (
                "eth:ethertype:vlan:ethertype:vlan:ethertype:ip:tcp\t22\t",
                Some(("tcp", 22)),
            ),
            (
                "eth:ethertype:ipv6:ipv6.hopopts:ipv6.dstopts:tcp\t443\t",
                Some(("tcp", 443)),
            ),
            // A tunnel, an error message with a quotation, and what the sensor does not step over.
            ("eth:ethertype:ip:ip:tcp\t80\t", None),
            ("eth:ethertype:ip:gre:ip:udp\t\t53", None),
            ("eth:ethertype:ip:icmp:ip:tcp\t80\t", None),
            ("eth:ethertype:ipv6:ip:tcp\t80\t", None),
            ("eth:ethertype:mpls:ip:tcp\t80\t", None),
            ("eth:ethertype:ip:ah:tcp\t80\t", None),
            // VXLAN: the outer port is the packet's own.
            (
                "eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:tcp\t80\t4789",
                Some(("udp", 4789)),
            ),
            ("eth:ethertype:arp\t\t", None),
            ("eth:ethertype:ip:tcp\t\t", None),
            ("eth:ethertype:ip\t\t", None),
            ("", None),
        ] {
            let expected = expected.map(|(transport, port): (&str, u16)| (transport.to_owned(), port));
            assert_eq!(own_port(line), expected, "{line}");
        }
    }
}
