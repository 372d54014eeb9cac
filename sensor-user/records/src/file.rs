//! Files on a disk that may fail: whole or not there, and known by their digest.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

use sha2::{Digest as _, Sha256};

use crate::{RecordsError, layout::ASIDE};

/// The SHA-256 of a file (FIPS 180-4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A text that is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoDigest;

impl FromStr for Digest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NoDigest),
        };
        let mut digest = [0; 32];
        if text.len() != 64 {
            return Err(NoDigest);
        }
        for (octet, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *octet = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(digest))
    }
}

/// The digest of a file, read in pieces.
///
/// # Errors
/// It cannot be read.
pub fn digest_file(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(Digest(hash.finalize().into())),
            Ok(read) => hash.update(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Makes a directory, and those above it, for its owner alone.
pub(crate) fn make_directory(path: &Path) -> Result<(), RecordsError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(RecordsError::io("make the directory", path))
}

/// Writes bytes aside and lets them reach the disk, then gives them their name: a reader finds all or nothing, after
/// a crash too.
pub(crate) fn write_whole(root: &Path, sensor: &str, path: &Path, bytes: &[u8]) -> Result<(), RecordsError> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let aside_folder = aside_folder(root, sensor);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let aside = aside_folder.join(format!("{}-{number}", std::process::id()));
    let target = root.join(path);
    let folder = target.parent().map_or_else(|| root.to_owned(), Path::to_owned);
    make_directory(&aside_folder)?;
    make_directory(&folder)?;
    let written = write_aside(&aside, bytes)
        .map_err(RecordsError::io("write", &aside))
        .and_then(|()| fs::rename(&aside, &target).map_err(RecordsError::io("put in place", &target)));
    if let Err(error) = written {
        // What is left takes room that the next attempt needs.
        let _ = fs::remove_file(&aside);
        return Err(error);
    }
    sync_directories(root, &folder)
}

fn write_aside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Lets the names in a folder, and those of the folders up to the root, reach the disk.
pub(crate) fn sync_directories(root: &Path, folder: &Path) -> Result<(), RecordsError> {
    let mut folder = Some(folder.to_owned());
    while let Some(path) = folder {
        File::open(&path)
            .and_then(|directory| directory.sync_all())
            .map_err(RecordsError::io("write", &path))?;
        folder = (path != root).then(|| path.parent().map(PathBuf::from)).flatten();
    }
    Ok(())
}

/// Where a sensor's files are until they are whole. Each has its own: several may write to one directory.
fn aside_folder(root: &Path, sensor: &str) -> PathBuf {
    root.join(ASIDE).join(sensor)
}

/// Removes what a sensor's writers that died left aside.
pub(crate) fn clear_aside(root: &Path, sensor: &str) {
    let Ok(entries) = fs::read_dir(aside_folder(root, sensor)) else {
        return;
    };
    for entry in entries.flatten() {
        let _ = fs::remove_file(entry.path());
    }
}
