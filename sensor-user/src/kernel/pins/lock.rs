//! One daemon to a set of pins: a lock on their folder, which ends with the process that holds it.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::failed;
use crate::kernel::KernelError;

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "it is held, not used")] Flock<File>);

impl Lock {
    /// Locks a sensor's folder.
    pub(super) fn take(folder: &Path) -> Result<Self, KernelError> {
        let file = File::open(folder).map_err(failed(folder))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Self(lock)),
            Err((_, Errno::EWOULDBLOCK)) => Err(KernelError::AlreadyRunning {
                folder: folder.to_owned(),
                holder: holder(folder)
                    .map_or_else(|| "another process".to_owned(), |id| format!("process {id}")),
            }),
            Err((_, error)) => Err(failed(folder)(error.into())),
        }
    }
}

/// The process that holds the lock, as far as the system tells: those of other PID namespaces have no number here.
pub(super) fn holder(folder: &Path) -> Option<u32> {
    let metadata = fs::metadata(folder).ok()?;
    holder_in(
        &fs::read_to_string("/proc/locks").ok()?,
        metadata.dev(),
        metadata.ino(),
    )
}

/// Whether anybody holds the lock.
pub(super) fn is_held(folder: &Path) -> bool {
    let Ok(file) = File::open(folder) else {
        return false;
    };
    matches!(
        Flock::lock(file, FlockArg::LockSharedNonblock),
        Err((_, Errno::EWOULDBLOCK))
    )
}

/// Finds it in the table of locks (`proc_locks(5)`): `1: FLOCK  ADVISORY  WRITE 4711 00:2a:17 0 EOF`.
fn holder_in(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // One that waits has an arrow in the second place.
        let [_, "FLOCK", _, _, process, place, ..] = fields.as_slice() else {
            return None;
        };
        (*place == file).then(|| process.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_found_by_device_and_inode_and_not_among_those_who_wait() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 00:2a:17 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 12 00:2a:17 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 13 00:2a:18 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 14 00:2a:17 0 EOF\n";
        assert_eq!(holder_in(locks, 0x2a, 17), Some(14));
        assert_eq!(holder_in(locks, 0x2a, 19), None);
    }

    #[test]
    fn a_folder_is_locked_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        let said = Lock::take(folder.path()).unwrap_err().to_string();
        assert!(
            said.contains(&format!("process {}", std::process::id())),
            "{said}"
        );
        drop(first);
        Lock::take(folder.path()).unwrap();
    }
}
