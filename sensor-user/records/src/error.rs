//! What can go wrong with records on disk, each with its cure.

use std::{io, path::PathBuf};

use crate::Place;

/// What can go wrong with records on disk.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// A file or directory cannot be used.
    #[error(
        "cannot {what} {path}: {source}; see that the disk has room and that the directory is the sensor's own"
    )]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Parquet does not take the rows, or the file is not what it should be.
    #[error("{path} is no file of records ({source}): `teiten-report verify` says which files are damaged")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// A column is not there, or not of its type.
    #[error("the column `{column}` cannot be read ({cause}): was the file written by another program?")]
    Column {
        /// The column.
        column: String,
        /// Why not.
        cause: String,
    },
    /// The rows of a period are there already.
    #[error(
        "{0} is there already: records are never written over; give another directory or another sensor id"
    )]
    Exists(Place),
    /// A manifest's last line does not fit what is above it.
    #[error(
        "the manifest {path} is damaged ({cause}): the files it lists are judged by themselves; restore it from where \
         the records were shipped to"
    )]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        cause: &'static str,
    },
    /// A path is none of ours.
    #[error(
        "`{path}` is no place of records ({cause}): they lie at TABLE/date=YYYY-MM-DD/sensor=ID/HH.parquet"
    )]
    Place {
        /// What was given.
        path: String,
        /// What is wrong.
        cause: &'static str,
    },
}

impl RecordsError {
    /// Makes an error of what was tried on a path.
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    pub(crate) fn parquet<E: Into<parquet::errors::ParquetError>>(
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| Self::Parquet {
            path,
            source: source.into(),
        }
    }
}
