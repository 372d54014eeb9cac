//! What can go wrong with keeping records, each with its cure.

use std::path::PathBuf;

use sensor_records::RecordsError;
use sensor_sketch::SketchError;

/// What can go wrong with keeping records.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The database of the open hour cannot be used.
    #[error(
        "cannot {what} the open hour {path}: {source}; see that the disk has room, that it can be written to, and that \
         no other sensor keeps its records there"
    )]
    Store {
        /// What was tried.
        what: &'static str,
        /// The database.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
    /// Files of records cannot be used.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// A sketch is damaged.
    #[error("a sketch of the open hour cannot be read ({0}): it is left out")]
    Sketch(#[from] SketchError),
    /// The state of the disk is not known.
    #[error("the room on the disk of {path} cannot be asked for: {source}")]
    Disk {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: nix::errno::Errno,
    },
}
