//! Where records lie: which files there are, and their bytes.

mod arriving;
mod local;
mod remote;

use std::{io, ops::RangeInclusive, path::PathBuf};

use bytes::Bytes;
use sensor_records::{Day, Place, Table};

pub(crate) use self::arriving::Arriving;
pub use self::{
    local::Local,
    remote::{Access, Remote},
};

/// Why records are out of reach.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such directory.
    #[error("{0} is no directory: give the directory that the sensor writes its records to")]
    NoDirectory(PathBuf),
    /// Nothing of ours is in it.
    #[error(
        "{0} holds no records: there is none of the folders cells, daily_cells, coverage in it; is it the \
         directory above these?"
    )]
    NoRecords(String),
    /// The location is none that is known.
    #[error("{0} is no place that records can be read from: give a directory, or s3://BUCKET/PREFIX")]
    Location(String),
    /// Nobody says who asks.
    #[error(
        "there are no credentials for {0}: give `--credentials` a file of lines AWS_ACCESS_KEY_ID=… and \
         AWS_SECRET_ACCESS_KEY=…, or set these in the environment"
    )]
    NoCredentials(String),
    /// The object store cannot be asked.
    #[error("{location} cannot be opened: {cause}")]
    Access {
        /// Which one.
        location: String,
        /// Why.
        cause: String,
    },
    /// A directory or file cannot be read.
    #[error("cannot read {path}: {source}; are you the user that the sensor writes as?")]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An object cannot be read.
    #[error("cannot read {path}: {source}; is the store up, and may these credentials read there?")]
    Object {
        /// Which one, or which folder.
        path: String,
        /// Why.
        source: Box<object_store::Error>,
    },
    /// What asks an object store died.
    #[error("what asked the object store died of a fault of its own: try again")]
    Asking,
}

impl StoreError {
    /// Whether the file is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::Object { source, .. } => matches!(**source, object_store::Error::NotFound { .. }),
            _ => false,
        }
    }
}

/// A place that holds records.
#[derive(Clone, Debug)]
pub enum Store {
    /// In the file system.
    Local(Local),
    /// In an object store.
    Remote(Remote),
}

impl Store {
    /// Opens a directory, or `s3://BUCKET/PREFIX` with what the environment says of it.
    ///
    /// # Errors
    /// When it is not there, or holds none of our tables.
    pub fn open(location: &str) -> Result<Self, StoreError> {
        Self::open_with(location, &Access::default())
    }

    /// The same with an endpoint and credentials for an object store.
    ///
    /// # Errors
    /// See [`Store::open`].
    pub fn open_with(location: &str, access: &Access) -> Result<Self, StoreError> {
        let store = if location.starts_with("s3://") {
            Self::Remote(Remote::open(location, access)?)
        } else if location.contains("://") {
            return Err(StoreError::Location(location.to_owned()));
        } else {
            Self::Local(Local::open(location)?)
        };
        for table in Table::ALL {
            if store.has(table)? {
                return Ok(store);
            }
        }
        Err(StoreError::NoRecords(location.to_owned()))
    }

    /// Whether a table has any day.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn has(&self, table: Table) -> Result<bool, StoreError> {
        Ok(self.days(table)?.is_some())
    }

    /// The first and the last day that a table has files of.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn days(&self, table: Table) -> Result<Option<RangeInclusive<Day>>, StoreError> {
        let names = match self {
            Self::Local(local) => local.days(table)?,
            Self::Remote(remote) => remote.days(table)?,
        };
        let days = names
            .iter()
            .filter_map(|name| name.strip_prefix("date=")?.parse::<Day>().ok());
        let (first, last) = (days.clone().min(), days.max());
        Ok(first.zip(last).map(|(first, last)| first..=last))
    }

    /// The files of a table of some days, in the order of their places. Files that are none of ours are passed over:
    /// `teiten-report verify` names them.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    pub fn files(&self, table: Table, days: RangeInclusive<Day>) -> Result<Vec<Place>, StoreError> {
        let mut places = match self {
            Self::Local(local) => local.files(table, &days)?,
            Self::Remote(remote) => remote.files(table, &days)?,
        };
        places.sort();
        Ok(places)
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, place: &Place) -> Result<Bytes, StoreError> {
        match self {
            Self::Local(local) => local.read(place),
            Self::Remote(remote) => remote.read(place),
        }
    }
}

impl std::fmt::Display for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local(local) => local.root().display().fmt(formatter),
            Self::Remote(remote) => remote.location().fmt(formatter),
        }
    }
}

/// Every day of a range.
fn each_day(days: &RangeInclusive<Day>) -> impl Iterator<Item = Day> + use<> {
    let last = *days.end();
    std::iter::successors(Some(*days.start()), |day| Some(day.plus(1))).take_while(move |day| *day <= last)
}
