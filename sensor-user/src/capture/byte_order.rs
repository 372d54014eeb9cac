//! The byte order of the machine that wrote a capture.

/// The order in which numbers lie in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    /// The least significant byte first.
    Little,
    /// The most significant byte first.
    Big,
}

impl ByteOrder {
    /// The number in two bytes.
    #[inline]
    pub(super) const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    /// The number in four bytes.
    #[inline]
    pub(super) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// The signed number in eight bytes.
    pub(super) const fn i64(self, bytes: [u8; 8]) -> i64 {
        match self {
            Self::Little => i64::from_le_bytes(bytes),
            Self::Big => i64::from_be_bytes(bytes),
        }
    }

    /// The number in the two bytes from `at` on, which is a constant within the header.
    #[inline]
    pub(super) const fn u16_at<const N: usize>(self, header: &[u8; N], at: usize) -> u16 {
        self.u16([header[at], header[at + 1]])
    }

    /// The number in the four bytes from `at` on, which is a constant within the header.
    #[inline]
    pub(super) const fn u32_at<const N: usize>(self, header: &[u8; N], at: usize) -> u32 {
        self.u32([header[at], header[at + 1], header[at + 2], header[at + 3]])
    }
}
