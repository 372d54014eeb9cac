//! Cells: the packets of an hour by what they are and where they come from. A hard cap keeps them bounded under any
//! flood; what comes beyond goes into one cell that keeps the sum exact, and is counted as overflow.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
};

use foldhash::fast::RandomState;
use sensor_common::{Class, ToolSet, Transport, record::FlowKind};

use crate::region::Region;

/// Seconds of an hour.
pub const HOUR: i64 = 3_600;

/// What tells one cell of an hour from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellKey {
    /// The transport.
    pub transport: Transport,
    /// IP protocol number.
    pub protocol: u8,
    /// Service port; for ICMP type and code.
    pub port: u16,
    /// The class.
    pub class: Class,
    /// Where the packets come from.
    pub source_region: Region,
    /// The marks that all of them have.
    pub tools: ToolSet,
}

impl CellKey {
    /// The cell of a flow from a region.
    #[must_use]
    pub fn of(kind: &FlowKind, source_region: Region) -> Self {
        Self {
            transport: if kind.fragment {
                Transport::Fragment
            } else {
                Transport::from_protocol(kind.protocol, kind.family)
            },
            protocol: kind.protocol,
            port: kind.port,
            class: kind.class,
            source_region,
            // What a packet only nearly has is of no concern here.
            tools: kind.tools.marks(),
        }
    }
}

/// One word in the place of six: each record looks for its cell.
impl Hash for CellKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let small = u64::from(self.protocol) | (self.transport as u64) << 8 | (self.class as u64) << 12;
        let region = self.source_region.index() as u64;
        state.write_u64(u64::from(self.port) | u64::from(self.tools.0) << 16 | region << 32 | small << 48);
    }
}

/// What a cell holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Packets.
    pub packets: u64,
    /// Their IP lengths, in bytes.
    pub bytes: u64,
}

impl Cell {
    fn add(&mut self, packets: u64, bytes: u64) {
        self.packets += packets;
        self.bytes += bytes;
    }
}

/// The cells of one hour.
#[derive(Clone, Debug)]
pub struct Cells {
    cap: usize,
    /// When the hour begins, in seconds since 1970 (UTC).
    pub hour: i64,
    /// The cells.
    pub cells: HashMap<CellKey, Cell, RandomState>,
    /// What found no cell of its own.
    pub other: Cell,
}

impl Cells {
    /// No cells yet, and never more than `cap`.
    #[must_use]
    pub fn new(cap: usize, hour: i64) -> Self {
        Self {
            cap,
            hour,
            cells: HashMap::default(),
            other: Cell::default(),
        }
    }

    /// Adds packets to their cell. Says whether they have one of their own.
    pub fn add(&mut self, key: CellKey, packets: u64, bytes: u64) -> bool {
        if self.cells.len() < self.cap {
            self.cells.entry(key).or_default().add(packets, bytes);
        } else if let Some(cell) = self.cells.get_mut(&key) {
            cell.add(packets, bytes);
        } else {
            self.other.add(packets, bytes);
            return false;
        }
        true
    }

    /// All packets, those of [`other`](Self::other) too.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.other.packets + self.cells.values().map(|cell| cell.packets).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(port: u16) -> CellKey {
        CellKey {
            transport: Transport::Tcp,
            protocol: 6,
            port,
            class: Class::Scan,
            source_region: Region::UNKNOWN,
            tools: ToolSet::NONE,
        }
    }

    #[test]
    fn a_flood_of_keys_stays_within_the_cap_and_loses_no_packet() {
        let mut cells = Cells::new(100, 0);
        for round in 1..=3_u64 {
            for port in 0..1_000 {
                cells.add(key(port), round, 40 * round);
            }
        }
        assert_eq!(cells.cells.len(), 100);
        assert_eq!(cells.packets(), 6_000);
        assert_eq!(
            cells.other,
            Cell {
                packets: 5_400,
                bytes: 216_000
            }
        );
        assert_eq!(
            cells.cells[&key(0)],
            Cell {
                packets: 6,
                bytes: 240
            }
        );
    }
}
