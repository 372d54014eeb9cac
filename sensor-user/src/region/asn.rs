//! From an address to the autonomous system that announces it.

use std::collections::HashMap;
use std::path::Path;

use sensor_common::{Address, Family};

use super::error::RegionError;
use super::info::{FileInfo, Format};
use super::parsed::{self, Parsed};
use super::ranges::{Ranges, Value};
use super::{bogon, mmdb, source};

/// The numbers of autonomous systems, each once: ranges hold their places, which are small.
pub(super) struct Systems {
    numbers: Vec<u32>,
    places: HashMap<u32, Value>,
}

impl Systems {
    /// The value of an address that no system announces.
    pub(super) const NONE: Value = 0;

    fn new() -> Self {
        Self {
            numbers: vec![0],
            places: HashMap::new(),
        }
    }

    /// The value that stands for a system.
    pub(super) fn value(&mut self, number: u32) -> Value {
        *self.places.entry(number).or_insert_with(|| {
            self.numbers.push(number);
            // Fewer than the records of a file of at most 512 MiB, each some bytes long.
            Value::try_from(self.numbers.len() - 1).unwrap_or(Self::NONE)
        })
    }
}

/// A compiled database of autonomous systems.
pub(super) struct SystemTable {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    numbers: Vec<u32>,
}

impl SystemTable {
    /// Loads an mmdb database.
    pub(super) fn load(path: &Path) -> Result<(Self, FileInfo), RegionError> {
        let contents = source::read(path)?;
        if parsed::format(&contents)? == Format::TorText {
            return Err(RegionError::NoText { path: path.into() });
        }
        let mut systems = Systems::new();
        let parsed = mmdb::parse_systems(&contents, &mut systems)?;
        let info = parsed.info(&contents);
        drop(contents);
        let Parsed {
            v4: (_, v4),
            v6: (_, v6),
            ..
        } = parsed;
        let announced = |system, bogon| {
            if bogon == bogon::NEVER {
                Systems::NONE
            } else {
                system
            }
        };
        let table = Self {
            v4: Ranges::compile(v4.overlaid(&bogon::cover_v4(), announced)),
            v6: Ranges::compile(v6.overlaid(&bogon::cover_v6(), announced)),
            numbers: systems.numbers,
        };
        Ok((table, info))
    }

    /// The system of an address.
    #[inline]
    pub(super) fn get(&self, address: Address, family: Family) -> Option<u32> {
        let value = match family {
            Family::Ipv4 => self.v4.get(address.low32()),
            Family::Ipv6 => self.v6.get(parsed::bits(address)),
        };
        self.numbers
            .get(value as usize)
            .copied()
            .filter(|number| *number != 0)
    }

    /// Bytes of memory that look-ups use.
    pub(super) fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes() + self.numbers.capacity() * size_of::<u32>()
    }
}
