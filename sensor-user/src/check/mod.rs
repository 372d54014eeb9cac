//! Whether this host is fit for the sensor: what is looked at before anything is loaded.

mod files;
mod finding;
mod host;
mod interface;
mod network;
mod pins;

use std::path::{Path, PathBuf};

use ipnet::IpNet;

pub use self::finding::{Finding, Report, State};
use crate::{
    config::Config,
    kernel::{ModeChoice, PinPlace, WatchList, counters::possible_cpus, memory::MapMemory},
    region::RegionSources,
};

/// What the sensor would be asked to do on this host.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where to watch; none to look at the host alone.
    pub interfaces: Vec<String>,
    /// How to attach.
    pub mode: ModeChoice,
    /// The watched prefixes.
    pub watch: Vec<IpNet>,
    /// Bytes that the maps take.
    pub map_bytes: u64,
    /// Where the daemon keeps what must outlive it.
    pub state_directory: Option<PathBuf>,
    /// Where maps and attachments outlive the daemon, if they do.
    pub pins: Option<PinPlace>,
    /// The configuration file.
    pub config_file: Option<PathBuf>,
    /// The region databases, where they are to be read: that takes a second.
    pub regions: Option<RegionSources>,
}

impl Plan {
    /// The plan of a configuration, but for the region databases: the sensor reads them itself, and says what is wrong.
    #[must_use]
    pub fn of(config: &Config, config_file: Option<&Path>) -> Self {
        let blocks = WatchList::new(&config.watch).map_or(0, |list| list.blocks().len());
        let cpus = possible_cpus().unwrap_or(1);
        Self {
            interfaces: config.interfaces.clone(),
            mode: config.mode,
            watch: config.watch.clone(),
            map_bytes: MapMemory::new(config.flow_slots, config.ring_bytes, blocks, cpus).total(),
            state_directory: config.state_directory.clone(),
            pins: config.pin.then(|| config.pin_place()),
            config_file: config_file.map(Path::to_owned),
            regions: None,
        }
    }
}

/// Where the kernel's files are: elsewhere for tests.
#[derive(Clone, Debug)]
pub struct Places {
    /// `/proc`
    pub proc: PathBuf,
    /// `/sys`
    pub sys: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            proc: "/proc".into(),
            sys: "/sys".into(),
        }
    }
}

/// Looks at everything. Nothing is changed by it.
#[must_use]
pub fn look(plan: &Plan, places: &Places) -> Report {
    let mut findings = host::look(plan, places);
    let own = match &plan.pins {
        Some(place) => pins::look(place, &mut findings),
        None => Vec::new(),
    };
    for name in &plan.interfaces {
        interface::look(name, plan.mode, &own, places, &mut findings);
    }
    network::look(plan, places, &mut findings);
    files::look(plan, &mut findings);
    Report::new(findings)
}

#[cfg(test)]
mod tests;
