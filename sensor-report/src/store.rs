//! Where records lie: which files there are, and their bytes.

use std::{
    fs, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use sensor_records::{Day, Place, Table};

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
    #[error("{0} is no place that records can be read from: give a directory")]
    Location(String),
    /// A directory or file cannot be read.
    #[error("cannot read {path}: {source}; are you the user that the sensor writes as?")]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl StoreError {
    /// Whether the file is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }
}

/// A directory of records.
#[derive(Clone, Debug)]
pub enum Store {
    /// In the file system.
    Local(PathBuf),
}

impl Store {
    /// Opens a directory.
    ///
    /// # Errors
    /// When it is not there, or holds none of our tables.
    pub fn open(location: &str) -> Result<Self, StoreError> {
        if location.contains("://") {
            return Err(StoreError::Location(location.to_owned()));
        }
        let path = PathBuf::from(location);
        if !path.is_dir() {
            return Err(StoreError::NoDirectory(path));
        }
        let store = Self::Local(path);
        let has_table = |table: &Table| store.has(*table).unwrap_or(true);
        if Table::ALL.iter().any(has_table) {
            Ok(store)
        } else {
            Err(StoreError::NoRecords(location.to_owned()))
        }
    }

    /// Whether a table has any file.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn has(&self, table: Table) -> Result<bool, StoreError> {
        match self {
            Self::Local(root) => Ok(root.join(table.name()).is_dir()),
        }
    }

    /// The first and the last day that a table has files of.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn days(&self, table: Table) -> Result<Option<RangeInclusive<Day>>, StoreError> {
        let names = match self {
            Self::Local(root) => names_in(&root.join(table.name()))?,
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
            Self::Local(root) => local_files(root, table, days)?,
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
            Self::Local(root) => {
                let path = root.join(place.path());
                let bytes = fs::read(&path).map_err(|source| StoreError::Io { path, source })?;
                Ok(bytes.into())
            }
        }
    }

    /// How many files are read at once.
    #[must_use]
    pub fn readers(&self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        match self {
            Self::Local(_) => processors,
        }
    }
}

impl std::fmt::Display for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(formatter),
        }
    }
}

/// Every day of a range.
pub(crate) fn each_day(days: &RangeInclusive<Day>) -> impl Iterator<Item = Day> + use<> {
    let last = *days.end();
    std::iter::successors(Some(*days.start()), |day| Some(day.plus(1))).take_while(move |day| *day <= last)
}

fn local_files(root: &Path, table: Table, days: RangeInclusive<Day>) -> Result<Vec<Place>, StoreError> {
    let mut places = Vec::new();
    for day in each_day(&days) {
        let folder = format!("{table}/date={day}");
        for sensor in names_in(&root.join(&folder))? {
            for file in names_in(&root.join(&folder).join(&sensor))? {
                places.extend(Place::parse(Path::new(&format!("{folder}/{sensor}/{file}"))));
            }
        }
    }
    Ok(places)
}

/// Names in a folder; none when there is no such folder.
fn names_in(path: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(source) => {
            return Err(StoreError::Io {
                path: path.to_owned(),
                source,
            });
        }
    };
    entries
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()
        .map_err(|source| StoreError::Io {
            path: path.to_owned(),
            source,
        })
}
