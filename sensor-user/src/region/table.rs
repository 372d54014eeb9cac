//! The compiled databases: from an address to its source region.

use std::net::IpAddr;
use std::path::Path;

use sensor_common::{Address, Family};

use super::asn::SystemTable;
use super::bogon;
use super::code::Region;
use super::error::{RegionError, Wanted};
use super::info::{FileInfo, RegionInfo};
use super::parsed::{self, Parsed};
use super::ranges::{Cover, Ranges, Value};
use super::source::{self, RegionSources};

/// Answers which region an address belongs to. It never changes; a new one takes its place
/// ([`RegionHandle`](super::RegionHandle)).
///
/// # Memory
/// Debian's database (385,000 IPv4 and 277,000 IPv6 ranges) compiles to 20 MB, and a process that loads it never
/// has more than 41 MB. In general a table has at most 68 bytes for each start of a range, and at most 2^22
/// starts a family. While it is compiled there are, besides, one file as a whole (at most [`MAX_FILE_BYTES`];
/// files are read one after the other), at most 60 bytes a start, and the table that is still in use.
///
/// [`MAX_FILE_BYTES`]: super::MAX_FILE_BYTES
pub struct RegionTable {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    systems: Option<SystemTable>,
    info: RegionInfo,
}

impl RegionTable {
    /// Reads and compiles all files.
    ///
    /// # Errors
    /// [`RegionError`], when any of the files cannot be read, is wrong anywhere, or says what another said.
    pub fn load(sources: &RegionSources) -> Result<Self, RegionError> {
        if sources.regions.is_empty() {
            return Err(RegionError::NoSources);
        }
        let mut covers = Covers::default();
        let mut info = RegionInfo::default();
        for path in &sources.regions {
            info.regions.push(covers.add(path)?);
        }
        info.region_count = covers.count();
        let systems = sources.systems.as_deref().map(SystemTable::load).transpose()?;
        let systems = systems.map(|(table, file)| {
            info.systems = Some(file);
            table
        });
        Ok(Self::compile(covers, systems, info))
    }

    /// A table that tells bogons from the rest, which is unknown: for hosts without a database.
    #[must_use]
    pub fn without_database() -> Self {
        Self::compile(Covers::default(), None, RegionInfo::default())
    }

    fn compile(covers: Covers, systems: Option<SystemTable>, info: RegionInfo) -> Self {
        let unknown = parsed::value(Region::UNKNOWN);
        let v4 = covers
            .v4
            .map_or_else(|| Cover::uniform(unknown), |found| found.cover);
        let v6 = covers
            .v6
            .map_or_else(|| Cover::uniform(unknown), |found| found.cover);
        let mut table = Self {
            v4: Ranges::compile(v4.overlaid(&bogon::cover_v4(), bogon_first)),
            v6: Ranges::compile(v6.overlaid(&bogon::cover_v6(), bogon_first)),
            systems,
            info,
        };
        table.info.memory_bytes =
            table.v4.bytes() + table.v6.bytes() + table.systems.as_ref().map_or(0, SystemTable::bytes);
        table
    }

    /// The region of an address as the kernel stores it; `family` is how the packet came. An IPv4-mapped address
    /// in an IPv6 packet is a bogon.
    #[inline]
    #[must_use]
    pub fn lookup(&self, address: Address, family: Family) -> Region {
        parsed::region(match family {
            Family::Ipv4 => self.v4.get(address.low32()),
            Family::Ipv6 => self.v6.get(parsed::bits(address)),
        })
    }

    /// The region of an address as the standard library has it.
    #[must_use]
    pub fn lookup_ip(&self, address: IpAddr) -> Region {
        self.lookup(address.into(), family_of(address))
    }

    /// The autonomous system of an address, where a database of them is loaded and knows it. A bogon has none.
    #[inline]
    #[must_use]
    pub fn asn(&self, address: Address, family: Family) -> Option<u32> {
        self.systems.as_ref()?.get(address, family)
    }

    /// The autonomous system of an address as the standard library has it.
    #[must_use]
    pub fn asn_ip(&self, address: IpAddr) -> Option<u32> {
        self.asn(address.into(), family_of(address))
    }

    /// Which databases these are.
    #[must_use]
    pub const fn info(&self) -> &RegionInfo {
        &self.info
    }
}

impl std::fmt::Debug for RegionTable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RegionTable")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

const fn family_of(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(_) => Family::Ipv6,
    }
}

const fn bogon_first(region: Value, bogon: Value) -> Value {
    if bogon == bogon::NEVER {
        parsed::value(Region::BOGON)
    } else {
        region
    }
}

/// What one file says of one family.
struct Found<'path, N> {
    path: &'path Path,
    cover: Cover<N>,
}

/// What all files say: at most one for each family.
#[derive(Default)]
struct Covers<'path> {
    v4: Option<Found<'path, u32>>,
    v6: Option<Found<'path, u128>>,
}

impl<'path> Covers<'path> {
    /// Reads one more file.
    fn add(&mut self, path: &'path Path) -> Result<FileInfo, RegionError> {
        let contents = source::read(path)?;
        let parsed = parsed::regions(&contents)?;
        let info = parsed.info(&contents);
        let Parsed {
            v4: (ranges_v4, v4),
            v6: (ranges_v6, v6),
            ..
        } = parsed;
        if ranges_v4 == 0 && ranges_v6 == 0 {
            return Err(RegionError::Nothing {
                path: path.into(),
                wanted: Wanted::Regions,
            });
        }
        if ranges_v4 > 0 {
            claim(&mut self.v4, Found { path, cover: v4 }, Family::Ipv4)?;
        }
        if ranges_v6 > 0 {
            claim(&mut self.v6, Found { path, cover: v6 }, Family::Ipv6)?;
        }
        Ok(info)
    }

    /// How many regions occur.
    fn count(&self) -> usize {
        let mut seen = [false; Region::COUNT];
        let v4 = self.v4.iter().flat_map(|found| found.cover.values());
        let v6 = self.v6.iter().flat_map(|found| found.cover.values());
        for value in v4.chain(v6) {
            seen[parsed::region(*value).index()] = true;
        }
        seen[Region::UNKNOWN.index()] = false;
        seen.iter().filter(|seen| **seen).count()
    }
}

fn claim<'path, N>(
    place: &mut Option<Found<'path, N>>,
    found: Found<'path, N>,
    family: Family,
) -> Result<(), RegionError> {
    if let Some(first) = place {
        return Err(RegionError::Twice {
            first: first.path.into(),
            second: found.path.into(),
            family,
        });
    }
    *place = Some(found);
    Ok(())
}
