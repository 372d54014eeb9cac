//! The watch list: which destination addresses are observed.
//!
//! IPv4 has two levels, so the test costs the same for any number of prefixes and is exact to a single
//! address: an index by the upper 16 bits says *none*, *all*, or which block; a block is a bitmap of the
//! 65,536 addresses under it.

use crate::Address;

/// Index entry: no address of this /16 is watched.
pub const NONE: u16 = 0;
/// Index entry: every address of this /16 is watched.
pub const ALL: u16 = 1;
/// Index entry of block 0; block `n` is `FIRST_BLOCK + n`.
pub const FIRST_BLOCK: u16 = 2;
/// The most blocks that an index entry can name.
pub const MAX_BLOCKS: usize = (u16::MAX - FIRST_BLOCK) as usize + 1;

/// Entries of the index: one for each /16.
pub const INDEX_ENTRIES: usize = 1 << 16;
/// Words of a block: one bit for each address of a /16.
pub const BLOCK_WORDS: usize = (1 << 16) / 64;

/// The first level: see [`NONE`], [`ALL`], [`FIRST_BLOCK`].
pub type Index = [u16; INDEX_ENTRIES];
/// The second level: bit `a & 63` of word `a >> 6` is the address whose lower 16 bits are `a`.
pub type Block = [u64; BLOCK_WORDS];

/// Asks whether an address is watched.
pub trait Watch {
    /// Whether the IPv4 address with this number (network order) is watched.
    fn contains_v4(&self, address: u32) -> bool;
    /// Whether this IPv6 address is watched.
    fn contains_v6(&self, address: Address) -> bool;
}

/// Where the bit of an address lies in its block: the word and the bit.
#[inline(always)]
#[must_use]
pub const fn block_bit(address: u32) -> (usize, u32) {
    ((address >> 6) as usize & (BLOCK_WORDS - 1), address & 63)
}
