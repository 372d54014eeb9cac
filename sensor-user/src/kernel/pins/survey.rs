//! What is pinned and attached: seen from outside, by a process that is not the daemon.

use std::{
    fs,
    path::{Path, PathBuf},
};

use aya::maps::{Map, MapData, PerCpuArray};
use sensor_common::{Outcome, names};
use serde::Serialize;

use super::{PinPlace, definitions, folder, lock};
use crate::{
    kernel::{KernelError, Mode, holder, ledger, sys::objects::pinned_xdp_link},
    pipeline::ledger::Books,
};

/// What there is of a sensor.
#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    /// The version of this form.
    pub schema: u32,
    /// The sensor's id.
    pub sensor: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Whether a daemon works with these pins.
    pub running: bool,
    /// Its process, where the system tells.
    pub process: Option<u32>,
    /// The sets of maps, by layout. More than one is never made, and none is there before the first start.
    pub sets: Vec<PinnedSet>,
}

/// The maps and links of one layout.
#[derive(Clone, Debug, Serialize)]
pub struct PinnedSet {
    /// The layout: `v1`.
    pub layout: String,
    /// Why a daemon of this version cannot adopt it; `None` where it can.
    pub obstacle: Option<String>,
    /// Packets that the program saw since the maps were made; `None` where that cannot be read.
    pub seen: Option<u64>,
    /// Of those, the ones whose detail a dead daemon took along; what died since the last start is not in it yet.
    pub lost_crash: Option<u64>,
    /// The attachments.
    pub links: Vec<PinnedLink>,
}

/// An attachment that outlives the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PinnedLink {
    /// The pin.
    pub path: PathBuf,
    /// The interface's name now; `None` where it is gone, or of another network namespace.
    pub interface: Option<String>,
    /// Its number; 0 where it is gone.
    pub index: u32,
    /// The program's number in the kernel.
    pub program: u32,
    /// Whether that program is on that interface, as this network namespace shows it.
    pub attached: bool,
    /// `native` or `generic`, where it is attached.
    pub mode: Option<Mode>,
}

/// Looks at what is there. Changes nothing.
///
/// # Errors
/// The folder is there and cannot be read.
pub fn survey(place: &PinPlace) -> Result<Survey, KernelError> {
    let folder = place.folder();
    let process = lock::holder(&folder);
    let mut sets = Vec::new();
    for (layout, path) in folder::sets(&folder)? {
        // What is damaged is shown as far as it can be read.
        let (links, damage) = match links(&path) {
            Ok(links) => (links, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        sets.push(PinnedSet {
            obstacle: obstacle(&layout, &path).or(damage),
            seen: seen(&path),
            lost_crash: books(&path).map(|books| books.lost_crash.packets),
            links,
            layout,
        });
    }
    Ok(Survey {
        schema: 1,
        sensor: place.sensor.clone(),
        running: process.is_some() || lock::is_held(&folder),
        process,
        folder,
        sets,
    })
}

/// Removes every pin of a sensor, so that nothing of it is attached any more. Gives what there was.
///
/// # Errors
/// A daemon works with them, or a pin cannot be removed.
pub fn detach(place: &PinPlace) -> Result<Survey, KernelError> {
    let before = survey(place)?;
    if !before.folder.exists() {
        return Ok(before);
    }
    let lock = lock::Lock::take(&before.folder)?;
    for (_, path) in folder::folders(&before.folder)? {
        folder::remove_set(&path)?;
    }
    fs::remove_dir(&before.folder).map_err(super::failed(&before.folder))?;
    drop(lock);
    Ok(before)
}

fn obstacle(layout: &str, path: &Path) -> Option<String> {
    let own = super::set_name(super::LAYOUT_VERSION);
    if layout != own {
        return Some(format!("this version has layout {own}"));
    }
    definitions::check_pins(path).err().map(|error| error.to_string())
}

fn seen(set: &Path) -> Option<u64> {
    let data = MapData::from_pin(set.join(names::OUTCOMES)).ok()?;
    let outcomes: PerCpuArray<_, u64> = Map::PerCpuArray(data).try_into().ok()?;
    let outcomes = (0..u32::try_from(Outcome::COUNT).ok()?).map(|key| {
        let each_cpu = outcomes.get(&key, 0).ok()?;
        Some(each_cpu.iter().sum::<u64>())
    });
    outcomes.sum()
}

fn books(set: &Path) -> Option<Books> {
    let cpus = crate::kernel::counters::possible_cpus().ok()?;
    let ledger = ledger::Ledger::open(&set.join(ledger::NAME), cpus).ok()?;
    Some(ledger.books())
}

/// The links that are pinned in a set.
pub(super) fn links(set: &Path) -> Result<Vec<PinnedLink>, KernelError> {
    let mut links = Vec::new();
    let entries = match fs::read_dir(set) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(links),
        Err(error) => return Err(super::failed(set)(error)),
    };
    for entry in entries {
        let path = entry.map_err(super::failed(set))?.path();
        if !folder::is_link(&path) {
            continue;
        }
        let info = pinned_xdp_link(&path).map_err(|source| KernelError::PinsDamaged {
            folder: set.to_owned(),
            what: format!(
                "the pin `{}` is no link of ours ({source})",
                path.file_name().unwrap_or_default().to_string_lossy()
            ),
        })?;
        // The number is that of the link's own namespace; in another one it may be anybody's, or nobody's.
        let here = holder::interface(info.interface_index).ok().flatten();
        let attached = here
            .as_ref()
            .is_some_and(|here| here.program == Some(info.program));
        links.push(PinnedLink {
            path,
            interface: here.as_ref().filter(|_| attached).map(|here| here.name.clone()),
            index: info.interface_index,
            program: info.program,
            attached,
            mode: here.filter(|_| attached).and_then(|here| here.mode),
        });
    }
    links.sort_by_key(|link| link.index);
    Ok(links)
}
