//! Writes captures by the letter of their specifications, and keeps the truth about what they hold.

use std::{collections::BTreeMap, io::Write as _};

use teiten::capture::Link;

/// A packet as the reader should give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) link: Link,
    pub(crate) nanoseconds: Option<i64>,
    pub(crate) original_length: u32,
    pub(crate) bytes: Vec<u8>,
}

/// A capture and the truth about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    pub(crate) packets: Vec<Expected>,
    pub(crate) skipped: BTreeMap<u16, u64>,
    /// Where the header, each record or each block ends, and how many packets there are up to there.
    pub(crate) ends: Vec<(usize, usize)>,
}

/// How a capture is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    /// Members of so many bytes, one after the other.
    GzipMembers(usize),
    Zstd,
    /// Frames of so many bytes, one after the other, behind a frame to be skipped.
    ZstdFrames(usize),
}

impl Packing {
    pub(crate) const ALL: [Self; 5] = [
        Self::Plain,
        Self::Gzip,
        Self::GzipMembers(50),
        Self::Zstd,
        Self::ZstdFrames(50),
    ];

    /// The packed bytes, and where in them a cut leaves a whole archive.
    pub(crate) fn pack(self, bytes: &[u8]) -> (Vec<u8>, Vec<usize>) {
        match self {
            Self::Plain => (bytes.to_vec(), Vec::new()),
            Self::Gzip => join([gzip(bytes)]),
            Self::GzipMembers(size) => join(bytes.chunks(size).map(gzip)),
            Self::Zstd => join([zstd(bytes)]),
            Self::ZstdFrames(size) => {
                let skippable = vec![0x52, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
                join([skippable].into_iter().chain(bytes.chunks(size).map(zstd)))
            }
        }
    }
}

fn join(parts: impl IntoIterator<Item = Vec<u8>>) -> (Vec<u8>, Vec<usize>) {
    let mut whole = Vec::new();
    let mut ends = Vec::new();
    for part in parts {
        whole.extend(part);
        ends.push(whole.len());
    }
    (whole, ends)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Numbers in one byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
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

    fn i64(self, number: i64) -> [u8; 8] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }
}

/// A pcap file that is being written.
pub(crate) struct Pcap {
    order: Order,
    nanosecond_magic: bool,
    link: Link,
    written: Written,
}

impl Pcap {
    pub(crate) fn new(order: Order, nanosecond_magic: bool, link_type: u16) -> Self {
        let magic = if nanosecond_magic {
            0xa1b2_3c4d
        } else {
            0xa1b2_c3d4
        };
        let mut bytes = Vec::new();
        bytes.extend(order.u32(magic));
        bytes.extend(order.u16(2));
        bytes.extend(order.u16(4));
        bytes.extend([0; 8]);
        // A snapshot length that packets exceed, as files have whose recorder was told of another.
        bytes.extend(order.u32(96));
        // Frames with a check sequence of 4 bytes: bits above the link type that a reader must not mix up with it.
        bytes.extend(order.u32(0x4400_0000 | u32::from(link_type)));
        let ends = vec![(bytes.len(), 0)];
        Self {
            order,
            nanosecond_magic,
            link: expected_link(link_type).unwrap_or(Link::Ethernet),
            written: Written {
                bytes,
                ends,
                ..Written::default()
            },
        }
    }

    /// Adds a packet; `fraction` is in the file's unit.
    pub(crate) fn packet(&mut self, seconds: u32, fraction: u32, beyond: u32, bytes: &[u8]) {
        let captured = u32::try_from(bytes.len()).unwrap();
        let original_length = captured + beyond;
        for number in [seconds, fraction, captured, original_length] {
            self.written.bytes.extend(self.order.u32(number));
        }
        self.written.bytes.extend(bytes);
        let unit = if self.nanosecond_magic { 1 } else { 1_000 };
        self.written.packets.push(Expected {
            link: self.link,
            nanoseconds: Some(i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * unit),
            original_length,
            bytes: bytes.to_vec(),
        });
        self.written.mark();
    }

    pub(crate) fn finish(self) -> Written {
        self.written
    }
}

/// An interface of a pcapng section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interface {
    pub(crate) link_type: u16,
    /// 0 for no limit.
    pub(crate) snapshot_length: u32,
    pub(crate) resolution: Option<u8>,
    pub(crate) offset_seconds: Option<i64>,
}

impl Interface {
    pub(crate) const ETHERNET: Self = Self {
        link_type: 1,
        snapshot_length: 0,
        resolution: None,
        offset_seconds: None,
    };

    /// The time after so many ticks, by the words of the specification.
    fn nanoseconds(&self, ticks: u64) -> Option<i64> {
        let resolution = self.resolution.unwrap_or(6);
        let ticks = i128::from(ticks);
        let exponent = u32::from(resolution & 0x7f);
        let ticks_per_second = if resolution & 0x80 == 0 {
            10_i128.pow(exponent)
        } else {
            1 << exponent
        };
        let nanoseconds = (ticks * 1_000_000_000).div_euclid(ticks_per_second)
            + i128::from(self.offset_seconds.unwrap_or(0)) * 1_000_000_000;
        i64::try_from(nanoseconds).ok()
    }
}

/// Which block holds a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketBlock {
    Enhanced,
    EnhancedWithOptions,
    Obsolete,
    /// Without a time, of interface 0.
    Simple,
}

/// A pcapng file that is being written.
pub(crate) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    written: Written,
}

impl Pcapng {
    pub(crate) fn new(order: Order) -> Self {
        let mut file = Self {
            order,
            interfaces: Vec::new(),
            written: Written::default(),
        };
        file.section(order);
        file
    }

    pub(crate) fn section(&mut self, order: Order) {
        self.order = order;
        self.interfaces.clear();
        let mut body = order.u32(0x1a2b_3c4d).to_vec();
        body.extend(order.u16(1));
        body.extend(order.u16(0));
        body.extend(order.i64(-1));
        // The option shb_userappl, of a length that needs padding.
        body.extend(self.option(4, b"tests"));
        body.extend(self.option(0, &[]));
        self.block(0x0a0d_0d0a, &body);
    }

    pub(crate) fn interface(&mut self, interface: Interface) {
        let mut body = self.order.u16(interface.link_type).to_vec();
        body.extend([0; 2]);
        body.extend(self.order.u32(interface.snapshot_length));
        // if_name first, so that the options behind it are found only by stepping over it.
        body.extend(self.option(2, b"lo"));
        if let Some(resolution) = interface.resolution {
            body.extend(self.option(9, &[resolution]));
        }
        if let Some(seconds) = interface.offset_seconds {
            body.extend(self.option(14, &self.order.i64(seconds)));
        }
        body.extend(self.option(0, &[]));
        self.interfaces.push(interface);
        self.block(1, &body);
    }

    /// Bytes of the file so far.
    pub(crate) fn bytes(&self) -> usize {
        self.written.bytes.len()
    }

    /// How many interfaces the section has so far.
    pub(crate) fn interfaces(&self) -> usize {
        self.interfaces.len()
    }

    /// Adds a packet. A simple block belongs to interface 0 and is cut at its snapshot length.
    pub(crate) fn packet(
        &mut self,
        kind: PacketBlock,
        interface: usize,
        ticks: u64,
        beyond: u32,
        bytes: &[u8],
    ) {
        let interface = if kind == PacketBlock::Simple { 0 } else { interface };
        let described = self.interfaces[interface];
        let original_length = u32::try_from(bytes.len()).unwrap() + beyond;
        let mut bytes = bytes;
        let mut original_in_file = original_length;
        if kind == PacketBlock::Simple {
            // The block says the original length alone, so what is missing must be missing by the snapshot length.
            let limit = match described.snapshot_length {
                0 => bytes.len(),
                length => bytes.len().min(length as usize),
            };
            original_in_file = u32::try_from(bytes.len()).unwrap();
            bytes = &bytes[..limit];
        }
        match expected_link(described.link_type) {
            None => *self.written.skipped.entry(described.link_type).or_default() += 1,
            Some(link) => self.written.packets.push(Expected {
                link,
                nanoseconds: match kind {
                    PacketBlock::Simple => None,
                    _ => described.nanoseconds(ticks),
                },
                original_length: original_in_file,
                bytes: bytes.to_vec(),
            }),
        }
        let order = self.order;
        let number = u32::try_from(interface).unwrap();
        let mut body = Vec::new();
        match kind {
            PacketBlock::Enhanced | PacketBlock::EnhancedWithOptions => body.extend(order.u32(number)),
            PacketBlock::Obsolete => {
                body.extend(order.u16(u16::try_from(number).unwrap()));
                // Drops: unknown.
                body.extend(order.u16(0xffff));
            }
            PacketBlock::Simple => {}
        }
        if kind != PacketBlock::Simple {
            body.extend(order.u32((ticks >> 32) as u32));
            body.extend(order.u32((ticks & 0xffff_ffff) as u32));
            body.extend(order.u32(u32::try_from(bytes.len()).unwrap()));
        }
        body.extend(order.u32(original_in_file));
        body.extend(bytes);
        // Padding that is not zero: a reader must not take it for part of the packet.
        body.resize(body.len().next_multiple_of(4), 0xee);
        if kind == PacketBlock::EnhancedWithOptions {
            body.extend(self.option(1, b"a comment"));
            body.extend(self.option(2, &order.u32(1)));
            body.extend(self.option(0, &[]));
        }
        self.block(
            match kind {
                PacketBlock::Enhanced | PacketBlock::EnhancedWithOptions => 6,
                PacketBlock::Obsolete => 2,
                PacketBlock::Simple => 3,
            },
            &body,
        );
    }

    /// Adds a block of any kind; its body is padded.
    pub(crate) fn block(&mut self, kind: u32, body: &[u8]) {
        let padded = body.len().next_multiple_of(4);
        let length = u32::try_from(padded + 12).unwrap();
        let bytes = &mut self.written.bytes;
        bytes.extend(self.order.u32(kind));
        bytes.extend(self.order.u32(length));
        bytes.extend(body);
        bytes.resize(bytes.len() + padded - body.len(), 0);
        bytes.extend(self.order.u32(length));
        self.written.mark();
    }

    pub(crate) fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = self.order.u16(code).to_vec();
        option.extend(self.order.u16(u16::try_from(value.len()).unwrap()));
        option.extend(value);
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    pub(crate) fn finish(self) -> Written {
        self.written
    }
}

impl Written {
    fn mark(&mut self) {
        self.ends.push((self.bytes.len(), self.packets.len()));
    }
}

/// What the reader should make of the link types that the tests use.
fn expected_link(link_type: u16) -> Option<Link> {
    match link_type {
        1 => Some(Link::Ethernet),
        101 => Some(Link::RawIp),
        113 => Some(Link::LinuxCooked),
        105 | 147 | 65_535 => None,
        other => panic!("say what the reader should make of link type {other}"),
    }
}
