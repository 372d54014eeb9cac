//! Sources of the open hour: a row for each of what a source asks for, up to a number; then one for all the rest of it.

use rusqlite::{CachedStatement, Transaction, params};
use sensor_records::rows::SourceRow;

use super::{Caps, Filled};
use crate::Addition;

/// What a row of `sources` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Row = 0,
    Folded = 1,
    Other = 2,
}

const EXISTS: &str = "SELECT 1 FROM sources WHERE hour = ?1 AND source = ?2 AND kind = ?3 AND transport = ?4 AND \
     port = ?5 AND class = ?6 AND tools_key = ?7 AND protocol = ?8";
const ROWS_OF_SOURCE: &str = "SELECT count(*) FROM sources WHERE hour = ?1 AND source = ?2 AND kind = 0";
const UPSERT: &str = "INSERT INTO sources VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
     ?16, ?17, ?18, ?19, ?20, ?21) ON CONFLICT DO UPDATE SET packets = packets + excluded.packets, \
     bytes = bytes + excluded.bytes, tools = tools | excluded.tools, tcp_flags = tcp_flags | excluded.tcp_flags, \
     destination_bits = destination_bits | excluded.destination_bits, \
     peer_port_bits = peer_port_bits | excluded.peer_port_bits, \
     first_destination = iif(excluded.first_seen < first_seen, excluded.first_destination, first_destination), \
     first_peer_port = iif(excluded.first_seen < first_seen, excluded.first_peer_port, first_peer_port), \
     first_ttl = iif(excluded.first_seen < first_seen, excluded.first_ttl, first_ttl), \
     first_window = iif(excluded.first_seen < first_seen, excluded.first_window, first_window), \
     first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen)";
const ADD_PORT: &str = "INSERT OR IGNORE INTO folded_ports VALUES (?1, ?2, ?3, ?4, ?5)";
/// A port that cannot be: it says that not all ports of a folded row are remembered.
pub(super) const NOT_ALL: i32 = -1;

/// Adds sources.
pub(super) fn add(
    transaction: &Transaction<'_>,
    hour: i64,
    addition: &Addition,
    filled: &mut Filled,
    caps: &Caps,
) -> rusqlite::Result<()> {
    let mut adding = Adding {
        hour,
        exists: transaction.prepare_cached(EXISTS)?,
        rows_of_source: transaction.prepare_cached(ROWS_OF_SOURCE)?,
        upsert: transaction.prepare_cached(UPSERT)?,
        add_port: transaction.prepare_cached(ADD_PORT)?,
        filled,
        caps,
    };
    for row in &addition.sources {
        adding.row(row)?;
    }
    for folded in &addition.folded_ports {
        for port in &folded.ports {
            adding.port(
                &folded.source,
                &folded.transport,
                &folded.class,
                Some(i32::from(*port)),
            )?;
        }
    }
    Ok(())
}

struct Adding<'a> {
    hour: i64,
    exists: CachedStatement<'a>,
    rows_of_source: CachedStatement<'a>,
    upsert: CachedStatement<'a>,
    add_port: CachedStatement<'a>,
    filled: &'a mut Filled,
    caps: &'a Caps,
}

impl Adding<'_> {
    fn row(&mut self, row: &SourceRow) -> rusqlite::Result<()> {
        let kind = self.kind_of(row)?;
        if kind == Kind::Folded && !row.folded {
            // A row of its own in the interval, and folded in the hour: its one port is among the folded.
            let source = row.source.as_deref().unwrap_or_default();
            self.port(source, &row.transport, &row.class, row.port)?;
        }
        let whole = kind == Kind::Row;
        let rest = kind == Kind::Other;
        let region = row.source_region.as_deref().filter(|_| !rest).unwrap_or_default();
        self.upsert.execute(params![
            self.hour,
            if rest {
                ""
            } else {
                row.source.as_deref().unwrap_or_default()
            },
            kind as i32,
            row.transport,
            row.port.filter(|_| whole).unwrap_or(-1),
            row.class,
            row.tools.filter(|_| whole).unwrap_or(-1),
            row.protocol.filter(|_| whole).unwrap_or(-1),
            region,
            row.tools.unwrap_or(0),
            row.packets,
            row.bytes,
            row.first_seen.0,
            row.last_seen.0,
            row.first_destination.as_deref().filter(|_| !rest),
            row.first_peer_port.filter(|_| !rest),
            row.first_ttl.filter(|_| !rest),
            row.first_window.filter(|_| !rest),
            row.tcp_flags,
            row.destination_bits,
            row.peer_port_bits,
        ])?;
        Ok(())
    }

    /// What a row becomes: the cases in which there is no room for more come last.
    fn kind_of(&mut self, row: &SourceRow) -> rusqlite::Result<Kind> {
        if row.other {
            return Ok(Kind::Other);
        }
        if !row.folded {
            if self.is_there(row, Kind::Row)? {
                return Ok(Kind::Row);
            }
            let source = row.source.as_deref().unwrap_or_default();
            let rows: i64 = self
                .rows_of_source
                .query_row(params![self.hour, source], |found| found.get(0))?;
            if rows < self.caps.source_rows {
                return Ok(self.if_room(Kind::Row));
            }
        }
        if self.is_there(row, Kind::Folded)? {
            return Ok(Kind::Folded);
        }
        Ok(self.if_room(Kind::Folded))
    }

    fn if_room(&mut self, kind: Kind) -> Kind {
        if self.filled.sources >= self.caps.sources {
            return Kind::Other;
        }
        self.filled.sources += 1;
        kind
    }

    fn is_there(&mut self, row: &SourceRow, kind: Kind) -> rusqlite::Result<bool> {
        let whole = kind == Kind::Row;
        self.exists.exists(params![
            self.hour,
            row.source.as_deref().unwrap_or_default(),
            kind as i32,
            row.transport,
            row.port.filter(|_| whole).unwrap_or(-1),
            row.class,
            row.tools.filter(|_| whole).unwrap_or(-1),
            row.protocol.filter(|_| whole).unwrap_or(-1),
        ])
    }

    /// Remembers a port of a folded row; when there is no room for it, that not all are remembered.
    fn port(
        &mut self,
        source: &str,
        transport: &str,
        class: &str,
        port: Option<i32>,
    ) -> rusqlite::Result<()> {
        let room = self.filled.folded_ports < self.caps.folded_ports;
        let port = port.filter(|_| room).unwrap_or(NOT_ALL);
        let added = self
            .add_port
            .execute(params![self.hour, source, transport, class, port])?;
        if added > 0 && port != NOT_ALL {
            self.filled.folded_ports += 1;
        }
        Ok(())
    }
}
