//! One lab at a time on a machine.

use std::{
    fs::{self, File, OpenOptions},
    io,
    sync::Arc,
    thread,
};

use anyhow::{Context as _, Result, anyhow};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    sched::{CloneFlags, unshare},
    unistd::geteuid,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
    low_level::emulate_default_handler,
};

use super::registry;

const LOCK_FOLDER: &str = "/run/lock";
const LOCK_FILE: &str = "/run/lock/teiten-lab.lock";

/// The machine's test networks.
#[derive(Debug)]
pub struct Lab;

/// The right to make test networks; whoever holds one keeps other runs waiting. Clones share it.
#[derive(Clone, Debug)]
pub struct LabLock {
    _file: Arc<Flock<File>>,
}

impl Lab {
    /// Why this process can make no test networks, if so: for tests that are skipped with a reason.
    #[must_use]
    pub fn obstacle() -> Option<String> {
        if !geteuid().is_root() {
            return Some("needs root for network namespaces".to_owned());
        }
        // In a thread that ends at once: the namespace that it moves to ends with it.
        let probe = thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET)).join();
        match probe {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("root may not make network namespaces here: {error}")),
            Err(_) => Some("network namespaces could not be tried".to_owned()),
        }
    }

    /// Waits until no other run on this machine uses test networks, then removes what a killed run left behind.
    ///
    /// A process locks once and clones what it got: a second call waits for the first one's lock.
    ///
    /// # Errors
    /// When the lock file cannot be made, which takes root, or left-overs cannot be removed.
    pub fn lock() -> Result<LabLock> {
        fs::create_dir_all(LOCK_FOLDER)
            .with_context(|| format!("the folder {LOCK_FOLDER} cannot be made"))?;
        let open = || {
            OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(LOCK_FILE)
        };
        let file = open().with_context(|| format!("the lock {LOCK_FILE} cannot be opened; are you root?"))?;
        let lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((file, Errno::EWOULDBLOCK)) => {
                eprintln!("waiting for another run that uses test networks on this machine ({LOCK_FILE})");
                wait(file)?
            }
            Err((_, error)) => return Err(refused(error)),
        };
        registry::remove_all()?;
        Ok(LabLock {
            _file: Arc::new(lock),
        })
    }

    /// Has an interrupted process remove its networks before it ends, by SIGINT, SIGTERM or SIGHUP.
    ///
    /// For programs without handlers of their own; one that has calls [`Self::clean_up`] in them. Even SIGKILL
    /// leaves nothing for long: the next [`Self::lock`] removes it.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn clean_up_on_signals() -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                Self::clean_up();
                // Ends the process the way the signal would have.
                let _ = emulate_default_handler(signal);
            }
        });
        Ok(())
    }

    /// Removes every network of this process at once. What cannot be removed is said on standard error.
    pub fn clean_up() {
        if let Err(error) = registry::remove_own() {
            eprintln!("warning: a test network is left behind: {error:#}");
        }
    }
}

fn wait(mut file: File) -> Result<Flock<File>> {
    loop {
        match Flock::lock(file, FlockArg::LockExclusive) {
            Ok(lock) => return Ok(lock),
            Err((again, Errno::EINTR)) => file = again,
            Err((_, error)) => return Err(refused(error)),
        }
    }
}

fn refused(error: Errno) -> anyhow::Error {
    anyhow!(error).context(format!("the lock {LOCK_FILE} was refused"))
}
