//! Scans by destination port and source region, over the sensor's run.

use std::{cmp::Reverse, collections::HashMap};

use foldhash::fast::RandomState;
use sensor_common::{Class, ToolSet, Transport};

use super::{
    PortName, PortTransport,
    cells::{CellKey, Cells},
};
use crate::region::Region;

/// Pairs of port and region that are kept apart.
pub(super) const MAX_PAIRS: usize = 1 << 16;

/// Packets, and those of them with the Mirai mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// Packets.
    pub packets: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
}

impl Marked {
    pub(super) fn add(&mut self, packets: u64, tools: ToolSet) {
        self.packets += packets;
        if tools.contains(ToolSet::MIRAI) {
            self.mirai += packets;
        }
    }
}

/// Scans by destination port and source region.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    /// The pairs that are kept apart.
    pub rows: HashMap<(PortName, Region), Marked, RandomState>,
    /// Scans that found no row: beyond the cap, or beyond that of the cells.
    pub other: Marked,
}

impl Pairs {
    /// Adds the scans of an hour. Where there are more pairs than rows, the busiest get one.
    pub(super) fn add(&mut self, cells: &Cells) {
        let scans = cells.cells.iter().filter_map(|(key, cell)| {
            let pair = (scanned_port(key)?, key.source_region);
            Some((pair, key.tools, cell.packets))
        });
        let mut scans: Vec<_> = scans.collect();
        if self.rows.len() + scans.len() > MAX_PAIRS {
            scans.sort_unstable_by_key(|(pair, tools, packets)| (Reverse(*packets), *pair, tools.0));
        }
        for (pair, tools, packets) in scans {
            if self.rows.len() < MAX_PAIRS {
                self.rows.entry(pair).or_default().add(packets, tools);
            } else if let Some(row) = self.rows.get_mut(&pair) {
                row.add(packets, tools);
            } else {
                self.other.add(packets, tools);
            }
        }
    }
}

/// The port that a scan asks for; `0/icmp` stands for echo requests of both versions.
pub(super) fn scanned_port(key: &CellKey) -> Option<PortName> {
    if key.class != Class::Scan {
        return None;
    }
    let (transport, port) = match key.transport {
        Transport::Tcp => (PortTransport::Tcp, key.port),
        Transport::Udp => (PortTransport::Udp, key.port),
        Transport::Icmp | Transport::Icmpv6 => (PortTransport::Icmp, 0),
        Transport::Other | Transport::Fragment => return None,
    };
    Some(PortName { transport, port })
}
