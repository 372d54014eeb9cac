//! Capture files as a stream of packets.
//!
//! The bytes' way, in the order of the modules: `source` gives them unpacked, `window` keeps a stretch of them
//! in memory, `pcap` and `pcapng` (with `interface`, `timestamp` and `byte_order`) find the packets, and
//! `link` hands each packet to the one classifier.
//!
//! # Why the two formats are read by code of our own
//! Of the crates, `pcap-parser` 0.17 is the best kept and fast enough (75 million packets a second from pcap, 26 from
//! pcapng); the tests use it as a reference. But it reads `if_tsoffset` of big-endian files in the wrong order and no
//! resolution that is a power of two, so times would be wrong without a sign; leaves obsolete packet blocks and
//! snapshot lengths of simple packet blocks to its user; wants every block in memory, however long; allocates for
//! each packet that has options (12 million a second); and forgets what the system said when a read failed, so that
//! a damaged archive cannot be told from a short one. `pcap-file` 2.0 takes every pcapng time for nanoseconds,
//! refuses packets longer than the file's own snapshot length, and then gives the same error for ever. What would
//! be left for a crate to do is to read four fixed fields.
//!
//! # Promises
//! - Memory is bounded whatever the file says: one buffer of 768 KiB, at most 65,536 interfaces a section, and for
//!   zstd the window that the file asks for, up to 128 MiB. No allocation for a packet.
//! - What comes before damage is given, then the damage is told once, then nothing more. Of a damaged compressed
//!   file, that is what its decoder had given out before: up to one read (256 KiB) less than what could be saved.
//! - Nothing is guessed: a length that contradicts another ends the reading; a link type that is not known is
//!   counted and skipped, or refused where there is no other.

mod byte_order;
mod error;
mod interface;
mod link;
mod pcap;
mod pcapng;
mod source;
mod timestamp;
mod window;

use std::{collections::BTreeMap, fmt, io::Read, ops::Range, path::Path};

use source::Source;
use window::Window;

pub use self::{
    error::CaptureError,
    link::{Link, LinkType, classify},
    source::Compression,
    timestamp::Timestamp,
};

/// The longest packet that is read, in bytes: the snapshot length that recorders set when asked for whole packets.
pub const MAX_PACKET_BYTES: u32 = 262_144;

/// A packet as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What `bytes` begin with.
    pub link: Link,
    /// When it was recorded. `None` where the capture does not say (simple packet blocks), or says a time that 64
    /// bits of nanoseconds do not hold.
    pub timestamp: Option<Timestamp>,
    /// Bytes that the packet had on the wire, as the recorder says.
    pub original_length: u32,
    /// What was recorded of the packet, at most [`MAX_PACKET_BYTES`].
    pub bytes: &'a [u8],
}

/// Packets that were left out because their link type is not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Their link type.
    pub link_type: LinkType,
    /// How many there were.
    pub packets: u64,
}

impl fmt::Display for Skipped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { link_type, packets } = self;
        write!(
            formatter,
            "skipped {packets} packets: link type {link_type} is not supported; {}",
            LinkType::CURE
        )
    }
}

/// A capture that is being read: pcap or pcapng, plain, gzip or zstd, told apart by content.
pub struct Capture {
    window: Window,
    format: Format,
    skipped: SkippedPackets,
    /// Nothing comes after an error or the end.
    ended: bool,
}

enum Format {
    Pcap(pcap::Reader),
    Pcapng(pcapng::Reader),
}

impl Capture {
    /// Opens the file at `path`, or standard input for `-`, and reads its header.
    ///
    /// # Errors
    /// The file cannot be opened, is no capture, is of a version or a link type that is not supported, or ends
    /// within its header.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CaptureError> {
        let path = path.as_ref();
        let name = if path == Path::new("-") {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        match Source::open(path) {
            Ok(source) => Self::begin(&name, source),
            Err(source) => Err(CaptureError::Open {
                capture: name,
                source,
            }),
        }
    }

    /// Reads the capture that `reader` gives; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`Capture::open`].
    pub fn from_reader(name: &str, reader: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        match Source::unpack(Box::new(reader), None) {
            Ok(source) => Self::begin(name, source),
            Err(source) => Err(CaptureError::Open {
                capture: name.to_owned(),
                source,
            }),
        }
    }

    fn begin(name: &str, source: Source) -> Result<Self, CaptureError> {
        let mut window = Window::new(name, source);
        let Some(magic) = window.peek::<4>("capture header")? else {
            return Err(window.unsupported("is empty: the recorder wrote nothing, not even a header"));
        };
        let format = if let Some(encoding) = pcap::Encoding::from_magic(magic) {
            Format::Pcap(pcap::Reader::open(&mut window, encoding)?)
        } else if pcapng::Reader::is_magic(magic) {
            Format::Pcapng(pcapng::Reader::open(&mut window)?)
        } else {
            return Err(window.unsupported(not_a_capture(magic)));
        };
        Ok(Self {
            window,
            format,
            skipped: SkippedPackets::default(),
            ended: false,
        })
    }

    /// The next packet, or `None` at the end. The packet lies in a buffer that the next call uses again.
    ///
    /// # Errors
    /// The capture is cut off, corrupt, or cannot be read on. This is told once; after that there is nothing more.
    #[expect(
        clippy::should_implement_trait,
        reason = "an `Iterator` cannot lend from itself"
    )]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        if self.ended {
            return Ok(None);
        }
        let found = match &mut self.format {
            Format::Pcap(reader) => reader.next(&mut self.window),
            Format::Pcapng(reader) => reader.next(&mut self.window, &mut self.skipped),
        };
        match found {
            Ok(Some(packet)) => Ok(Some(Frame {
                link: packet.link,
                timestamp: packet.timestamp,
                original_length: packet.original_length,
                bytes: self.window.taken(packet.place),
            })),
            Ok(None) => {
                self.ended = true;
                Ok(None)
            }
            Err(error) => {
                self.ended = true;
                Err(error)
            }
        }
    }

    /// What was left out so far, by link type.
    pub fn skipped(&self) -> impl Iterator<Item = Skipped> {
        self.skipped
            .by_link_type
            .iter()
            .map(|(&link_type, &packets)| Skipped { link_type, packets })
    }

    /// How the capture is packed, if it is.
    #[must_use]
    pub const fn compression(&self) -> Option<Compression> {
        self.window.source().compression()
    }

    /// Bytes of the input that were read so far; of a compressed file, of the file as it is.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.window.source().position()
    }

    /// Bytes of the whole input; of a compressed file, of the file as it is. `None` where nobody knows: a pipe.
    #[must_use]
    pub const fn total_bytes(&self) -> Option<u64> {
        self.window.source().total_bytes()
    }
}

/// A packet that was found: a [`Frame`] whose bytes are still in the window.
struct Packet {
    link: Link,
    timestamp: Option<Timestamp>,
    original_length: u32,
    /// Where it lies in the window.
    place: Range<usize>,
}

/// Packets of link types that are not supported.
#[derive(Default)]
struct SkippedPackets {
    /// At most 65,536 entries: there are no more numbers.
    by_link_type: BTreeMap<LinkType, u64>,
}

impl SkippedPackets {
    fn count(&mut self, link_type: LinkType) {
        *self.by_link_type.entry(link_type).or_default() += 1;
    }
}

/// What a file is that begins like this, and what to do about it.
fn not_a_capture(magic: [u8; 4]) -> String {
    let known = match magic {
        [0xa1, 0xb2, 0xcd, 0x34] | [0x34, 0xcd, 0xb2, 0xa1] => "a pcap file of Kuznetzov's modified format",
        [0x00, 0x1c, 0x00, 0x01] | [0xac | 0xab, 0x01, 0x00, 0x1c] => "a pcap file of IXIA's format",
        [b's', b'n', b'o', b'o'] => "a snoop file",
        [b'G', b'M', b'B', b'U'] | [b'R', b'T', b'S', b'S'] => "a Microsoft Network Monitor file",
        [0x1f, 0x8b, 0x08, _] | [0x28, 0xb5, 0x2f, 0xfd] => {
            return "is packed twice: unpack it once with `gzip -d` or `zstd -d`".to_owned();
        }
        [0xfd, b'7', b'z', b'X'] => return "is packed with xz: unpack it first with `xz -d`".to_owned(),
        [b'B', b'Z', b'h', _] => return "is packed with bzip2: unpack it first with `bzip2 -d`".to_owned(),
        [0x04, 0x22, 0x4d, 0x18] => return "is packed with lz4: unpack it first with `lz4 -d`".to_owned(),
        [b'P', b'K', ..] => return "is a ZIP archive: unpack it first with `unzip`".to_owned(),
        [a, b, c, d] => {
            return format!(
                "is not a capture: it begins with {a:02x} {b:02x} {c:02x} {d:02x}, and pcap and pcapng are read, \
                 plain or packed with gzip or zstd"
            );
        }
    };
    format!("is {known}, which is not read: convert it with `editcap -F pcapng`")
}
