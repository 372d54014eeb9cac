//! The pins: where maps and links outlive the daemon, in a folder of a BPF file system.
//!
//! ```text
//! PIN_DIRECTORY/SENSOR/         0700, locked by the daemon that works with it
//!     v1/                       what daemons of layout 1 share; it appears whole or not at all
//!         OUTCOMES, PORTS, …    the maps whose content must outlive the daemon
//!         LEDGER                what was accounted so far
//!         link_7                the attachment to interface 7
//! ```

mod definitions;
mod folder;
mod lock;
mod survey;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sensor_common::config::LAYOUT_VERSION;

pub(super) use self::definitions::{PINNED_MAPS, pinned_entries, verify};
pub use self::survey::{PinnedLink, PinnedSet, Survey, detach, survey};
use self::{
    folder::{Folder, LINK_PREFIX},
    lock::Lock,
};
use super::{KernelError, Ledger, counters::possible_cpus, ledger};

/// Where the pins of a sensor are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinPlace {
    /// The folder for all sensors, in a BPF file system.
    pub directory: PathBuf,
    /// The sensor's id.
    pub sensor: String,
}

impl PinPlace {
    /// The sensor's own folder. Names in a BPF file system have no dots, and ids have no tildes.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.directory.join(self.sensor.replace('.', "~"))
    }

    fn set(&self) -> PathBuf {
        self.folder().join(set_name(LAYOUT_VERSION))
    }
}

fn set_name(layout: u32) -> String {
    format!("v{layout}")
}

/// The pins of a sensor, held by this process alone until it is dropped.
#[derive(Debug)]
pub struct Pins {
    place: PinPlace,
    _lock: Lock,
}

/// The maps that are there, or are about to be.
#[derive(Debug)]
pub(super) enum MapPins {
    /// Made by an earlier daemon: to be taken up.
    Found(PathBuf),
    /// To be made in this folder, and shown by [`Pins::finish`].
    ToMake(PathBuf),
}

impl MapPins {
    /// Where the maps are while they are loaded.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Found(folder) | Self::ToMake(folder) => folder,
        }
    }
}

impl Pins {
    /// Takes hold of a sensor's pins. With `discard`, what cannot be adopted is removed first, and its totals with it.
    ///
    /// # Errors
    /// There is no BPF file system, another daemon works with these pins, or what is there cannot be adopted.
    pub fn take(place: &PinPlace, discard: bool) -> Result<Self, KernelError> {
        let folder = Folder::make(place)?;
        let pins = Self {
            place: place.clone(),
            _lock: Lock::take(&folder.path)?,
        };
        folder.remove_unfinished()?;
        match pins.check() {
            Ok(()) => Ok(pins),
            Err(error) if discard => {
                tracing::warn!(reason = %error, "pins are discarded, and the totals in them are lost");
                folder.remove_sets()?;
                Ok(pins)
            }
            Err(error) => Err(error),
        }
    }

    /// That what is there can be adopted.
    fn check(&self) -> Result<(), KernelError> {
        for (layout, path) in folder::sets(&self.place.folder())? {
            if layout != set_name(LAYOUT_VERSION) {
                return Err(KernelError::OtherLayout {
                    folder: path,
                    found: layout,
                    own: set_name(LAYOUT_VERSION),
                });
            }
            definitions::check_pins(&path)?;
            Ledger::open(&path.join(ledger::NAME), possible_cpus()?)?;
        }
        Ok(())
    }

    /// The maps to load the program with.
    pub(super) fn maps(&self) -> Result<MapPins, KernelError> {
        let set = self.place.set();
        if set.exists() {
            return Ok(MapPins::Found(set));
        }
        let unfinished = folder::unfinished(&set);
        folder::make_private(&unfinished)?;
        Ok(MapPins::ToMake(unfinished))
    }

    /// Gives the ledger of maps that were loaded; new ones get one and are shown.
    pub(super) fn finish(&self, maps: &MapPins, epoch: u64, began: i64) -> Result<Ledger, KernelError> {
        let path = maps.folder().join(ledger::NAME);
        let cpus = possible_cpus()?;
        match maps {
            MapPins::Found(_) => Ledger::open(&path, cpus),
            MapPins::ToMake(unfinished) => {
                let ledger = Ledger::create(&path, cpus, epoch, began)?;
                fs::rename(unfinished, self.place.set()).map_err(failed(unfinished))?;
                Ok(ledger)
            }
        }
    }

    /// Where the link to an interface is pinned.
    pub(super) fn link(&self, index: u32) -> PathBuf {
        self.place.set().join(format!("{LINK_PREFIX}{index}"))
    }

    /// The links that are pinned.
    pub(super) fn links(&self) -> Result<Vec<PinnedLink>, KernelError> {
        survey::links(&self.place.set())
    }

    /// Removes what was being made, when it came to nothing.
    fn remove_unfinished(&self) -> Result<(), KernelError> {
        Folder::make(&self.place)?.remove_unfinished()
    }

    /// Removes every pin of the sensor: what is attached through them alone is attached no more.
    ///
    /// # Errors
    /// A pin cannot be removed.
    pub fn remove(&self) -> Result<(), KernelError> {
        Folder::make(&self.place)?.remove_sets()
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        // Maps that were not shown are of no use to anybody.
        if let Err(error) = self.remove_unfinished() {
            tracing::debug!(%error, "unfinished pins stay until the next start");
        }
    }
}

/// A file operation that failed there.
fn failed(path: &Path) -> impl FnOnce(io::Error) -> KernelError {
    move |source| KernelError::PinFolder {
        path: path.to_owned(),
        source,
    }
}
