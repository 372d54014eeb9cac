//! Seeds of captures: both formats in both byte orders, every link type, and packed.

use std::io::{self, Write as _};

use super::Seed;
use crate::cases::Case;

/// Link types that the sensor reads, with what stands before the IP header.
const LINKS: [(u16, &[u8]); 8] = [
    (0, &[2, 0, 0, 0]),
    (9, &[0x00, 0x21]),
    (50, &[0xff, 0x03, 0x00, 0x21]),
    (101, &[]),
    (104, &[0x0f, 0x00, 0x08, 0x00]),
    (108, &[0, 0, 0, 2]),
    (113, &[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x08, 0x00]),
    (
        276,
        &[0x08, 0x00, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0],
    ),
];

/// Frames of each capture: enough for a reader to come from one to the next.
const FRAMES: usize = 3;

/// Numbers in one byte order.
#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, number: u16) -> [u8; 2] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    fn u32(self, number: u32) -> [u8; 4] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }
}

/// What each capture holds.
fn frames(cases: &[Case]) -> Vec<&[u8]> {
    cases
        .iter()
        .filter(|case| case.expected.flow.is_some() && case.frame.len() < 100)
        .map(|case| case.frame.as_slice())
        .take(FRAMES)
        .collect()
}

pub(super) fn seeds(cases: &[Case]) -> io::Result<Vec<Seed>> {
    let frames = frames(cases);
    let mut plain = Vec::new();
    for (order_name, order) in [("little", Order::Little), ("big", Order::Big)] {
        for (unit, magic) in [("micro", 0xa1b2_c3d4), ("nano", 0xa1b2_3c4d)] {
            plain.push((
                format!("pcap-{order_name}-{unit}"),
                pcap(order, magic, 1, &frames),
            ));
        }
        plain.push((format!("pcapng-{order_name}"), pcapng(order, 1, &frames)));
    }
    for (link, header) in LINKS {
        let packets: Vec<_> = frames
            .iter()
            .map(|frame| [header, &frame[14..]].concat())
            .collect();
        let packets: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
        plain.push((
            format!("pcap-link-{link}"),
            pcap(Order::Little, 0xa1b2_c3d4, link, &packets),
        ));
    }
    let mut packed = Vec::new();
    for (name, bytes) in &plain {
        packed.push((format!("{name}-gzip"), gzip(bytes)?));
        packed.push((format!("{name}-zstd"), zstd::encode_all(bytes.as_slice(), 1)?));
    }
    plain.extend(packed);
    Ok(plain)
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn pcap(order: Order, magic: u32, link: u16, packets: &[&[u8]]) -> Vec<u8> {
    let mut bytes = order.u32(magic).to_vec();
    bytes.extend(order.u16(2));
    bytes.extend(order.u16(4));
    for number in [0, 0, 65_535, u32::from(link)] {
        bytes.extend(order.u32(number));
    }
    for packet in packets {
        let length = small(packet.len());
        for number in [1_700_000_000, 1, length, length] {
            bytes.extend(order.u32(number));
        }
        bytes.extend(*packet);
    }
    bytes
}

/// A section with an interface of each kind of time, packets in every kind of block, and a block to be skipped.
fn pcapng(order: Order, link: u16, packets: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let section = [
        &order.u32(0x1a2b_3c4d)[..],
        &order.u16(1),
        &order.u16(0),
        &[0xff; 8],
    ]
    .concat();
    block(order, 0x0a0d_0d0a, &section, &mut bytes);
    // if_tsresol: microseconds by default, nanoseconds, 2^-20 seconds.
    for resolution in [None, Some(9), Some(0x94)] {
        let mut interface = [&order.u16(link)[..], &[0; 2], &order.u32(0)].concat();
        if let Some(resolution) = resolution {
            interface.extend(option(order, 9, &[resolution]));
            interface.extend(option(order, 14, &[0; 8]));
            interface.extend(option(order, 0, &[]));
        }
        block(order, 1, &interface, &mut bytes);
    }
    for (packet, interface) in packets.iter().zip(0_u32..) {
        let length = order.u32(small(packet.len()));
        let place = order.u32(interface);
        let enhanced = [&place[..], &[0; 8], &length, &length, packet].concat();
        block(order, 6, &padded(enhanced), &mut bytes);
        let simple = [&length[..], packet].concat();
        block(order, 3, &padded(simple), &mut bytes);
        let place = [order.u16(0), order.u16(0xffff)].concat();
        let obsolete = [&place[..], &[0; 8], &length, &length, packet].concat();
        block(order, 2, &padded(obsolete), &mut bytes);
    }
    // Name resolution: of no use to a counter.
    block(order, 4, &option(order, 0, &[]), &mut bytes);
    bytes
}

fn block(order: Order, kind: u32, body: &[u8], bytes: &mut Vec<u8>) {
    let length = order.u32(small(body.len() + 12));
    bytes.extend(order.u32(kind));
    bytes.extend(length);
    bytes.extend(body);
    bytes.extend(length);
}

fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    padded([&order.u16(code)[..], &order.u16(length), value].concat())
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Every length here is below a thousand.
fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use pcap_parser::{Block, PcapNGCapture, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_header};

    use super::*;
    use crate::cases;

    /// The packets of a pcap file. `PcapCapture` would not do: it takes every record for little-endian, whatever the
    /// header says, and keeps silent about what it cannot read then.
    fn packets_of_pcap(bytes: &[u8]) -> Vec<&[u8]> {
        let (mut rest, header) = parse_pcap_header(bytes).unwrap();
        let parse = if header.is_bigendian() {
            parse_pcap_frame_be
        } else {
            parse_pcap_frame
        };
        let mut packets = Vec::new();
        while !rest.is_empty() {
            let (after, packet) = parse(rest).unwrap();
            packets.push(packet.data);
            rest = after;
        }
        packets
    }

    #[test]
    fn another_reader_finds_every_packet_of_the_plain_captures() {
        let cases = cases::all();
        let seeds = seeds(&cases).unwrap();
        let (mut pcaps, mut sections) = (0, 0);
        for (name, bytes) in &seeds {
            if name.ends_with("gzip") || name.ends_with("zstd") {
                continue;
            }
            if name.starts_with("pcapng") {
                let capture = PcapNGCapture::from_file(bytes).unwrap();
                let kinds = |wanted: fn(&Block<'_>) -> bool| {
                    capture
                        .sections
                        .iter()
                        .flat_map(|section| &section.blocks)
                        .filter(|block| wanted(block))
                        .count()
                };
                assert_eq!(
                    kinds(|block| matches!(block, Block::EnhancedPacket(_))),
                    FRAMES,
                    "{name}"
                );
                assert_eq!(
                    kinds(|block| matches!(block, Block::SimplePacket(_))),
                    FRAMES,
                    "{name}"
                );
                sections += 1;
            } else {
                let packets = packets_of_pcap(bytes);
                assert_eq!(packets.len(), FRAMES, "{name}");
                for (packet, frame) in packets.iter().zip(frames(&cases)) {
                    assert!(packet.ends_with(&frame[14..]), "{name}");
                }
                pcaps += 1;
            }
        }
        assert_eq!((pcaps, sections), (4 + LINKS.len(), 2));
    }
}
