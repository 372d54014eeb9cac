//! The stretch of a capture that is in memory: one buffer of fixed size that moves over the unpacked bytes.

use std::{
    io::{self, Read},
    ops::Range,
};

use super::{error::CaptureError, source::Source};

/// Bytes of the buffer: room for the longest record that may be asked for, and a full read behind it.
const BUFFER_BYTES: usize = LONGEST_RECORD_BYTES + READ_BYTES;
/// The most that [`Window::require`] can be asked for.
pub(super) const LONGEST_RECORD_BYTES: usize = 512 * 1024;
/// Bytes that are read at once: enough to forget the cost of the call, few enough to stay in the cache.
const READ_BYTES: usize = 256 * 1024;

/// How the source ended.
enum Ending {
    /// Where it should, as far as it knows.
    Clean,
    /// In the middle of compressed data.
    Cut,
    /// With an error, which is told when everything before it was used.
    Failed(io::Error),
}

/// The stretch in memory. Bytes before it are gone, bytes behind it are not read yet.
pub(super) struct Window {
    name: String,
    source: Source,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Where in the capture `buffer[start]` lies.
    offset: u64,
    ending: Option<Ending>,
}

impl Window {
    pub(super) fn new(name: &str, source: Source) -> Self {
        let name = match source.compression() {
            Some(_) => format!("unpacked {name}"),
            None => name.to_owned(),
        };
        Self {
            name,
            source,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            offset: 0,
            ending: None,
        }
    }

    pub(super) const fn source(&self) -> &Source {
        &self.source
    }

    /// Where in the capture the next byte lies.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The first bytes of what comes next, or `None` where the capture ends as it should. They stay.
    #[inline]
    pub(super) fn peek<const N: usize>(
        &mut self,
        part: &'static str,
    ) -> Result<Option<[u8; N]>, CaptureError> {
        match self.next_bytes() {
            Some(head) => Ok(Some(head)),
            None if self.start == self.end && matches!(self.ending, Some(Ending::Clean)) => Ok(None),
            None => Err(self.ended_within(self.offset, part)),
        }
    }

    /// The next bytes, or `None` where there are not so many left. They stay.
    #[inline]
    pub(super) fn next_bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        if self.end - self.start < N {
            self.fill(N);
        }
        self.ahead().first_chunk().copied()
    }

    /// Makes sure that the next `bytes`, at most [`LONGEST_RECORD_BYTES`], are in memory.
    #[inline]
    pub(super) fn require(&mut self, bytes: usize, part: &'static str) -> Result<(), CaptureError> {
        if self.end - self.start < bytes {
            self.fill(bytes);
            if self.end - self.start < bytes {
                return Err(self.ended_within(self.offset, part));
            }
        }
        Ok(())
    }

    /// What is in memory of the bytes that come next.
    #[inline]
    pub(super) fn ahead(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Steps over bytes that were required; says where they lie until the next call.
    #[inline]
    pub(super) fn take(&mut self, bytes: usize) -> Range<usize> {
        let taken = self.start..(self.start + bytes).min(self.end);
        self.start = taken.end;
        self.offset += taken.len() as u64;
        taken
    }

    /// Steps over any number of bytes, which need not fit into memory. They belong to the `part` that begins at
    /// `record`.
    pub(super) fn skip(&mut self, bytes: u64, record: u64, part: &'static str) -> Result<(), CaptureError> {
        let mut left = bytes;
        loop {
            let here = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.end - self.start);
            self.take(here);
            left -= here as u64;
            if left == 0 {
                return Ok(());
            }
            self.fill(1);
            if self.start == self.end {
                return Err(self.ended_within(record, part));
            }
        }
    }

    /// The bytes that [`Window::take`] stepped over.
    #[inline]
    pub(super) fn taken(&self, place: Range<usize>) -> &[u8] {
        &self.buffer[place]
    }

    /// The capture contradicts itself at the next byte.
    #[cold]
    pub(super) fn corrupt(&self, cause: impl Into<String>) -> CaptureError {
        self.corrupt_at(self.offset, cause)
    }

    /// The capture contradicts itself in the record that begins `at` this byte.
    #[cold]
    pub(super) fn corrupt_at(&self, at: u64, cause: impl Into<String>) -> CaptureError {
        CaptureError::Corrupt {
            capture: self.name.clone(),
            at,
            cause: cause.into(),
        }
    }

    /// The capture is of a kind that is not read.
    pub(super) fn unsupported(&self, found: impl Into<String>) -> CaptureError {
        CaptureError::Unsupported {
            capture: self.name.clone(),
            found: found.into(),
        }
    }

    /// All packets of the capture have this link type, and it cannot be read.
    pub(super) fn unsupported_link_type(&self, link_type: super::LinkType) -> CaptureError {
        CaptureError::LinkType {
            capture: self.name.clone(),
            link_type,
        }
    }

    /// Reads on until `bytes` are in memory or the source ends.
    #[cold]
    fn fill(&mut self, bytes: usize) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < bytes && self.ending.is_none() {
            let room = self.end..(self.end + READ_BYTES).min(BUFFER_BYTES);
            match self.source.read(&mut self.buffer[room]) {
                Ok(0) => self.ending = Some(Ending::Clean),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.ending = Some(Ending::Cut),
                Err(error) => self.ending = Some(Ending::Failed(error)),
            }
        }
    }

    /// Why the `part` that begins at `record` is incomplete.
    #[cold]
    pub(super) fn ended_within(&mut self, record: u64, part: &'static str) -> CaptureError {
        let capture = self.name.clone();
        let at = self.offset + (self.end - self.start) as u64;
        match (self.ending.take(), self.source.compression()) {
            (Some(Ending::Failed(source)), Some(compression)) => CaptureError::Unpack {
                capture,
                at,
                compression,
                source,
            },
            (Some(Ending::Failed(source)), None) => CaptureError::Read { capture, at, source },
            _ => CaptureError::CutOff {
                capture,
                at,
                record,
                part,
            },
        }
    }
}
