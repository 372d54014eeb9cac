//! The folder of a sensor's pins: made for its owner alone, and cleared of what was left unfinished.

use std::{
    fs::{self, DirBuilder, Permissions},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use super::{PinPlace, failed};
use crate::kernel::{KernelError, sys::objects::is_bpf_file_system};

/// Before the interface's number in the name of a link's pin.
pub(crate) const LINK_PREFIX: &str = "link_";
/// Behind the name of a set that is being made.
const UNFINISHED: &str = "-new";
/// Whoever can open a pin can take the program off.
const OWNER_ALONE: u32 = 0o700;

/// A sensor's folder, which exists.
pub(super) struct Folder {
    pub(super) path: PathBuf,
}

impl Folder {
    /// Makes the folder where it is not there yet, in a BPF file system.
    pub(super) fn make(place: &PinPlace) -> Result<Self, KernelError> {
        refuse_other_file_systems(&place.directory)?;
        make_private(&place.directory)?;
        let path = place.folder();
        make_private(&path)?;
        Ok(Self { path })
    }

    /// Removes what a daemon left that died while it made its maps: nobody counted in them.
    pub(super) fn remove_unfinished(&self) -> Result<(), KernelError> {
        for (name, path) in folders(&self.path)? {
            if name.ends_with(UNFINISHED) {
                remove_set(&path)?;
            }
        }
        Ok(())
    }

    /// Removes every set, of whatever layout.
    pub(super) fn remove_sets(&self) -> Result<(), KernelError> {
        for (_, path) in folders(&self.path)? {
            remove_set(&path)?;
        }
        Ok(())
    }
}

/// The sets of maps in a sensor's folder, by name, but for unfinished ones.
pub(super) fn sets(folder: &Path) -> Result<Vec<(String, PathBuf)>, KernelError> {
    let mut sets = folders(folder)?;
    sets.retain(|(name, _)| !name.ends_with(UNFINISHED));
    Ok(sets)
}

/// The folders in a folder, by name; none where it is not there.
pub(super) fn folders(folder: &Path) -> Result<Vec<(String, PathBuf)>, KernelError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(folder)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed(folder))?;
        if entry.file_type().map_err(failed(folder))?.is_dir() {
            found.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Where a set is made before it is shown.
pub(super) fn unfinished(set: &Path) -> PathBuf {
    let mut name = set.file_name().unwrap_or_default().to_os_string();
    name.push(UNFINISHED);
    set.with_file_name(name)
}

/// Makes a folder for its owner alone; one that is there becomes such a folder.
pub(super) fn make_private(path: &Path) -> Result<(), KernelError> {
    match DirBuilder::new().mode(OWNER_ALONE).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mode = fs::metadata(path).map_err(failed(path))?.permissions().mode();
            if mode & 0o777 == OWNER_ALONE {
                return Ok(());
            }
            fs::set_permissions(path, Permissions::from_mode(OWNER_ALONE)).map_err(failed(path))
        }
        Err(error) => Err(failed(path)(error)),
    }
}

/// Removes a set: its links first, so that nothing counts into maps that nobody finds any more.
pub(super) fn remove_set(path: &Path) -> Result<(), KernelError> {
    let mut pins: Vec<PathBuf> = fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(failed(path))?;
    pins.sort_by_key(|pin| !is_link(pin));
    for pin in pins {
        fs::remove_file(&pin).map_err(failed(&pin))?;
    }
    fs::remove_dir(path).map_err(failed(path))
}

pub(super) fn is_link(pin: &Path) -> bool {
    pin.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(LINK_PREFIX))
}

/// Refuses a folder that is in no BPF file system, or would not be once it is made.
fn refuse_other_file_systems(directory: &Path) -> Result<(), KernelError> {
    let there = directory.ancestors().find(|folder| folder.exists());
    let is_bpf = match there {
        Some(folder) => is_bpf_file_system(folder).map_err(failed(folder))?,
        None => false,
    };
    if is_bpf {
        return Ok(());
    }
    Err(KernelError::NoBpfFileSystem(directory.to_owned()))
}
