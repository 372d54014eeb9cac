//! What a database says, whatever its format: a cover of all addresses for each family.

use sensor_common::Address;

use super::code::Region;
use super::error::RegionError;
use super::info::{BuiltFrom, FileInfo, Format};
use super::ranges::{Cover, Value};
use super::source::Contents;
use super::{mmdb, text};

/// A database that was read to its end without a fault.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) format: Format,
    pub(super) database: Option<String>,
    pub(super) built_seconds: u64,
    pub(super) built_from: BuiltFrom,
    /// IPv4 ranges that the file names, and the cover that they make.
    pub(super) v4: (u64, Cover<u32>),
    /// IPv6 ranges that the file names, and the cover that they make.
    pub(super) v6: (u64, Cover<u128>),
}

impl Parsed {
    /// The file as the operator sees it.
    pub(super) fn info(&self, contents: &Contents<'_>) -> FileInfo {
        FileInfo {
            path: contents.path.into(),
            format: self.format,
            database: self.database.clone(),
            built_seconds: self.built_seconds,
            built_from: self.built_from,
            bytes: contents.bytes.len() as u64,
            sha256: contents.digest,
            ranges_v4: self.v4.0,
            ranges_v6: self.v6.0,
        }
    }
}

/// Tells the format of a file from its content.
pub(super) fn format(contents: &Contents<'_>) -> Result<Format, RegionError> {
    let bytes = &contents.bytes;
    // A tree of networks begins with small numbers in three or four octets, so with zeros; a text has none.
    let head = &bytes[..bytes.len().min(4096)];
    if mmdb::is_mmdb(bytes) {
        Ok(Format::MaxMind)
    } else if head.is_empty() || head.contains(&0) {
        Err(RegionError::UnknownFormat {
            path: contents.path.into(),
        })
    } else {
        Ok(Format::TorText)
    }
}

/// Reads the regions of a database of either format.
pub(super) fn regions(contents: &Contents<'_>) -> Result<Parsed, RegionError> {
    match format(contents)? {
        Format::TorText => text::parse(contents),
        Format::MaxMind => mmdb::parse_regions(contents),
    }
}

/// An IPv6 address as one number.
#[inline]
pub(super) fn bits(address: Address) -> u128 {
    u128::from(address.high) << 64 | u128::from(address.low)
}

/// A region as the value of a range.
#[expect(
    clippy::cast_possible_truncation,
    reason = "an index of a region is below 676"
)]
pub(super) const fn value(region: Region) -> Value {
    region.index() as Value
}

/// The region of a value that [`value`] made.
#[inline]
pub(super) const fn region(value: Value) -> Region {
    match Region::from_index(value as usize) {
        Some(region) => region,
        None => Region::UNKNOWN,
    }
}
