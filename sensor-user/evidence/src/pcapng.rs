//! The form of sample files: pcapng (IETF draft-ietf-opsawg-pcapng), little-endian, Ethernet, nanoseconds.

use std::io::{self, Read, Write};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const ETHERNET: u16 = 1;

const OPTION_END: u16 = 0;
const OPTION_COMMENT: u16 = 1;
const OPTION_APPLICATION: u16 = 4;
const OPTION_INTERFACE_NAME: u16 = 2;
const OPTION_RESOLUTION: u16 = 9;
/// Units of a second as a power of ten: nanoseconds.
const NANOSECONDS: u8 = 9;

/// The longest block that is read: a frame, its comment, and room.
const MOST_BLOCK_OCTETS: u32 = 1 << 18;
/// The most interfaces of a file.
const MOST_INTERFACES: usize = 1_024;

/// What keeps a file from being read.
#[derive(Debug, thiserror::Error)]
pub enum PcapngError {
    /// It cannot be read at all.
    #[error("{0}: is the disk well?")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("at octet {at}: {what}; only files that `teiten` wrote are read here")]
    Form {
        /// Where.
        at: u64,
        /// What.
        what: &'static str,
    },
}

/// A packet as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When it came, nanoseconds since 1970.
    pub nanoseconds: u64,
    /// The name of the interface.
    pub interface: String,
    /// Octets on the wire.
    pub wire_octets: u32,
    /// The head of the frame.
    pub frame: Vec<u8>,
    /// What was said of it: words `key=value`, separated by blanks.
    pub comment: String,
}

impl Packet {
    /// The value of a word of the comment.
    #[must_use]
    pub fn word(&self, key: &str) -> Option<&str> {
        self.comment
            .split(' ')
            .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }
}

/// Makes the blocks of a file, and remembers its interfaces.
#[derive(Debug, Default)]
pub struct Encoder {
    interfaces: Vec<String>,
}

impl Encoder {
    /// The block that a file begins with.
    #[must_use]
    pub fn section() -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(BYTE_ORDER.to_le_bytes());
        body.extend([1, 0, 0, 0]);
        body.extend(u64::MAX.to_le_bytes());
        put_option(&mut body, OPTION_APPLICATION, b"teiten");
        put_option(&mut body, OPTION_END, b"");
        block(SECTION, &body)
    }

    /// The blocks of a packet: its own, and in front that of its interface where it is new.
    #[must_use]
    pub fn packet(&mut self, packet: &Packet) -> Vec<u8> {
        let mut blocks = Vec::new();
        let known = self.interfaces.iter().position(|name| *name == packet.interface);
        let place = known.unwrap_or_else(|| {
            self.interfaces.push(packet.interface.clone());
            blocks = interface(&packet.interface);
            self.interfaces.len() - 1
        });
        let mut body = Vec::with_capacity(packet.frame.len() + packet.comment.len() + 64);
        body.extend(u32::try_from(place).unwrap_or(u32::MAX).to_le_bytes());
        // Its upper half stands first.
        body.extend(packet.nanoseconds.rotate_left(32).to_le_bytes());
        body.extend(length(packet.frame.len()).to_le_bytes());
        body.extend(packet.wire_octets.to_le_bytes());
        body.extend(&packet.frame);
        pad(&mut body);
        if !packet.comment.is_empty() {
            put_option(&mut body, OPTION_COMMENT, packet.comment.as_bytes());
            put_option(&mut body, OPTION_END, b"");
        }
        blocks.extend(block(PACKET, &body));
        blocks
    }
}

/// Writes a whole file.
///
/// # Errors
/// It cannot be written.
pub fn write_all<'a>(out: &mut impl Write, packets: impl IntoIterator<Item = &'a Packet>) -> io::Result<()> {
    let mut encoder = Encoder::default();
    out.write_all(&Encoder::section())?;
    for packet in packets {
        out.write_all(&encoder.packet(packet))?;
    }
    out.flush()
}

fn interface(name: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(ETHERNET.to_le_bytes());
    // Reserved, and no limit on the length of packets.
    body.extend([0; 6]);
    put_option(&mut body, OPTION_INTERFACE_NAME, name.as_bytes());
    put_option(&mut body, OPTION_RESOLUTION, &[NANOSECONDS]);
    put_option(&mut body, OPTION_END, b"");
    block(INTERFACE, &body)
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let octets = length(body.len() + 12).to_le_bytes();
    [&kind.to_le_bytes()[..], &octets, body, &octets].concat()
}

fn put_option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    // Longer than any value of ours; cut rather than wrong.
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    body.extend(code.to_le_bytes());
    body.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

fn length(octets: usize) -> u32 {
    u32::try_from(octets).unwrap_or(u32::MAX)
}

/// Reads a file of ours, packet by packet.
pub struct Decoder<R> {
    input: R,
    at: u64,
    interfaces: Vec<String>,
    began: bool,
}

impl<R: Read> Decoder<R> {
    /// A reader of the file.
    pub fn new(input: R) -> Self {
        Self {
            input,
            at: 0,
            interfaces: Vec::new(),
            began: false,
        }
    }

    /// The next packet; `None` at the end. A file that ends within a block, as one that is being written, ends before it.
    ///
    /// # Errors
    /// The file is something else, or cannot be read.
    pub fn packet(&mut self) -> Result<Option<Packet>, PcapngError> {
        while let Some((kind, body)) = self.block()? {
            match kind {
                SECTION => {
                    self.began = true;
                    self.interfaces.clear();
                }
                _ if !self.began => return Err(self.form("this is no pcapng")),
                INTERFACE => self.take_interface(&body)?,
                PACKET => return self.read_packet(&body).map(Some),
                _ => {}
            }
            self.at += body.len() as u64 + 12;
        }
        Ok(None)
    }

    fn form(&self, what: &'static str) -> PcapngError {
        PcapngError::Form { at: self.at, what }
    }

    /// Kind and body of the next block.
    fn block(&mut self) -> Result<Option<(u32, Vec<u8>)>, PcapngError> {
        let Some(head) = self.octets(8)? else {
            return Ok(None);
        };
        let (kind, octets) = (word(&head, 0), word(&head, 4));
        if kind != SECTION && !self.began {
            return Err(self.form("this is no pcapng"));
        }
        if octets < 12 || octets % 4 != 0 || octets > MOST_BLOCK_OCTETS {
            return Err(self.form("a block of impossible length, or big-endian"));
        }
        let Some(body) = self.octets(octets as usize - 8)? else {
            return Ok(None);
        };
        let (body, last) = body.split_at(body.len() - 4);
        if word(last, 0) != octets {
            return Err(self.form("a block whose two lengths differ"));
        }
        if kind == SECTION && (body.len() < 16 || word(body, 0) != BYTE_ORDER) {
            return Err(self.form("a section of another byte order"));
        }
        Ok(Some((kind, body.to_vec())))
    }

    /// So many octets, or `None` where the file ends before.
    fn octets(&mut self, count: usize) -> io::Result<Option<Vec<u8>>> {
        let mut octets = Vec::new();
        let read = self.input.by_ref().take(count as u64).read_to_end(&mut octets)?;
        Ok((read == count).then_some(octets))
    }

    fn take_interface(&mut self, body: &[u8]) -> Result<(), PcapngError> {
        if body.len() < 8 || self.interfaces.len() >= MOST_INTERFACES {
            return Err(self.form("an interface that cannot be, or too many"));
        }
        if u16::from_le_bytes([body[0], body[1]]) != ETHERNET
            || option(&body[8..], OPTION_RESOLUTION) != Some(&[NANOSECONDS])
        {
            return Err(self.form("an interface of another link type or resolution"));
        }
        let name = option(&body[8..], OPTION_INTERFACE_NAME).unwrap_or_default();
        self.interfaces.push(String::from_utf8_lossy(name).into_owned());
        Ok(())
    }

    fn read_packet(&mut self, body: &[u8]) -> Result<Packet, PcapngError> {
        if body.len() < 20 {
            return Err(self.form("a packet shorter than its head"));
        }
        let captured = word(body, 12) as usize;
        let Some(frame) = body[20..].get(..captured) else {
            return Err(self.form("a packet longer than its block"));
        };
        let Some(interface) = self.interfaces.get(word(body, 0) as usize) else {
            return Err(self.form("a packet of an interface that is not there"));
        };
        let options = body.get(20 + captured.next_multiple_of(4)..).unwrap_or_default();
        let comment = option(options, OPTION_COMMENT).unwrap_or_default();
        let packet = Packet {
            nanoseconds: u64::from(word(body, 4)) << 32 | u64::from(word(body, 8)),
            interface: interface.clone(),
            wire_octets: word(body, 16),
            frame: frame.to_vec(),
            comment: String::from_utf8_lossy(comment).into_owned(),
        };
        self.at += body.len() as u64 + 12;
        Ok(packet)
    }
}

/// The word at a place; 0 where there is none.
fn word(octets: &[u8], at: usize) -> u32 {
    octets
        .get(at..)
        .and_then(<[u8]>::first_chunk)
        .map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

/// The first option of a code.
fn option(mut options: &[u8], code: u16) -> Option<&[u8]> {
    while let Some(([c0, c1, l0, l1], rest)) = options.split_first_chunk() {
        let (found, octets) = (u16::from_le_bytes([*c0, *c1]), u16::from_le_bytes([*l0, *l1]));
        if found == OPTION_END {
            return None;
        }
        let value = rest.get(..octets.into())?;
        if found == code {
            return Some(value);
        }
        options = rest.get(usize::from(octets).next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets() -> Vec<Packet> {
        (0..5_u8)
            .map(|n| Packet {
                nanoseconds: 1_700_000_000_123_456_789 + u64::from(n),
                interface: if n % 2 == 0 { "eth0" } else { "eth1" }.to_owned(),
                wire_octets: 60 + u32::from(n),
                frame: vec![n; 50 + usize::from(n)],
                comment: format!("sensor=a reason=port number={n}"),
            })
            .collect()
    }

    fn encoded() -> Vec<u8> {
        let mut octets = Vec::new();
        write_all(&mut octets, &packets()).unwrap();
        octets
    }

    fn decode(octets: &[u8]) -> Result<Vec<Packet>, PcapngError> {
        let mut decoder = Decoder::new(octets);
        let mut packets = Vec::new();
        while let Some(packet) = decoder.packet()? {
            packets.push(packet);
        }
        Ok(packets)
    }

    #[test]
    fn what_was_written_is_read() {
        let read = decode(&encoded()).unwrap();
        assert_eq!(read, packets());
        assert_eq!(read[3].word("number"), Some("3"));
        assert_eq!(read[3].word("num"), None);
    }

    #[test]
    fn a_file_cut_anywhere_gives_every_packet_before_the_cut() {
        let whole = encoded();
        let mut ends = Vec::new();
        let mut encoder = Encoder::default();
        let mut at = Encoder::section().len();
        for packet in packets() {
            at += encoder.packet(&packet).len();
            ends.push(at);
        }
        for cut in 0..=whole.len() {
            let read = decode(&whole[..cut]).unwrap();
            assert_eq!(
                read.len(),
                ends.iter().filter(|end| **end <= cut).count(),
                "{cut}"
            );
        }
    }

    #[test]
    fn no_changed_octet_makes_the_reader_panic_or_take_much() {
        let whole = encoded();
        for place in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut changed = whole.clone();
                changed[place] = value;
                if let Ok(packets) = decode(&changed) {
                    assert!(packets.len() <= 5);
                }
            }
        }
    }
}
