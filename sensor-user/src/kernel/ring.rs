//! The reader of the ring of records: it gives space back in large steps, because the producers on every CPU read
//! the position that it writes.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    sync::atomic::Ordering,
};

use super::sys::{self, RingMapping};

/// Set in a record's header while its producer still writes.
const BUSY: u32 = 1 << 31;
/// Set in a record's header when its producer thought better of it.
const DISCARDED: u32 = 1 << 30;
/// Bytes of a header.
const HEADER_BYTES: u64 = 8;

/// Whoever takes what is read.
pub trait Consumer {
    /// Takes an entry.
    fn take(&mut self, entry: &[u8]);
    /// Everything up to `position` was taken, and its space is about to be given back: what must not be taken a second
    /// time, whatever happens, is noted now.
    fn note(&mut self, position: u64);
}

/// Takes entries, and notes nothing.
struct Forgetful<F>(F);

impl<F: FnMut(&[u8])> Consumer for Forgetful<F> {
    fn take(&mut self, entry: &[u8]) {
        self.0(entry);
    }

    fn note(&mut self, _: u64) {}
}

/// The reading end of a BPF ring buffer.
#[derive(Debug)]
pub struct RingReader {
    descriptor: OwnedFd,
    mapping: RingMapping,
    capacity: u64,
    /// Read up to here.
    position: u64,
    /// Given back up to here.
    released: u64,
    /// Give back when this much was read.
    step: u64,
}

impl RingReader {
    /// Opens a ring of `capacity` bytes (a power of two).
    ///
    /// # Errors
    /// The ring cannot be mapped.
    pub fn new(descriptor: OwnedFd, capacity: u32) -> io::Result<Self> {
        let mapping = RingMapping::new(descriptor.as_fd(), capacity as usize)?;
        let position = mapping.consumer_position().load(Ordering::Acquire);
        Ok(Self {
            descriptor,
            mapping,
            capacity: capacity.into(),
            position,
            released: position,
            // Small rings need their space back sooner; large ones gain nothing beyond 64 KiB.
            step: u64::from(capacity / 4).min(64 << 10),
        })
    }

    /// Goes on at `position`, up to where an earlier reader had noted what it took. It died before it gave that space
    /// back, if the consumer's position is behind it.
    ///
    /// # Errors
    /// The ring cannot have been read up to there.
    pub fn resume_at(&mut self, position: u64) -> io::Result<()> {
        if position < self.position || position > self.end() {
            return Err(io::Error::other(format!(
                "it was noted as read up to {position}, but is given back up to {} and written up to {}",
                self.position,
                self.end()
            )));
        }
        self.position = position;
        self.release();
        Ok(())
    }

    /// Reads what is there, at most `limit` bytes of it, and hands each entry to `entry`. Answers the bytes read.
    pub fn read(&mut self, limit: u64, entry: impl FnMut(&[u8])) -> u64 {
        self.read_into(limit, &mut Forgetful(entry))
    }

    /// The same for a consumer that notes what it took.
    pub fn read_into(&mut self, limit: u64, consumer: &mut impl Consumer) -> u64 {
        let start = self.position;
        let end = self.mapping.producer_position().load(Ordering::Acquire);
        while self.position < end && self.position - start < limit {
            let header = self.mapping.header(self.position).load(Ordering::Acquire);
            if header & BUSY != 0 {
                break;
            }
            let length = header & !(BUSY | DISCARDED);
            if header & DISCARDED == 0 {
                consumer.take(self.mapping.payload(self.position, length as usize));
            }
            self.position += (u64::from(length) + HEADER_BYTES).next_multiple_of(8);
            if self.position - self.released >= self.step {
                consumer.note(self.position);
                self.release();
            }
        }
        if self.position != self.released {
            consumer.note(self.position);
            self.release();
        }
        self.position - start
    }

    /// Bytes that wait to be read, headers included.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.mapping
            .producer_position()
            .load(Ordering::Acquire)
            .saturating_sub(self.position)
            .min(self.capacity)
    }

    /// Read up to here, in bytes since the ring was made.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Up to where records were reserved by now.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.mapping.producer_position().load(Ordering::Acquire)
    }

    /// Waits until the kernel wakes us because the ring fills, or for `milliseconds`.
    ///
    /// # Errors
    /// The wait failed.
    pub fn wait(&self, milliseconds: i32) -> io::Result<()> {
        sys::wait_readable(self.descriptor.as_fd(), milliseconds)
    }

    fn release(&mut self) {
        if self.position != self.released {
            self.mapping
                .consumer_position()
                .store(self.position, Ordering::Release);
            self.released = self.position;
        }
    }
}
