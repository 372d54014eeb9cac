//! What can be wrong with a region database, and what to do about it.

use std::io;
use std::path::PathBuf;

use sensor_common::Family;

use super::ranges::{MAX_STARTS, Misplaced};

/// How much of a wrong text a message repeats.
pub(super) const SHOWN_BYTES: usize = 48;

/// The beginning of a text from a file, harmless in a log: printable ASCII, the rest escaped.
pub(super) fn shown(text: &[u8]) -> String {
    let more = if text.len() > SHOWN_BYTES { "…" } else { "" };
    format!("{}{more}", text[..text.len().min(SHOWN_BYTES)].escape_ascii())
}

/// The whole of a message of the mmdb reader, which may quote the file, harmless in a log.
pub(super) fn printable(message: &str) -> String {
    message.chars().take(300).flat_map(char::escape_debug).collect()
}

/// A region database that cannot be used. Whatever the error, nothing of the file is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegionError {
    /// No file was named.
    #[error(
        "no region database is named: give the path of one, such as /usr/share/tor/geoip (Debian: apt-get install tor-geoipdb)"
    )]
    NoSources,

    /// The operating system refused to open or read the file.
    #[error("cannot read the region database {}: {cause}: correct its path or permissions, or install it (Debian: apt-get install tor-geoipdb)", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },

    /// A directory, a pipe or a device.
    #[error("the region database {} is no regular file: name the file itself", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },

    /// More bytes than are read into memory.
    #[error("the region database {} has {bytes} bytes, more than the {limit} that are accepted: use a country database, not one of cities", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },

    /// The file changed each time that it was read.
    #[error("the region database {} is being written: try again when it is whole, and replace such files by renaming", path.display())]
    Unsettled {
        /// The file.
        path: PathBuf,
    },

    /// Neither of the two formats.
    #[error("{} is no region database: it is neither text with lines `start,end,code` nor a MaxMind database with its metadata at the end; it may be cut, or still compressed", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },

    /// A line of a text database.
    #[error("the region database {}, line {line}: {fault}; nothing of the file is used: install it again (Debian: apt-get install --reinstall tor-geoipdb)", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        fault: LineFault,
    },

    /// The structure of an mmdb database.
    #[error("the MaxMind database {} is damaged: {cause}; nothing of the file is used: download it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        cause: String,
    },

    /// The data of one network in an mmdb database.
    #[error("the MaxMind database {}, network {network}: {fault}; nothing of the file is used: download it again, or take a country database", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The first network with this data.
        network: String,
        /// What is wrong with it.
        fault: RecordFault,
    },

    /// A database that says nothing about any address.
    #[error("the database {} holds no {wanted}: {}", path.display(), cure(*.wanted))]
    Nothing {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: Wanted,
    },

    /// A text database where one of autonomous systems is wanted.
    #[error("{} is a text of regions, not a database of autonomous systems: name a MaxMind-format file such as GeoLite2-ASN.mmdb", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
    },

    /// Two files that answer the same question.
    #[error("{} and {} both hold {} ranges: name only one of them", first.display(), second.display(), family_name(*.family))]
    Twice {
        /// The file that was read first.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// The family that both hold.
        family: Family,
    },

    /// A new file that holds less than half of what the old one did.
    #[error("the new {} holds {after} ranges where the one in use has {before}: it looks cut, so the old one stays; if it is meant, restart", path.display())]
    Shrunk {
        /// The file.
        path: PathBuf,
        /// Ranges of the table in use.
        before: u64,
        /// Ranges of the new file.
        after: u64,
    },
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineFault {
    /// Not three fields.
    #[error("`{0}` is not `start,end,code`")]
    Fields(String),
    /// No address.
    #[error("`{0}` is neither an IPv4 address as a decimal number nor an IPv6 address")]
    Address(String),
    /// One IPv4 and one IPv6 address.
    #[error("its start and its end are not of one family")]
    MixedFamilies,
    /// No region.
    #[error("`{0}` is no country code: two capital letters, or ?? for unknown")]
    Code(String),
    /// A code that has its own meaning here.
    #[error("the code XB is kept for addresses that are never routed")]
    Reserved,
    /// A start after its end.
    #[error("its start is after its end")]
    Backwards,
    /// Not in order.
    #[error("it does not begin after the end of the range before it: ranges are sorted, and none overlap")]
    Overlap,
    /// More ranges than memory is set aside for.
    #[error("it has more than {MAX_STARTS} ranges of one family")]
    TooMany,
    /// The last line has no end.
    #[error("the file ends within it, so it is cut")]
    Cut,
}

impl From<Misplaced> for LineFault {
    fn from(misplaced: Misplaced) -> Self {
        match misplaced {
            Misplaced::Backwards => Self::Backwards,
            Misplaced::Overlap => Self::Overlap,
            Misplaced::TooMany => Self::TooMany,
        }
    }
}

/// What is wrong with the data of a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// Data that cannot be read, or not as a country or autonomous system.
    #[error("{0}")]
    Unreadable(String),
    /// No region.
    #[error("`{0}` is no country code of two capital letters")]
    Code(String),
    /// A code that has its own meaning here.
    #[error("the code XB is kept for addresses that are never routed")]
    Reserved,
    /// No autonomous system.
    #[error("`{0}` is no autonomous system such as AS64496")]
    System(String),
    /// More ranges than memory is set aside for.
    #[error("it has more than {MAX_STARTS} ranges of one family")]
    TooMany,
    /// Networks out of order.
    #[error("it does not come after the network before it")]
    Misplaced,
}

/// What a database is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Regions.
    Regions,
    /// Autonomous systems.
    Systems,
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Regions => "country",
            Self::Systems => "autonomous system",
        })
    }
}

const fn cure(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Regions => "name a country database, such as /usr/share/tor/geoip or GeoLite2-Country.mmdb",
        Wanted::Systems => "name a database of autonomous systems, such as GeoLite2-ASN.mmdb",
    }
}

const fn family_name(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    }
}
