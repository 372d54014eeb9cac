//! What can go wrong with shipping, each with its cure. No message holds a credential.

use std::{io, path::PathBuf};

use sensor_records::{Place, RecordsError};

/// What can go wrong with shipping.
#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    /// The destination cannot be understood.
    #[error(
        "`{to}` is no destination ({cause}): write s3://BUCKET/PREFIX, or a directory that begins with /"
    )]
    Destination {
        /// What was written.
        to: String,
        /// What is wrong.
        cause: String,
    },
    /// The file of credentials cannot be used.
    #[error(
        "the credentials {path} cannot be used ({cause}): write lines such as AWS_ACCESS_KEY_ID=…, in a file that \
         only the sensor's user can read"
    )]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// Nobody says who asks.
    #[error(
        "there are no credentials for the object store: give `ship.credentials` a file of lines AWS_ACCESS_KEY_ID=… and \
         AWS_SECRET_ACCESS_KEY=…, or set these in the environment"
    )]
    NoCredentials,
    /// The destination refuses, or is not there.
    #[error("cannot {what} {path}: {source}; it is tried again")]
    Store {
        /// What was tried.
        what: &'static str,
        /// The path at the destination.
        path: String,
        /// Why not.
        source: Box<object_store::Error>,
    },
    /// A file of records cannot be read.
    #[error("cannot read {place} to ship it: {source}")]
    Read {
        /// The file.
        place: Place,
        /// Why not.
        source: io::Error,
    },
    /// What is at the destination is not what was sent.
    #[error("{0} is at its destination and not what was sent: it is sent again")]
    Different(String),
    /// Manifests cannot be read.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl ShipError {
    /// The error with all that caused it, for the log.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let said = error.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            cause = error.source();
        }
        text
    }
}
