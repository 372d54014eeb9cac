//! The tables: their names, how long they are kept, and which of them are personal data.

use std::{fmt, str::FromStr};

use arrow_schema::SchemaRef;

use crate::{
    ColumnDescription, Row as _,
    row::schema,
    rows::{CellRow, CoverageRow, DailyCellRow, DailyUniqueRow, NetworkRow, SensorRow, SourceRow, UniqueRow},
};

/// The version of all schemas together. It rises when a column changes its meaning or goes; new columns are added
/// under the same version, and are missing in older files.
pub const SCHEMA_VERSION: u32 = 1;

/// How long the files of a table stay, unless it is configured otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// So many days after the one they are of.
    Days(u16),
    /// For ever.
    ForEver,
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Packets of an hour by what they are and where they come from.
    Cells,
    /// Unique sources of an hour.
    Uniques,
    /// Packets of a day.
    DailyCells,
    /// Unique sources of a day.
    DailyUniques,
    /// Networks of sources of a day.
    Networks,
    /// Sources of an hour, each by itself.
    Sources,
    /// What the sensor saw of an hour, and what it missed.
    Coverage,
    /// What the sensor is.
    Sensors,
}

/// Evaluates an expression with the row type of a table.
macro_rules! of_row {
    ($table:expr, $row:ident => $value:expr) => {
        match $table {
            Table::Cells => {
                type $row = CellRow;
                $value
            }
            Table::Uniques => {
                type $row = UniqueRow;
                $value
            }
            Table::DailyCells => {
                type $row = DailyCellRow;
                $value
            }
            Table::DailyUniques => {
                type $row = DailyUniqueRow;
                $value
            }
            Table::Networks => {
                type $row = NetworkRow;
                $value
            }
            Table::Sources => {
                type $row = SourceRow;
                $value
            }
            Table::Coverage => {
                type $row = CoverageRow;
                $value
            }
            Table::Sensors => {
                type $row = SensorRow;
                $value
            }
        }
    };
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 8] = [
        Self::Cells,
        Self::Uniques,
        Self::DailyCells,
        Self::DailyUniques,
        Self::Networks,
        Self::Sources,
        Self::Coverage,
        Self::Sensors,
    ];

    /// In this order tables give way when the disk is full: what takes most and tells most of single people first.
    pub const GIVE_WAY: [Self; 8] = [
        Self::Sources,
        Self::Networks,
        Self::Uniques,
        Self::Cells,
        Self::DailyUniques,
        Self::DailyCells,
        Self::Sensors,
        Self::Coverage,
    ];

    /// The name of the table, and of its folder.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cells => "cells",
            Self::Uniques => "uniques",
            Self::DailyCells => "daily_cells",
            Self::DailyUniques => "daily_uniques",
            Self::Networks => "networks",
            Self::Sources => "sources",
            Self::Coverage => "coverage",
            Self::Sensors => "sensors",
        }
    }

    /// Whether its files are of a day; the others are of an hour.
    #[must_use]
    pub const fn is_daily(self) -> bool {
        matches!(
            self,
            Self::DailyCells | Self::DailyUniques | Self::Networks | Self::Sensors
        )
    }

    /// How long its files stay, unless it is configured otherwise.
    #[must_use]
    pub const fn kept(self) -> Kept {
        match self {
            Self::Sources => Kept::Days(90),
            Self::Cells | Self::Uniques | Self::Networks => Kept::Days(400),
            Self::DailyCells | Self::DailyUniques | Self::Coverage | Self::Sensors => Kept::ForEver,
        }
    }

    /// Whether its rows are, or can be traced to, single sources of packets.
    #[must_use]
    pub const fn is_personal(self) -> bool {
        matches!(
            self,
            Self::Sources | Self::Networks | Self::Uniques | Self::DailyUniques
        )
    }

    /// The columns within its files; `date` and `sensor` are in the path.
    #[must_use]
    pub fn columns(self) -> Vec<ColumnDescription> {
        of_row!(self, Of => Of::columns())
    }

    /// The columns that its rows are sorted by.
    #[must_use]
    pub fn sorted_by(self) -> &'static [&'static str] {
        of_row!(self, Of => Of::SORTED_BY)
    }

    /// What one row is.
    #[must_use]
    pub fn about(self) -> &'static str {
        of_row!(self, Of => Of::ABOUT.trim())
    }

    /// The schema of its files.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        schema(&self.columns())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that no table has.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is no table `{0}`: write one of cells, uniques, daily_cells, daily_uniques, networks, sources, coverage, sensors"
)]
pub struct NoTable(String);

impl FromStr for Table {
    type Err = NoTable;

    fn from_str(name: &str) -> Result<Self, NoTable> {
        let found = Self::ALL.into_iter().find(|table| table.name() == name);
        found.ok_or_else(|| NoTable(name.to_owned()))
    }
}
