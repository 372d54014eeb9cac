//! The open hour: a transactional database that holds what has no file yet.

mod cells;
mod followed;
mod rows;
mod sources;
mod uniques;

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use sensor_records::{
    RecordsError, decode_rows, encode_rows,
    rows::{CoverageRow, SensorRow},
};

use crate::{Addition, HOUR, Interval, KeepError, add_coverage, day_of};

/// The folder of databases in the directory of records: hidden, so that no reader takes it for a table.
const FOLDER: &str = ".open";
/// The version of the tables; each later one adds to those of the earlier.
const VERSION: i64 = 2;
/// The hour up to which all are closed.
const CLOSED: &str = "closed";

/// The most rows of an hour; what comes beyond goes into the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Rows of `cells`.
    pub cells: i64,
    /// Rows of `sources`.
    pub sources: i64,
    /// Rows of one source.
    pub source_rows: i64,
    /// Ports of folded rows that are remembered, of all sources together.
    pub folded_ports: i64,
    /// Rows of `uniques`.
    pub uniques: i64,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            cells: 1 << 17,
            sources: 1 << 18,
            source_rows: 64,
            folded_ports: 1 << 20,
            uniques: 1 << 12,
        }
    }
}

/// How full an hour is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Filled {
    cells: i64,
    sources: i64,
    folded_ports: i64,
    uniques: i64,
}

/// The open hours of one sensor.
pub struct Store {
    connection: Connection,
    path: PathBuf,
    filled: HashMap<i64, Filled>,
}

impl Store {
    /// Opens the database of a sensor, or makes it. One that is damaged is put aside.
    pub fn open(root: &Path, name: &str) -> Result<Self, KeepError> {
        let folder = root.join(FOLDER);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|source| RecordsError::Io {
                what: "make the directory",
                path: folder.clone(),
                source,
            })?;
        let path = folder.join(format!("{name}.sqlite"));
        match Self::connect(&path) {
            Err(KeepError::Store { source, .. }) if is_damage(&source) => {
                let aside = path.with_extension("damaged");
                tracing::error!(
                    path = %path.display(), aside = %aside.display(), %source,
                    "the open hour is damaged: it is put aside, and what it held is missing"
                );
                let _ = fs::rename(&path, aside);
                for end in ["-wal", "-shm"] {
                    let _ = fs::remove_file(folder.join(format!("{name}.sqlite{end}")));
                }
                Self::connect(&path)
            }
            other => other,
        }
    }

    /// Removes the database of a sensor.
    pub fn remove(root: &Path, name: &str) {
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(root.join(FOLDER).join(format!("{name}.sqlite{end}")));
        }
    }

    fn connect(path: &Path) -> Result<Self, KeepError> {
        // The file is there before SQLite opens it, for its owner alone; what SQLite puts beside it takes its mode.
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|source| RecordsError::Io {
                what: "open",
                path: path.to_owned(),
                source,
            })?;
        let failed = failed("open", path);
        let connection = Connection::open(path).map_err(&failed)?;
        // Exclusive: a second sensor on the same directory is refused, and the index of the log needs no shared memory,
        // which a full disk would turn into a fatal signal.
        let prepare = |connection: &Connection| {
            connection.execute_batch(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 PRAGMA journal_size_limit = 16777216; PRAGMA trusted_schema = OFF;",
            )?;
            let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            if version != VERSION {
                connection.execute_batch(concat!(
                    "BEGIN IMMEDIATE;",
                    include_str!("schema.sql"),
                    "COMMIT;"
                ))?;
            }
            // Takes the lock now, not in the middle of the first interval.
            connection.execute_batch("BEGIN IMMEDIATE; COMMIT;")?;
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
        };
        let checked = prepare(&connection).map_err(&failed)?;
        if checked != "ok" {
            return Err(failed(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
                Some(checked),
            )));
        }
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Self {
            connection,
            path: path.to_owned(),
            filled: HashMap::new(),
        })
    }

    /// Adds an interval, whole or not at all.
    pub fn commit(&mut self, interval: &Interval, caps: &Caps) -> Result<(), KeepError> {
        let Self {
            connection,
            path,
            filled,
        } = self;
        let failed = failed("write", path);
        let mut now_filled = filled.clone();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        for addition in &interval.hours {
            let hour = open_hour(&transaction, addition.hour).map_err(&failed)?;
            if let std::collections::hash_map::Entry::Vacant(vacant) = now_filled.entry(hour) {
                vacant.insert(filled_of(&transaction, hour).map_err(&failed)?);
            }
            let Some(filled) = now_filled.get_mut(&hour) else {
                continue;
            };
            cells::add(&transaction, hour, &addition.cells, filled, caps).map_err(&failed)?;
            sources::add(&transaction, hour, addition, filled, caps).map_err(&failed)?;
            // Packets that are late count in the open hour; its sources are its own.
            let uniques = if hour == addition.hour {
                &addition.uniques[..]
            } else {
                &[]
            };
            let overflow = uniques::add(&transaction, hour, uniques, filled, caps, &failed)?;
            add_to_coverage(&transaction, hour, addition, overflow, &failed)?;
        }
        if let Some(reached) = &interval.reached {
            followed::add(&transaction, reached, &interval.hours).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        self.filled = now_filled;
        Ok(())
    }

    /// The open hours, oldest first, with the names of their closings.
    pub fn hours(&self) -> Result<Vec<(i64, String)>, KeepError> {
        self.pairs("SELECT hour, closing FROM hours ORDER BY hour")
    }

    /// The days that have no daily files yet, oldest first, with the names of their closings.
    pub fn days(&self) -> Result<Vec<(i64, String)>, KeepError> {
        self.pairs("SELECT day, closing FROM days ORDER BY day")
    }

    fn pairs(&self, query: &str) -> Result<Vec<(i64, String)>, KeepError> {
        let failed = failed("read", &self.path);
        let mut statement = self.connection.prepare_cached(query).map_err(&failed)?;
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Forgets an hour whose files are written.
    pub fn forget_hour(&mut self, hour: i64) -> Result<(), KeepError> {
        let failed = failed("write", &self.path);
        let transaction = self.connection.transaction().map_err(&failed)?;
        for table in ["hours", "cells", "sources", "folded_ports", "uniques"] {
            transaction
                .execute(&format!("DELETE FROM {table} WHERE hour = ?1"), [hour])
                .map_err(&failed)?;
        }
        transaction
            .execute(
                "INSERT INTO numbers VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
                params![CLOSED, hour],
            )
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        self.filled.remove(&hour);
        Ok(())
    }

    /// Forgets a day whose files are written.
    pub fn forget_day(&mut self, day: i64) -> Result<(), KeepError> {
        let failed = failed("write", &self.path);
        self.connection
            .execute("DELETE FROM days WHERE day = ?1", [day])
            .map_err(failed)?;
        Ok(())
    }

    /// The last hour that was closed.
    pub fn closed(&self) -> Result<Option<i64>, KeepError> {
        closed(&self.connection).map_err(failed("read", &self.path))
    }

    /// What an hour's coverage came to so far.
    pub fn coverage(&self, hour: i64) -> Result<CoverageRow, KeepError> {
        let bytes = self
            .connection
            .query_row("SELECT coverage FROM hours WHERE hour = ?1", [hour], |row| {
                row.get(0)
            })
            .optional()
            .map_err(failed("read", &self.path))?;
        Ok(decode_coverage(bytes)?)
    }

    /// Notes what the sensor is, and until when that is known to hold.
    pub fn describe(&mut self, description: &SensorRow) -> Result<(), KeepError> {
        let failed = failed("write", &self.path);
        self.connection
            .execute(
                "INSERT INTO sensors VALUES (?1, ?2) ON CONFLICT DO UPDATE SET description = excluded.description",
                params![description.valid_from.0, encode_rows(std::slice::from_ref(description))?],
            )
            .map_err(failed)?;
        Ok(())
    }

    /// What the sensor was, oldest first.
    pub fn descriptions(&self) -> Result<Vec<SensorRow>, KeepError> {
        let failed = failed("read", &self.path);
        let mut statement = self
            .connection
            .prepare_cached("SELECT description FROM sensors ORDER BY valid_from")
            .map_err(&failed)?;
        let rows = statement
            .query_map([], |row| row.get::<_, Vec<u8>>(0))
            .map_err(&failed)?;
        let mut descriptions = Vec::new();
        for bytes in rows {
            descriptions.extend(decode_rows(bytes.map_err(&failed)?)?);
        }
        Ok(descriptions)
    }

    /// Forgets what the sensor was before a time; the newest description stays.
    pub fn forget_descriptions(&mut self, valid_from: i64) -> Result<(), KeepError> {
        let failed = failed("write", &self.path);
        self.connection
            .execute(
                "DELETE FROM sensors WHERE valid_from < ?1 AND valid_from < (SELECT max(valid_from) FROM sensors)",
                [valid_from],
            )
            .map_err(failed)?;
        Ok(())
    }
}

/// Makes an error of what was tried.
fn failed(what: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> KeepError + use<> {
    let path = path.to_owned();
    move |source| KeepError::Store {
        what,
        path: path.clone(),
        source,
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

fn closed(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection
        .query_row("SELECT value FROM numbers WHERE name = ?1", [CLOSED], |row| {
            row.get(0)
        })
        .optional()
}

/// The open hour that takes what came in an hour: itself, or, when it is closed, the first that is not.
fn open_hour(transaction: &Transaction<'_>, wanted: i64) -> rusqlite::Result<i64> {
    let hour = match closed(transaction)? {
        Some(closed) if wanted <= closed => transaction
            .query_row("SELECT min(hour) FROM hours WHERE hour > ?1", [closed], |row| {
                row.get::<_, Option<i64>>(0)
            })?
            .unwrap_or(closed + HOUR),
        _ => wanted,
    };
    transaction
        .prepare_cached("INSERT OR IGNORE INTO hours VALUES (?1, hex(randomblob(8)), x'')")?
        .execute([hour])?;
    transaction
        .prepare_cached("INSERT OR IGNORE INTO days VALUES (?1, hex(randomblob(8)))")?
        .execute([day_of(hour)])?;
    Ok(hour)
}

fn filled_of(transaction: &Transaction<'_>, hour: i64) -> rusqlite::Result<Filled> {
    let count = |query: &str| transaction.query_row(query, [hour], |row| row.get(0));
    Ok(Filled {
        cells: count("SELECT count(*) FROM cells WHERE hour = ?1 AND other = 0")?,
        sources: count("SELECT count(*) FROM sources WHERE hour = ?1 AND kind < 2")?,
        folded_ports: count("SELECT count(*) FROM folded_ports WHERE hour = ?1")?,
        uniques: count("SELECT count(*) FROM uniques WHERE hour = ?1 AND other = 0")?,
    })
}

fn add_to_coverage(
    transaction: &Transaction<'_>,
    hour: i64,
    addition: &Addition,
    uniques_other: i64,
    failed: &impl Fn(rusqlite::Error) -> KeepError,
) -> Result<(), KeepError> {
    let bytes = transaction
        .query_row("SELECT coverage FROM hours WHERE hour = ?1", [hour], |row| {
            row.get(0)
        })
        .map_err(failed)?;
    let mut coverage = decode_coverage(Some(bytes))?;
    let before = coverage.uniques_seconds;
    add_coverage(&mut coverage, &addition.coverage);
    coverage.uniques_other += uniques_other;
    if hour != addition.hour {
        coverage.uniques_seconds = before;
        coverage.late += addition.cells.iter().map(|cell| cell.packets).sum::<i64>();
    }
    transaction
        .execute(
            "UPDATE hours SET coverage = ?2 WHERE hour = ?1",
            params![hour, encode_rows(&[coverage])?],
        )
        .map_err(failed)?;
    Ok(())
}

fn decode_coverage(bytes: Option<Vec<u8>>) -> Result<CoverageRow, RecordsError> {
    let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else {
        return Ok(CoverageRow::default());
    };
    Ok(decode_rows(bytes)?.into_iter().next().unwrap_or_default())
}
