//! Where the bytes of a capture come from: a file, standard input or any reader, unpacked on the way.

use std::{
    fmt,
    fs::File,
    io::{self, BufReader, Chain, Cursor, Read, Seek},
    os::fd::AsFd,
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

/// Compressed bytes that are read at once.
const COMPRESSED_BUFFER_BYTES: usize = 128 * 1024;

/// The most that a zstd stream may ask to be kept of what it unpacked: 2 to this power, 128 MiB. It is what
/// `zstd --ultra -22` and `zstd --long` write by default; streams that ask for more are refused.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// How a capture is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// gzip (RFC 1952), of one member or several.
    Gzip,
    /// Zstandard (RFC 8878), of one frame or several.
    Zstd,
}

impl Compression {
    /// Told from the first four bytes.
    fn from_magic(head: &[u8]) -> Option<Self> {
        match *head {
            [0x1f, 0x8b, 0x08, _] => Some(Self::Gzip),
            // A frame, or one of the sixteen frames to be skipped (RFC 8878, section 3.1.2).
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Self::Zstd),
            _ => None,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// A reader that knows how much was read from it.
pub(super) struct Counted {
    reader: Box<dyn Read + Send>,
    bytes: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

/// The bytes that were read to tell the format, and all that follow.
type Input = Chain<Cursor<Vec<u8>>, Counted>;

enum Decoder {
    None(Input),
    Gzip(Box<MultiGzDecoder<BufReader<Input>>>),
    Zstd(Box<zstd::Decoder<'static, BufReader<Input>>>),
}

/// The unpacked bytes of a capture.
pub(super) struct Source {
    decoder: Decoder,
    total_bytes: Option<u64>,
}

impl Source {
    /// The file at `path`, or standard input for `-`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = if path == Path::new("-") {
            // As a file, so that a redirected one tells its size, and nothing is buffered twice.
            File::from(io::stdin().as_fd().try_clone_to_owned()?)
        } else {
            File::open(path)?
        };
        let metadata = file.metadata()?;
        let total_bytes = if metadata.is_file() {
            Some(metadata.len().saturating_sub(file.stream_position()?))
        } else {
            None
        };
        Self::unpack(Box::new(file), total_bytes)
    }

    /// What `reader` gives, packed or not; `total_bytes` where that is known.
    pub(super) fn unpack(reader: Box<dyn Read + Send>, total_bytes: Option<u64>) -> io::Result<Self> {
        let mut counted = Counted { reader, bytes: 0 };
        let mut head = Vec::with_capacity(4);
        counted.by_ref().take(4).read_to_end(&mut head)?;
        let compression = Compression::from_magic(&head);
        let input = Cursor::new(head).chain(counted);
        let decoder = match compression {
            None => Decoder::None(input),
            Some(Compression::Gzip) => Decoder::Gzip(Box::new(MultiGzDecoder::new(buffered(input)))),
            Some(Compression::Zstd) => {
                let mut decoder = zstd::Decoder::with_buffer(buffered(input))?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Decoder::Zstd(Box::new(decoder))
            }
        };
        Ok(Self { decoder, total_bytes })
    }

    /// How the capture is packed, if it is.
    pub(super) const fn compression(&self) -> Option<Compression> {
        match self.decoder {
            Decoder::None(_) => None,
            Decoder::Gzip(_) => Some(Compression::Gzip),
            Decoder::Zstd(_) => Some(Compression::Zstd),
        }
    }

    /// Bytes taken from the input so far, as they are in the file.
    pub(super) fn position(&self) -> u64 {
        let input = match &self.decoder {
            Decoder::None(input) => input,
            Decoder::Gzip(decoder) => decoder.get_ref().get_ref(),
            Decoder::Zstd(decoder) => decoder.get_ref().get_ref(),
        };
        input.get_ref().1.bytes
    }

    /// Bytes of the whole input, as they are in the file; `None` for a pipe.
    pub(super) const fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.decoder {
            Decoder::None(input) => input.read(buffer),
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

fn buffered(input: Input) -> BufReader<Input> {
    BufReader::with_capacity(COMPRESSED_BUFFER_BYTES, input)
}
