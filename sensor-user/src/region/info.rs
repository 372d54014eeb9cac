//! What is known of the databases in use: for operators, metrics and records.

use std::fmt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

/// How a database is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// The text of Debian's `tor-geoipdb`.
    TorText,
    /// The mmdb format, version 2.
    MaxMind,
}

impl Format {
    /// The name in metrics and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TorText => "tor_text",
            Self::MaxMind => "max_mind",
        }
    }
}

/// Where the time at which a database was built is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BuiltFrom {
    /// `build_epoch` in the metadata of an mmdb database.
    Metadata,
    /// The line `# Generated:` at the head of a text.
    Header,
    /// Nothing in the file says it: when the file was last modified.
    Modified,
}

/// A SHA-256 digest; prints as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One database file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileInfo {
    /// The path that was given.
    pub path: PathBuf,
    /// How it is written.
    pub format: Format,
    /// What an mmdb database calls itself, such as `GeoLite2-Country`: at most 64 letters, digits, spaces and
    /// `-_.`, anything else replaced by `_`. A text has no name.
    pub database: Option<String>,
    /// When it was built, in seconds since 1970 (UTC).
    pub built_seconds: u64,
    /// How that is known.
    pub built_from: BuiltFrom,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 digest of its bytes.
    pub sha256: Digest,
    /// IPv4 ranges or networks that it names.
    pub ranges_v4: u64,
    /// IPv6 ranges or networks that it names.
    pub ranges_v6: u64,
}

/// A whole table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RegionInfo {
    /// The country databases; none when the table knows bogons alone.
    pub regions: Vec<FileInfo>,
    /// The database of autonomous systems, if there is one.
    pub systems: Option<FileInfo>,
    /// How many regions occur in the databases, not counting unknown.
    pub region_count: usize,
    /// Bytes of memory that look-ups use.
    pub memory_bytes: usize,
}

impl RegionInfo {
    /// All files, country databases first.
    pub fn files(&self) -> impl Iterator<Item = &FileInfo> {
        self.regions.iter().chain(&self.systems)
    }

    /// When the oldest of the country databases was built, in seconds since 1970 (UTC).
    #[must_use]
    pub fn built_seconds(&self) -> Option<u64> {
        self.regions.iter().map(|file| file.built_seconds).min()
    }
}

/// Seconds since 1970; a time before that is 0.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A name from a file, fit for a metric label.
pub(super) fn label(name: &str) -> String {
    name.chars()
        .take(64)
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '-' | '_' | '.' => letter,
            _ => '_',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_becomes_a_short_harmless_label() {
        assert_eq!(label("GeoLite2-Country"), "GeoLite2-Country");
        assert_eq!(label("a\"b\n{日}\\"), "a_b_____");
        assert_eq!(label(&"x".repeat(1_000_000)).len(), 64);
    }
}
