//! Records in a directory.

use std::{
    fs, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use sensor_records::{Day, Place, Table};

use super::{StoreError, each_day};

/// A directory of records.
#[derive(Clone, Debug)]
pub struct Local {
    root: PathBuf,
}

impl Local {
    /// A directory that is there.
    pub(super) fn open(location: &str) -> Result<Self, StoreError> {
        let root = PathBuf::from(location);
        if root.is_dir() {
            Ok(Self { root })
        } else {
            Err(StoreError::NoDirectory(root))
        }
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn days(&self, table: Table) -> Result<Vec<String>, StoreError> {
        names_in(&self.root.join(table.name()))
    }

    pub(super) fn files(&self, table: Table, days: &RangeInclusive<Day>) -> Result<Vec<Place>, StoreError> {
        let mut places = Vec::new();
        for day in each_day(days) {
            let folder = format!("{table}/date={day}");
            for sensor in names_in(&self.root.join(&folder))? {
                for file in names_in(&self.root.join(&folder).join(&sensor))? {
                    places.extend(Place::parse(Path::new(&format!("{folder}/{sensor}/{file}"))));
                }
            }
        }
        Ok(places)
    }

    pub(super) fn read(&self, place: &Place) -> Result<Bytes, StoreError> {
        let path = self.root.join(place.path());
        let bytes = fs::read(&path).map_err(|source| StoreError::Io { path, source })?;
        Ok(bytes.into())
    }
}

/// Names in a folder; none when there is no such folder.
fn names_in(path: &Path) -> Result<Vec<String>, StoreError> {
    let failed = |source| StoreError::Io {
        path: path.to_owned(),
        source,
    };
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
        Err(source) => return Err(failed(source)),
    };
    entries
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()
        .map_err(failed)
}
