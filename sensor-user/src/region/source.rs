//! Which files a table is made of, and how one is read so that it is whole.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use super::error::RegionError;
use super::info::Digest;

/// The most bytes of one file that are read into memory: 512 MiB.
pub const MAX_FILE_BYTES: u64 = 512 << 20;

/// How often a file that changes under the reader is read again.
const ATTEMPTS: u32 = 5;
/// How long to wait before that.
const PAUSE: Duration = Duration::from_millis(50);

/// The files of a [`RegionTable`](super::RegionTable). What each holds is told from its content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionSources {
    /// Country databases, at most one for each family: Debian's two texts, or one `.mmdb` file.
    pub regions: Vec<PathBuf>,
    /// A MaxMind-format database of autonomous systems, where they are wanted.
    pub systems: Option<PathBuf>,
}

impl RegionSources {
    /// The databases of Debian's package `tor-geoipdb`, for IPv4 and for IPv6.
    #[must_use]
    pub fn debian() -> Self {
        Self {
            regions: vec!["/usr/share/tor/geoip".into(), "/usr/share/tor/geoip6".into()],
            systems: None,
        }
    }

    /// All files, in the order in which they are read.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.regions.iter().chain(&self.systems).map(PathBuf::as_path)
    }
}

/// What tells one state of a file from the next without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// The stamp of the file at this path, if there is one.
    pub(super) fn at(path: &Path) -> Option<Self> {
        path.metadata().ok().map(|metadata| Self::of(&metadata))
    }
}

/// A file that was read as a whole.
pub(super) struct Contents<'path> {
    pub(super) path: &'path Path,
    pub(super) bytes: Vec<u8>,
    pub(super) digest: Digest,
    pub(super) modified: SystemTime,
}

/// Reads a file that nobody changed meanwhile.
///
/// # Errors
/// [`RegionError::Unsettled`] when it changed each time; or what the operating system says.
pub(super) fn read(path: &Path) -> Result<Contents<'_>, RegionError> {
    read_settled(path, |_| ())
}

/// Reads a file until an attempt sees it unchanged; `after_reading` gets the number of each, from 0.
fn read_settled(path: &Path, mut after_reading: impl FnMut(u32)) -> Result<Contents<'_>, RegionError> {
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            thread::sleep(PAUSE);
        }
        if let Some(contents) = read_once(path, || after_reading(attempt))? {
            return Ok(contents);
        }
    }
    Err(RegionError::Unsettled { path: path.into() })
}

/// Reads a file, unless it changed between opening it and `after_reading`.
fn read_once(path: &Path, after_reading: impl FnOnce()) -> Result<Option<Contents<'_>>, RegionError> {
    let failed = |cause| RegionError::Read {
        path: path.into(),
        cause,
    };
    // Asked before opening: to open a pipe would wait for its other end.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(RegionError::NotAFile { path: path.into() });
    }
    let mut file = File::open(path).map_err(failed)?;
    let before = file.metadata().map_err(failed)?;
    if before.len() > MAX_FILE_BYTES {
        return Err(RegionError::TooLarge {
            path: path.into(),
            bytes: before.len(),
            limit: MAX_FILE_BYTES,
        });
    }
    let bytes = read_bytes(&mut file, before.len()).map_err(failed)?;
    after_reading();
    // By path as well: the file may have been replaced, and then the new one counts.
    let after = [file.metadata().ok(), path.metadata().ok()];
    let same = after
        .iter()
        .all(|after| after.as_ref().map(Stamp::of) == Some(Stamp::of(&before)));
    if !same || bytes.len() as u64 != before.len() {
        return Ok(None);
    }
    Ok(Some(Contents {
        path,
        digest: Digest(Sha256::digest(&bytes).into()),
        modified: before.modified().map_err(failed)?,
        bytes,
    }))
}

/// Reads the file to its end, or one byte further than it is expected to be long.
fn read_bytes(file: &mut File, expected: u64) -> io::Result<Vec<u8>> {
    let capacity = usize::try_from(expected + 1).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(capacity)?;
    file.take(expected + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_that_changes_while_it_is_read_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database");
        let append: fn(&Path) = |path| {
            let mut file = File::options().append(true).open(path).unwrap();
            file.write_all(b"more\n").unwrap();
        };
        let overwrite: fn(&Path) = |path| {
            let mut file = File::options().write(true).open(path).unwrap();
            file.write_all(b"NEW").unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        };
        let replace: fn(&Path) = |path| {
            let aside = path.with_extension("new");
            fs::write(&aside, "old\n").unwrap();
            fs::rename(aside, path).unwrap();
        };
        let truncate: fn(&Path) = |path| {
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(1)
                .unwrap();
        };
        let remove: fn(&Path) = |path| fs::remove_file(path).unwrap();
        for change in [append, overwrite, replace, truncate, remove] {
            fs::write(&path, "old\n").unwrap();
            assert!(read_once(&path, || change(&path)).unwrap().is_none());
        }
        fs::write(&path, "old\n").unwrap();
        let contents = read_once(&path, || ()).unwrap().unwrap();
        assert_eq!(contents.bytes, b"old\n");
    }

    #[test]
    fn a_file_that_settles_is_read_after_all_and_one_that_does_not_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database");
        for changes in [0, 1, ATTEMPTS - 1, ATTEMPTS] {
            fs::write(&path, "").unwrap();
            let read = read_settled(&path, |attempt| {
                if attempt < changes {
                    let mut file = File::options().append(true).open(&path).unwrap();
                    file.write_all(b"more\n").unwrap();
                }
            });
            match read {
                Ok(contents) => assert_eq!(contents.bytes, b"more\n".repeat(changes as usize)),
                Err(RegionError::Unsettled { .. }) => assert_eq!(changes, ATTEMPTS),
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn what_is_no_regular_file_or_too_large_is_refused_unread() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(
            read(directory.path()),
            Err(RegionError::NotAFile { .. })
        ));
        let missing = directory.path().join("missing");
        assert!(matches!(read(&missing), Err(RegionError::Read { .. })));
        let large = directory.path().join("large");
        File::create(&large).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        let refused = read(&large).err().unwrap();
        assert!(matches!(refused, RegionError::TooLarge { .. }));
        assert!(refused.to_string().contains("536870913"), "{refused}");
    }

    #[test]
    fn the_digest_is_that_of_sha256sum() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database");
        fs::write(&path, "abc").unwrap();
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(read(&path).unwrap().digest.to_string(), expected);
    }
}
