//! Whether every file of records is there, and is what was written.

use std::{
    collections::BTreeSet,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::{
    Day, Manifest, Place, RecordsError, Table,
    file::digest_file,
    layout::{MANIFEST_FILE, MANIFESTS, is_sensor},
};

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is listed, and not there.
    Missing,
    /// It is not what was written.
    Changed,
    /// It cannot be read; why.
    Unreadable(String),
    /// It is there, and in no manifest.
    Unlisted,
    /// The manifest itself is damaged; how.
    Manifest(String),
    /// It has another name than any file of records.
    Foreign,
}

impl Fault {
    /// Whether records are lost or not to be trusted; the other faults are files that nobody vouches for.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        !matches!(self, Self::Unlisted | Self::Foreign)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(formatter, "is listed and not there"),
            Self::Changed => write!(formatter, "is not what was written"),
            Self::Unreadable(why) => write!(formatter, "cannot be read: {why}"),
            Self::Unlisted => write!(
                formatter,
                "is in no manifest: its writing was cut off, or it is not the sensor's"
            ),
            Self::Manifest(why) => write!(formatter, "is a damaged manifest: {why}"),
            Self::Foreign => write!(formatter, "is no file of records"),
        }
    }
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Files that are what was written.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were removed on purpose, as their manifests say.
    pub removed: usize,
    /// What is wrong, by path from the directory of records on.
    pub faults: Vec<(PathBuf, Fault)>,
}

impl Verified {
    /// Whether nothing is lost or changed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.faults.iter().all(|(_, fault)| !fault.is_damage())
    }
}

/// Holds every file of a directory of records against its manifest.
///
/// # Errors
/// The directory itself cannot be listed. What is wrong with files is in the answer.
pub fn verify(root: &Path) -> Result<Verified, RecordsError> {
    let mut verified = Verified::default();
    let mut listed = BTreeSet::new();
    for path in files_below(root, MANIFESTS)? {
        match read_manifest(root, &path) {
            Ok(manifest) => {
                verified.removed += manifest.removed.len();
                for (place, digest) in manifest.files {
                    check(root, &place, digest, &mut verified);
                    listed.insert(place.path());
                }
            }
            Err(fault) => verified.faults.push((path, fault)),
        }
    }
    for table in Table::ALL {
        for path in files_below(root, table.name())? {
            if listed.contains(&path) {
                continue;
            }
            let fault = Place::parse(&path).map_or(Fault::Foreign, |_| Fault::Unlisted);
            verified.faults.push((path, fault));
        }
    }
    verified.faults.sort_by(|one, two| one.0.cmp(&two.0));
    Ok(verified)
}

fn check(root: &Path, place: &Place, digest: crate::Digest, verified: &mut Verified) {
    let path = place.path();
    let whole = root.join(&path);
    let fault = match digest_file(&whole) {
        Ok(found) if found == digest => {
            verified.files += 1;
            verified.bytes += fs::metadata(&whole).map_or(0, |data| data.len());
            return;
        }
        Ok(_) => Fault::Changed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Fault::Missing,
        Err(error) => Fault::Unreadable(error.to_string()),
    };
    verified.faults.push((path, fault));
}

/// Reads the manifest at a path, which says whose and of which day it is.
fn read_manifest(root: &Path, path: &Path) -> Result<Manifest, Fault> {
    let text = path.to_string_lossy();
    let parts: Vec<&str> = text.split('/').collect();
    let [_, date, sensor, MANIFEST_FILE] = parts[..] else {
        return Err(Fault::Foreign);
    };
    let day: Option<Day> = date.strip_prefix("date=").and_then(|day| day.parse().ok());
    let sensor = sensor.strip_prefix("sensor=").filter(|sensor| is_sensor(sensor));
    let (Some(day), Some(sensor)) = (day, sensor) else {
        return Err(Fault::Foreign);
    };
    Manifest::read(root, day, sensor).map_err(|error| Fault::Manifest(error.to_string()))
}

/// The files below a folder, from the root on; none where the folder is not there.
fn files_below(root: &Path, folder: &str) -> Result<Vec<PathBuf>, RecordsError> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(RecordsError::io("list", &path)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(RecordsError::io("list", &path))?;
            let within = folder.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(within),
                _ => files.push(within),
            }
        }
    }
    files.sort();
    Ok(files)
}
