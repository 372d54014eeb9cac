//! What the daemon gives up once its program is attached: capabilities, system calls, and most of the file system.
//!
//! All of it holds for the calling thread and for those that it starts later, so it is done before there are others.

mod calls;
mod files;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl;

pub use self::files::Landlock;
use crate::config::{Config, ShipConfig};

/// The first kernel on which descriptors that are open already need no capability to be worked with.
const WITHOUT_CAPABILITIES: (u32, u32) = (6, 1);

/// What can keep privileges from being given up.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// A set of capabilities cannot be changed.
    #[error("the capabilities cannot be given up ({0}): start the sensor by its systemd unit, or as root")]
    Capabilities(#[from] caps::errors::CapsError),
    /// The process cannot bar itself from new privileges.
    #[error("new privileges cannot be barred ({0}): use a kernel with no_new_privs")]
    NewPrivileges(nix::errno::Errno),
    /// The filter of system calls is refused.
    #[error("system calls cannot be filtered ({0}): use a kernel with CONFIG_SECCOMP_FILTER")]
    Calls(String),
    /// Landlock is there and refuses.
    #[error("the file system cannot be fenced off ({0}): this is a bug, report it with the kernel's version")]
    Files(#[from] landlock::RulesetError),
}

/// Files that are read or written after the start. Whatever the daemon opens later has to be below one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Folders that are read.
    pub read: BTreeSet<PathBuf>,
    /// Folders in which files are made, written and removed.
    pub write: BTreeSet<PathBuf>,
}

impl Needs {
    /// What a configuration needs. `web` are the files of the web configuration.
    #[must_use]
    pub fn of(config: &Config, web: &[PathBuf]) -> Self {
        let mut needs = Self::default();
        // A file that is replaced is another file, so the folder is what counts.
        for file in config
            .region_country
            .iter()
            .chain(&config.region_asn)
            .chain(web.iter())
        {
            needs.read_beside(file);
        }
        needs.write.extend(config.state_directory.clone());
        // An interface that is made again gets a new link there.
        needs
            .write
            .extend(config.pin.then(|| config.pin_place().folder()));
        // Where the disk does not let the folder be made yet, it is made later, in the one that is there.
        let records = config.records.as_ref().map(|records| records.directory.as_path());
        needs
            .write
            .extend(records.map(|folder| existing(folder).to_owned()));
        // Made before privileges are given up.
        needs
            .write
            .extend(config.samples.as_ref().map(|samples| samples.directory.clone()));
        let destination = config.ship.as_ref().and_then(ShipConfig::directory);
        needs
            .write
            .extend(destination.map(|folder| existing(folder).to_owned()));
        needs
    }

    /// The folder of a file that is read again, and of the file behind it where it is a link.
    pub fn read_beside(&mut self, file: &Path) {
        let behind = file.canonicalize().ok();
        for path in [Some(file), behind.as_deref()].into_iter().flatten() {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            self.read.insert(folder.unwrap_or(Path::new(".")).to_owned());
        }
    }
}

/// The folder, or the nearest above it that is there.
fn existing(folder: &Path) -> &Path {
    folder
        .ancestors()
        .find(|ancestor| ancestor.is_dir())
        .unwrap_or(Path::new("."))
}

/// What is left.
#[derive(Clone, Debug)]
pub struct Left {
    /// Capabilities.
    pub capabilities: Vec<Capability>,
    /// Whether the file system is fenced off.
    pub landlock: Landlock,
}

/// Gives up whatever is not needed any more. `release` is the kernel's, as numbers.
///
/// # Errors
/// The kernel refuses: then nothing is known of what is left, and the process should end.
pub fn give_up(needs: &Needs, release: Option<(u32, u32)>) -> Result<Left, PrivilegeError> {
    let capabilities = keep_capabilities(&kept(release))?;
    prctl::set_no_new_privs().map_err(PrivilegeError::NewPrivileges)?;
    let landlock = files::fence(needs)?;
    calls::filter()?;
    Ok(Left {
        capabilities,
        landlock,
    })
}

/// Before 6.1 every call of bpf(2) asks for it.
fn kept(release: Option<(u32, u32)>) -> CapsHashSet {
    match release {
        Some(release) if release >= WITHOUT_CAPABILITIES => CapsHashSet::new(),
        _ => CapsHashSet::from([Capability::CAP_BPF]),
    }
}

/// Keeps those of `kept` that are there. The bounding set can be cut by who has `CAP_SETPCAP` alone; without new
/// privileges it means nothing.
fn keep_capabilities(kept: &CapsHashSet) -> Result<Vec<Capability>, PrivilegeError> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    let left: CapsHashSet = permitted.intersection(kept).copied().collect();
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        for capability in caps::read(None, CapSet::Bounding)? {
            if !left.contains(&capability) {
                caps::drop(None, CapSet::Bounding, capability)?;
            }
        }
    }
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &left)?;
    caps::set(None, CapSet::Permitted, &left)?;
    let mut left: Vec<Capability> = left.into_iter().collect();
    left.sort_by_key(Capability::index);
    Ok(left)
}

#[cfg(test)]
mod tests;
