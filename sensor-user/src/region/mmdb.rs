//! The mmdb format (`MaxMind` DB, version 2): its tree of networks, walked once from end to end.
//!
//! Countries are read as GeoLite2 and DB-IP write them (`country.iso_code`), or as `IPinfo` does
//! (`country_code`, or `country` as a plain text). Where only `registered_country.iso_code` is there, that is
//! taken: GeoLite2 leaves `country` out where it does not know the place but knows to whom the network is
//! registered, and for a source that nobody asked for, the registration says more than *unknown*.
//! Autonomous systems are read as `autonomous_system_number` (GeoLite2, DB-IP) or `asn` (`IPinfo`: `"AS64496"`).

use std::collections::HashMap;
use std::net::IpAddr;

use maxminddb::{LookupResult, MaxMindDbError, Reader, WithinOptions};
use serde::Deserialize;

use super::asn::Systems;
use super::code::Region;
use super::error::{RecordFault, RegionError, Wanted, printable, shown};
use super::info::{BuiltFrom, Format, label};
use super::parsed::{Parsed, value};
use super::ranges::{Builder, Misplaced, Number, Value};
use super::source::Contents;

/// What begins the metadata, and how far from the end of the file it is at most (`MaxMind` DB
/// format, section *database metadata*).
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
const METADATA_BYTES: usize = 128 << 10;

/// How often a node of the tree may be met on the way, on average. IPv4 networks appear up to five times,
/// because `::ffff:0:0/96`, `2001::/32` and `2002::/16` lead to them too; a hostile tree, whose nodes share
/// their children, would have more leaves than there is time to visit.
const VISITS_PER_NODE: u64 = 8;

/// How many records of the file are remembered, so that each is decoded about once.
const MOST_KNOWN: usize = 1 << 20;

/// Whether the file claims to be of this format.
pub(super) fn is_mmdb(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(METADATA_BYTES + MARKER.len())..];
    tail.windows(MARKER.len()).any(|window| window == MARKER)
}

/// Reads the regions of a database.
pub(super) fn parse_regions(contents: &Contents<'_>) -> Result<Parsed, RegionError> {
    parse(contents, Wanted::Regions, value(Region::UNKNOWN), region_of)
}

/// Reads the autonomous systems of a database.
pub(super) fn parse_systems(contents: &Contents<'_>, systems: &mut Systems) -> Result<Parsed, RegionError> {
    parse(contents, Wanted::Systems, Systems::NONE, |found| {
        Ok(system_of(found)?.map(|number| systems.value(number)))
    })
}

type Found<'a> = LookupResult<'a, &'a [u8]>;

#[derive(Deserialize)]
struct CountryRecord<'a> {
    #[serde(borrow)]
    country_code: Option<&'a str>,
    #[serde(borrow)]
    country: Option<Country<'a>>,
    #[serde(borrow)]
    registered_country: Option<Country<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Country<'a> {
    Plain(&'a str),
    Map { iso_code: Option<&'a str> },
}

impl<'a> Country<'a> {
    fn code(&self) -> Option<&'a str> {
        match self {
            Self::Plain(code) => Some(*code),
            Self::Map { iso_code } => *iso_code,
        }
    }
}

fn region_of(found: &Found<'_>) -> Result<Option<Value>, RecordFault> {
    let Some(record) = found
        .decode::<CountryRecord<'_>>()
        .map_err(|error| unreadable(&error))?
    else {
        return Ok(None);
    };
    let code = record
        .country_code
        .or_else(|| record.country.as_ref().and_then(Country::code))
        .or_else(|| record.registered_country.as_ref().and_then(Country::code))
        .filter(|code| !code.is_empty());
    match code.map(|code| (code, code.parse::<Region>())) {
        None => Ok(None),
        Some((_, Ok(Region::BOGON))) => Err(RecordFault::Reserved),
        Some((_, Ok(region))) => Ok(Some(value(region))),
        Some((code, Err(_))) => Err(RecordFault::Code(shown(code.as_bytes()))),
    }
}

#[derive(Deserialize)]
struct SystemRecord<'a> {
    autonomous_system_number: Option<u32>,
    #[serde(borrow)]
    asn: Option<System<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum System<'a> {
    Number(u32),
    Text(&'a str),
}

/// The number of an autonomous system; 0 is none (RFC 7607).
fn system_of(found: &Found<'_>) -> Result<Option<u32>, RecordFault> {
    let Some(record) = found
        .decode::<SystemRecord<'_>>()
        .map_err(|error| unreadable(&error))?
    else {
        return Ok(None);
    };
    let number = match (record.autonomous_system_number, record.asn) {
        (Some(number), _) | (None, Some(System::Number(number))) => number,
        (None, None | Some(System::Text(""))) => return Ok(None),
        (None, Some(System::Text(text))) => text
            .strip_prefix("AS")
            .filter(|digits| digits.starts_with(|first: char| first.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| RecordFault::System(shown(text.as_bytes())))?,
    };
    Ok(Some(number).filter(|number| *number != 0))
}

fn unreadable(error: &MaxMindDbError) -> RecordFault {
    RecordFault::Unreadable(printable(&error.to_string()))
}

/// Walks the tree; `value_of` reads the data of a network, once for each place in the file.
fn parse(
    contents: &Contents<'_>,
    wanted: Wanted,
    gap: Value,
    mut value_of: impl FnMut(&Found<'_>) -> Result<Option<Value>, RecordFault>,
) -> Result<Parsed, RegionError> {
    let damaged = |error: MaxMindDbError| RegionError::Damaged {
        path: contents.path.into(),
        cause: printable(&error.to_string()),
    };
    let reader = Reader::from_source(contents.bytes.as_slice()).map_err(damaged)?;
    let metadata = reader.metadata();
    let mut walk = Walk {
        v4: Builder::new(gap),
        v6: Builder::new(gap),
    };
    let mut known: HashMap<usize, Option<Value>> = HashMap::new();
    let mut visits = VISITS_PER_NODE * (u64::from(metadata.node_count) + 1);
    let every = WithinOptions::default()
        .include_aliased_networks()
        .include_networks_without_data();
    for found in reader.networks(every).map_err(damaged)? {
        let found = found.map_err(damaged)?;
        visits = visits.checked_sub(1).ok_or_else(|| {
            damaged(MaxMindDbError::invalid_database(
                "its tree shares too many of its nodes",
            ))
        })?;
        let Some(offset) = found.offset() else { continue };
        let network = found.network().map_err(damaged)?;
        let (address, length) = (network.network(), u32::from(network.prefix()));
        let at_fault = |fault| RegionError::Record {
            path: contents.path.into(),
            network: format!("{address}/{length}"),
            fault,
        };
        let value = if let Some(value) = known.get(&offset) {
            *value
        } else {
            let value = value_of(&found).map_err(at_fault)?;
            if known.len() >= MOST_KNOWN {
                known.clear();
            }
            known.insert(offset, value);
            value
        };
        if let Some(value) = value {
            walk.push(address, length, value)
                .map_err(|misplaced| at_fault(misplaced.into()))?;
        }
    }
    let parsed = Parsed {
        format: Format::MaxMind,
        database: Some(label(&metadata.database_type)),
        built_seconds: metadata.build_epoch,
        built_from: BuiltFrom::Metadata,
        v4: walk.v4.finish(),
        v6: walk.v6.finish(),
    };
    if parsed.v4.0 == 0 && parsed.v6.0 == 0 {
        return Err(RegionError::Nothing {
            path: contents.path.into(),
            wanted,
        });
    }
    Ok(parsed)
}

/// The networks met so far.
struct Walk {
    v4: Builder<u32>,
    v6: Builder<u128>,
}

impl Walk {
    fn push(&mut self, address: IpAddr, length: u32, value: Value) -> Result<(), Misplaced> {
        match address {
            IpAddr::V4(address) => {
                let first = address.to_bits();
                self.v4.push(first, first.last_under(length), value)
            }
            IpAddr::V6(address) => {
                let first = address.to_bits();
                // In an IPv6 tree IPv4 lies below ::/96: data above that is data of all of IPv4.
                if first == 0 && length <= 96 {
                    self.v4.push(0, u32::MAX, value)?;
                }
                self.v6.push(first, first.last_under(length), value)
            }
        }
    }
}

impl From<Misplaced> for RecordFault {
    fn from(misplaced: Misplaced) -> Self {
        match misplaced {
            Misplaced::TooMany => Self::TooMany,
            Misplaced::Backwards | Misplaced::Overlap => Self::Misplaced,
        }
    }
}
