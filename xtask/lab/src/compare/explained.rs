//! Files that the sensor and tshark read differently, and why: `docs/replay-and-tshark.md` in a form that is checked.

use serde::Serialize;

/// Why the two count differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The transport header is cut. tshark names ports as soon as it sees them; the sensor wants the whole header.
    CutHeader,
    /// The IPv4 total length is 0: the packet was recorded on its sender, before the network card cut it to size.
    /// tshark reads on to the end of the frame; on the wire there is no such packet.
    SegmentationOffload,
    /// The IPv4 total length goes beyond the frame. tshark holds the transport's lengths against what was recorded, the
    /// sensor against what the IP header claims: it cannot tell such a packet from one that its recorder cut.
    LengthBeyondFrame,
}

/// The files, by name.
const FILES: [(&str, Rule); 8] = [
    ("ndpi/tests/pcap/anydesk-2.pcap", Rule::SegmentationOffload),
    ("ndpi/tests/pcap/fuzz-2006-06-26-2594.pcap", Rule::CutHeader),
    ("ndpi/tests/pcap/fuzz-2006-09-29-28586.pcap", Rule::CutHeader),
    ("ndpi/tests/pcap/ip_fragmented_garbage.pcap", Rule::CutHeader),
    ("ndpi/tests/pcap/reasm_crash_anon.pcapng", Rule::LengthBeyondFrame),
    ("tcpdump/tests/cve-2014-8769-AODV.pcap", Rule::LengthBeyondFrame),
    ("tcpdump/tests/tcp_header_heapoverflow.pcap", Rule::CutHeader),
    ("tcpdump/tests/udp-length-heapoverflow.pcap", Rule::CutHeader),
];

/// Why the file is known to be read differently.
#[must_use]
pub fn rule_of(name: &str) -> Option<Rule> {
    FILES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, rule)| *rule)
}

/// Every file that is known, in the order of the list.
pub fn files() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_is_read_differently_is_named_in_the_documentation() {
        let page = include_str!("../../../../docs/replay-and-tshark.md");
        for name in files() {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}
