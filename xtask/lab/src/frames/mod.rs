//! Building frames: right by default, wrong wherever a field is set by hand.
//!
//! Layers are plain structs: `Ipv4::to(address).frame(Tcp::syn(23))` is a whole Ethernet frame with correct lengths
//! and checksums; every length and version can be overridden, and [`Edit`] patches or cuts the bytes afterwards.

mod ethernet;
mod ip;
mod transport;

pub use self::{
    ethernet::{Ethernet, Tag, ethertype},
    ip::{Extension, Ipv4, Ipv6},
    transport::{Content, Icmp, Tcp, Udp, flags},
};

/// Bytes of the shortest Ethernet frame without its check sequence (IEEE 802.3); shorter ones are padded.
pub const MINIMUM_FRAME_BYTES: usize = 60;

/// Changes to finished frames.
pub trait Edit: Sized {
    /// With `bytes` written over those at `offset`; the frame grows where they reach beyond its end.
    #[must_use]
    fn with(self, offset: usize, bytes: &[u8]) -> Self;

    /// The first `length` bytes, or all where there are fewer.
    #[must_use]
    fn cut(self, length: usize) -> Self;

    /// Padded with zeros to [`MINIMUM_FRAME_BYTES`].
    #[must_use]
    fn padded(self) -> Self;

    /// With more bytes at the end.
    #[must_use]
    fn followed_by(self, bytes: &[u8]) -> Self;
}

impl Edit for Vec<u8> {
    fn with(mut self, offset: usize, bytes: &[u8]) -> Self {
        let end = offset + bytes.len();
        if self.len() < end {
            self.resize(end, 0);
        }
        self[offset..end].copy_from_slice(bytes);
        self
    }

    fn cut(mut self, length: usize) -> Self {
        self.truncate(length);
        self
    }

    fn padded(mut self) -> Self {
        if self.len() < MINIMUM_FRAME_BYTES {
            self.resize(MINIMUM_FRAME_BYTES, 0);
        }
        self
    }

    fn followed_by(mut self, bytes: &[u8]) -> Self {
        self.extend_from_slice(bytes);
        self
    }
}

#[cfg(test)]
mod tests;
