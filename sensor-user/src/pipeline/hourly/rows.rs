//! What the sources of an hour ask for: a row for each source and service, up to a number of each source; then one for all
//! the rest of it.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use indexmap::{IndexMap, map::Entry};
use sensor_common::{Address, Class, Family, Transport, record::FlowKey};

use super::{Detail, Limits};
use crate::{
    pipeline::{
        arrival::{Arrival, BATCH},
        cells::CellKey,
    },
    region::Region,
};

/// A source: an address, and of which family.
pub type Sender = (Address, Family);

/// One service that one source asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The source's family.
    pub family: Family,
    /// The service, and where the source is.
    pub cell: CellKey,
    /// The packets.
    pub detail: Detail,
}

/// All that one source asks for beyond its rows, of one transport and class.
#[derive(Clone, Debug)]
pub struct Folded {
    /// Where the source is.
    pub region: Region,
    /// The packets.
    pub detail: Detail,
    /// The service ports; no more than there are.
    pub ports: HashSet<u16, RandomState>,
}

/// What a record adds to a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Added {
    /// The flow, with marks alone.
    pub flow: FlowKey,
    /// The source's family.
    pub family: Family,
    /// The service, and where the source is.
    pub cell: CellKey,
    /// The packets.
    pub detail: Detail,
}

/// The rows of the sources of one hour.
#[derive(Clone, Debug, Default)]
pub struct SourceRows {
    /// By flow, with marks alone. Nearly every record adds to a row that is there: one look-up, and one place in memory.
    rows: IndexMap<FlowKey, Row, RandomState>,
    /// How many rows each source has. Only a new row asks.
    of_source: HashMap<Sender, usize, RandomState>,
    folded: HashMap<(Sender, Transport, Class), Folded, RandomState>,
}

impl SourceRows {
    /// The rows of services, each with its source's address.
    pub fn rows(&self) -> impl Iterator<Item = (Address, &Row)> {
        self.rows.iter().map(|(flow, row)| (flow.source, row))
    }

    /// What sources asked for beyond their rows.
    pub fn folded(&self) -> impl Iterator<Item = (Sender, Transport, Class, &Folded)> {
        let folded = self.folded.iter();
        folded.map(|((source, transport, class), folded)| (*source, *transport, *class, folded))
    }

    /// How many rows there are, of both kinds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len() + self.folded.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the rows of a batch are, as far as they are there: so the processor waits for the memory of several at once.
    pub(super) fn places(&self, batch: &[Arrival]) -> [Option<usize>; BATCH] {
        let mut places = [None; BATCH];
        for (place, arrival) in places.iter_mut().zip(batch) {
            let known = arrival.known.as_ref();
            *place = known.and_then(|known| self.rows.get_index_of(&known.facts.key));
        }
        places
    }

    /// Adds packets to the row at this place, or where there is none to the one they belong to. Says whether they have one.
    pub(super) fn add(&mut self, place: Option<usize>, added: &Added, limits: &Limits) -> bool {
        if let Some((_, row)) = place.and_then(|place| self.rows.get_index_mut(place)) {
            row.detail.merge(&added.detail);
            return true;
        }
        let Added {
            flow,
            family,
            cell,
            detail,
        } = *added;
        let has_room = self.len() < limits.sources;
        let vacant = match self.rows.entry(flow) {
            Entry::Occupied(mut row) => {
                row.get_mut().detail.merge(&detail);
                return true;
            }
            Entry::Vacant(vacant) => vacant,
        };
        let sender = (flow.source, family);
        if has_room {
            let held = self.of_source.entry(sender).or_default();
            if *held < limits.source_rows {
                *held += 1;
                vacant.insert(Row { family, cell, detail });
                return true;
            }
        }
        // A source has one of these only when it has all its rows.
        let beyond = (sender, cell.transport, cell.class);
        if let Some(folded) = self.folded.get_mut(&beyond) {
            folded.detail.merge(&detail);
            folded.ports.insert(cell.port);
            return true;
        }
        if has_room {
            let folded = Folded {
                region: cell.source_region,
                detail,
                ports: std::iter::once(cell.port).collect(),
            };
            self.folded.insert(beyond, folded);
        }
        has_room
    }
}
