//! The daemon with everything on, at the receiving end of a veth pair that a generator floods.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::{
    daemon::{Daemon, Settings, Snapshot},
    live::{DARK_PREFIX_V6, Generator, PortCounts},
    network::{DARK_PREFIX, LabLock, Network},
};

/// How often the daemon is asked whether it has caught up, and how long it may take.
const LOOK: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_mins(2);
/// What counts as idle: a look in which a process ran for less than this.
const IDLE: Duration = Duration::from_millis(20);

/// The configuration file in the daemon's folder.
const CONFIGURATION: &str = "teiten.toml";

/// What the daemon is told: every default, and records beside.
pub(super) struct Complete {
    folder: TempDir,
    pub(super) settings: Settings,
}

impl Complete {
    pub(super) fn new(interface: &str) -> Result<Self> {
        let folder = TempDir::new().context("there is no place for the daemon's records")?;
        let place = folder.path().display();
        let configuration = folder.path().join(CONFIGURATION);
        let text = format!(
            "[sensor]\nid = \"bench\"\nstate_directory = \"{place}/state\"\n[records]\ndirectory = \"{place}/records\"\n"
        );
        for name in ["state", "records"] {
            fs::create_dir(folder.path().join(name))?;
        }
        fs::write(&configuration, text)?;
        let settings = Settings {
            interfaces: vec![interface.to_owned()],
            watch: vec![DARK_PREFIX.to_owned(), DARK_PREFIX_V6.to_owned()],
            configuration: Some(configuration),
            ..Settings::default()
        };
        Ok(Self { folder, settings })
    }

    /// Adds a part to the configuration.
    pub(super) fn configure(&self, part: &str) -> Result<()> {
        let path = self.folder.path().join(CONFIGURATION);
        let text = fs::read_to_string(&path)? + part;
        Ok(fs::write(path, text)?)
    }

    /// The bytes of its records so far.
    pub(super) fn records_bytes(&self) -> u64 {
        size_of(&self.folder.path().join("records"))
    }
}

fn size_of(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else {
        return fs::metadata(path).map_or(0, |file| file.len());
    };
    entries.flatten().map(|entry| size_of(&entry.path())).sum()
}

/// The programs that a measurement with the daemon runs.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The daemon.
    pub daemon: PathBuf,
    /// The generator's object file.
    pub generator: PathBuf,
}

/// A pair with a generator at one end and nobody yet at the other.
pub(super) struct Place {
    pub(super) network: Network,
    pub(super) generator: Generator,
}

impl Place {
    pub(super) fn make(lock: &LabLock, name: &str, programs: &Programs, cpus: &[u32]) -> Result<Self> {
        let network = Network::pair(lock, name)?;
        let mut generator = Generator::load(&programs.generator, PortCounts::Left)?;
        network.sender().enter(|| {
            cpus.iter()
                .try_for_each(|&cpu| generator.aim(cpu, network.tx().index))
        })??;
        Ok(Self { network, generator })
    }

    /// The daemon's totals when they hold everything that was sent to it.
    pub(super) fn settled(&self, daemon: &Daemon) -> Result<Snapshot> {
        let sent = self.generator.truth()?.frames();
        let mut waited = Duration::ZERO;
        loop {
            let snapshot = daemon.snapshot(0)?;
            if snapshot.seen == sent && snapshot.conservation.accounts_for_all() {
                return Ok(snapshot);
            }
            ensure!(
                waited < PATIENCE,
                "of {sent} frames the sensor has seen {}: {:?}",
                snapshot.seen,
                snapshot.conservation
            );
            thread::sleep(LOOK);
            waited += LOOK;
        }
    }

    /// That every frame came through: one that is lost on the way costs less than one that is received.
    pub(super) fn check_arrivals(&self) -> Result<()> {
        let (sent, arrived) = (self.generator.truth()?.frames(), self.network.received()?);
        ensure!(
            sent == arrived,
            "of {sent} frames {arrived} arrived: the veth pair lost the others, and the figures mean nothing"
        );
        Ok(())
    }
}

/// Waits until what runs for `cpu_time` has taken in what came: it must not compete with the next measurement.
/// Gives the time that it has run by then.
pub(super) fn await_idle(cpu_time: impl Fn() -> Result<Duration>) -> Result<Duration> {
    let mut waited = Duration::ZERO;
    let mut before = cpu_time()?;
    loop {
        thread::sleep(LOOK);
        let now = cpu_time()?;
        if now.saturating_sub(before) < IDLE {
            return Ok(now);
        }
        waited += LOOK;
        ensure!(
            waited < PATIENCE,
            "a program is busy although nothing is sent to it"
        );
        before = now;
    }
}
