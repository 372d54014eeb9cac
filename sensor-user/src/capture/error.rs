//! Why a capture could not be read, or not to its end.

use std::io;

use super::{LinkType, source::Compression};

/// A capture that could not be read, or not to its end.
///
/// `capture` names the file; for a compressed one it says "unpacked …", because every `at` counts bytes from the
/// start of the capture as it is after unpacking.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file could not be opened.
    #[error("cannot open {capture}: {source}")]
    Open {
        /// The file.
        capture: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system failed to read on.
    #[error("cannot read {capture} beyond byte {at}: {source}")]
    Read {
        /// The file.
        capture: String,
        /// Bytes that were read before.
        at: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The compressed data is damaged.
    #[error(
        "{capture} ends at byte {at} because its {compression} data is damaged ({source}): \
         what came before was read; fetch the file again from where it was recorded"
    )]
    Unpack {
        /// The file.
        capture: String,
        /// Bytes that could be unpacked before.
        at: u64,
        /// How the capture is packed.
        compression: Compression,
        /// What the decoder said.
        source: io::Error,
    },
    /// Not a capture, or one of a kind that is not read.
    #[error("{capture} {found}")]
    Unsupported {
        /// The file.
        capture: String,
        /// What it is instead, and what to do.
        found: String,
    },
    /// Every packet has a link-layer header that cannot be read.
    #[error("{capture} cannot be read: link type {link_type} is not supported; {cure}", cure = LinkType::CURE)]
    LinkType {
        /// The file.
        capture: String,
        /// The link type of all its packets.
        link_type: LinkType,
    },
    /// The capture stops in the middle of something.
    #[error(
        "{capture} is cut off at byte {at}, within the {part} that begins at byte {record}: \
         what came before was read; copy the whole file again, or end the recording before reading it"
    )]
    CutOff {
        /// The file.
        capture: String,
        /// Where the bytes end.
        at: u64,
        /// Where the incomplete part begins.
        record: u64,
        /// What is incomplete.
        part: &'static str,
    },
    /// The capture contradicts itself, so what follows cannot be found.
    #[error(
        "{capture} is corrupt at byte {at}: {cause}; what came before was read; \
         copy the file again, or recover the rest with `pcapfix`"
    )]
    Corrupt {
        /// The file.
        capture: String,
        /// Where the record or block begins.
        at: u64,
        /// What is wrong with it.
        cause: String,
    },
}
