//! `[ship]`: where closed files of records are copied.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{ConfigError, file::ShipTable};

/// Where closed files of records are copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShipConfig {
    /// `s3://BUCKET/PREFIX`, or a directory by its whole path.
    pub to: String,
    /// The S3-compatible store, where it is not Amazon's.
    pub endpoint: Option<String>,
    /// A file with lines `AWS_…=…`; `None` for the environment.
    pub credentials: Option<PathBuf>,
}

impl ShipConfig {
    /// Nothing where no destination is given.
    pub(super) fn check(table: ShipTable, are_records_kept: bool) -> Result<Option<Self>, ConfigError> {
        let Some(to) = table.to else { return Ok(None) };
        if !are_records_kept {
            return Err(ConfigError::NothingToShip);
        }
        Ok(Some(Self {
            to,
            endpoint: table.endpoint,
            credentials: table.credentials,
        }))
    }

    /// The destination, where it is a directory.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.to.starts_with('/').then(|| Path::new(&self.to))
    }
}
