//! Where real sources are: ranges by region from Debian's country database, read by a reader of the demo's own.
//!
//! The sensor looks addresses up in the same file with its own code. What is drawn from here is the truth that its
//! answers are held against.

use std::{
    collections::BTreeMap,
    fs, io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use crate::scenario::RegionPool;

/// Debian's text for IPv4, of the package `tor-geoipdb`.
pub const DATABASE: &str = "/usr/share/tor/geoip";

/// Where the demo's packets come from, the busiest region first.
pub const REGIONS: [&str; 14] = [
    "US", "CN", "NL", "RU", "DE", "GB", "BG", "KR", "JP", "TW", "VN", "IN", "FR", "BR",
];

/// The code under which the sensor counts addresses that nobody can send from.
pub const BOGON: &str = "XB";

/// Prefixes that are nobody's (RFC 6890) and multicast: no source is drawn from a range that touches one.
const NOBODYS: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Why there are no regions.
#[derive(Debug, thiserror::Error)]
pub enum RegionsError {
    /// The database is not there, or not to be read.
    #[error(
        "the country database {path} cannot be read ({source}): `cargo xtask setup` installs it, or \
         `apt-get install tor-geoipdb`",
        path = path.display()
    )]
    Unread {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has nothing for a region.
    #[error(
        "the country database {path} has no address in {region}: is it whole? `apt-get install --reinstall tor-geoipdb` \
         gets it anew",
        path = path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
        /// The region.
        region: &'static str,
    },
}

/// The ranges of [`REGIONS`], in their order.
///
/// # Errors
/// The database cannot be read, or lacks a region.
pub fn read(path: &Path) -> Result<Vec<RegionPool>, RegionsError> {
    let text = fs::read_to_string(path).map_err(|source| RegionsError::Unread {
        path: path.to_owned(),
        source,
    })?;
    let mut found = ranges(&text);
    REGIONS
        .into_iter()
        .map(|region| {
            let ranges = found.remove(region).ok_or_else(|| RegionsError::Empty {
                path: path.to_owned(),
                region,
            })?;
            Ok(RegionPool {
                region: region.to_owned(),
                ranges,
            })
        })
        .collect()
}

/// First and last address of each range.
type Ranges = Vec<(Ipv4Addr, Ipv4Addr)>;

/// Lines `first,last,CODE` with decimal addresses, by code. Comments, and ranges that touch [`NOBODYS`], are left out.
fn ranges(text: &str) -> BTreeMap<&str, Ranges> {
    let mut found: BTreeMap<&str, Ranges> = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.split(',');
        let (Some(first), Some(last), Some(code)) =
            (address(fields.next()), address(fields.next()), fields.next())
        else {
            continue;
        };
        if first <= last && !is_nobodys(first, last) {
            found.entry(code).or_default().push((first, last));
        }
    }
    found
}

fn address(field: Option<&str>) -> Option<Ipv4Addr> {
    field?.parse().ok().map(Ipv4Addr::from_bits)
}

/// Whether a range has an address that nobody can send from.
fn is_nobodys(first: Ipv4Addr, last: Ipv4Addr) -> bool {
    NOBODYS.iter().any(|(prefix, length)| {
        let from = prefix.to_bits();
        let to = from | (u32::MAX >> length);
        first.to_bits() <= to && from <= last.to_bits()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_what_is_nobodys_is_left_out() {
        let text = "# a comment, with a comma\n\
                    16777216,16777471,AU\n\
                    16777472,16778239,CN\n\
                    167772160,167772415,US\n\
                    167772159,167772160,US\n\
                    184549376,184549631,US\n\
                    3325256703,3325256704,DE\n\
                    1,2\n\
                    5,4,JP\n";
        let ranges = ranges(text);
        let range = |first: [u8; 4], last: [u8; 4]| (Ipv4Addr::from(first), Ipv4Addr::from(last));
        assert_eq!(ranges["AU"], [range([1, 0, 0, 0], [1, 0, 0, 255])]);
        assert_eq!(ranges["CN"], [range([1, 0, 1, 0], [1, 0, 3, 255])]);
        // 10.0.0.0/8 is nobody's, and 9.255.255.255 to 10.0.0.0 touches it; 11.0.0.0/24 begins right behind it.
        assert_eq!(ranges["US"], [range([11, 0, 0, 0], [11, 0, 0, 255])]);
        // 198.51.99.255 to 198.51.100.0.
        assert_eq!(ranges.get("DE"), None);
        assert_eq!(ranges.get("JP"), None);
    }

    #[test]
    fn a_missing_database_says_how_to_get_it() {
        let error = read(Path::new("/no/such/file")).unwrap_err().to_string();
        assert!(
            error.contains("/no/such/file") && error.contains("cargo xtask setup"),
            "{error}"
        );
    }
}
