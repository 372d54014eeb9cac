//! `[records]`: where records go, how long they stay, and how much of the disk they may take.

use std::path::PathBuf;

use sensor_records::{Kept, Table};
use serde::Serialize;

use super::{ConfigError, file::RecordsTable, within};

/// How records are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordsConfig {
    /// The directory of records.
    pub directory: PathBuf,
    /// The most bytes that all files may have; `None` for no limit but the disk's.
    pub max_bytes: Option<u64>,
    /// Bytes of the disk that stay free: below, the oldest files of the table that matters least are removed.
    pub min_free: u64,
    /// How many days tables are kept, of those that are not kept for ever; from 1 to 36,500.
    pub days: [(&'static str, usize); 4],
}

impl RecordsConfig {
    /// Nothing where no directory is given.
    pub(super) fn check(table: RecordsTable) -> Result<Option<Self>, ConfigError> {
        let days = |key, of: Table, value| {
            let Kept::Days(default) = of.kept() else {
                return Ok((of.name(), usize::from(u16::MAX)));
            };
            within(key, value, default.into(), 1, 36_500).map(|days| (of.name(), days))
        };
        let days = [
            days("records.cells_days", Table::Cells, table.cells_days)?,
            days("records.uniques_days", Table::Uniques, table.uniques_days)?,
            days("records.networks_days", Table::Networks, table.networks_days)?,
            days("records.sources_days", Table::Sources, table.sources_days)?,
        ];
        let bytes = |size: bytesize::ByteSize| size.as_u64();
        Ok(table.directory.map(|directory| Self {
            directory,
            max_bytes: table.max_size.map(bytes),
            min_free: table.min_free.map_or(1 << 30, bytes),
            days,
        }))
    }

    /// The same as the keeper has it.
    #[must_use]
    pub fn settings(&self, sensor: &str) -> sensor_keep::Settings {
        let kept = self.days.iter().filter_map(|(table, days)| {
            let days = u16::try_from(*days).ok()?;
            Some((table.parse().ok()?, Kept::Days(days)))
        });
        sensor_keep::Settings {
            kept: kept.collect(),
            max_bytes: self.max_bytes,
            min_free: self.min_free,
            ..sensor_keep::Settings::new(self.directory.clone(), sensor.to_owned())
        }
    }
}
