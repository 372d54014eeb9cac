//! Where a daemon under test lives: a network, a BPF file system of its own, and what it is told.

use std::{
    fs,
    num::NonZeroU32,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Failed;
use sensor_common::config::LAYOUT_VERSION;
use sensor_lab::{
    artefacts,
    daemon::{Daemon, Settings},
    frames::{Edit as _, Ipv4, Tcp},
    network::{DARK_PREFIX, LabLock, Network},
    sender::{Limit, Pace, Queueing, Sender},
};
use tempfile::TempDir;

/// How long any state may take to be reached on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// What any machine can take without losing a frame between the two ends.
const GENTLE: NonZeroU32 = NonZeroU32::new(20_000).unwrap();
const LOOK: Duration = Duration::from_millis(50);

/// A BPF file system in a temporary folder. Dropping it takes off whatever is pinned in it.
pub struct BpfFolder {
    folder: TempDir,
}

impl BpfFolder {
    pub fn mount() -> Result<Self, Failed> {
        let folder = TempDir::new()?;
        run(Command::new("mount")
            .args(["-t", "bpf", "bpf"])
            .arg(folder.path()))?;
        Ok(Self { folder })
    }

    /// Where pins go.
    pub fn pins(&self) -> PathBuf {
        self.folder.path().join("teiten")
    }
}

impl Drop for BpfFolder {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

/// A network, a BPF file system and a configuration. What is pinned goes before the network does.
pub struct Place {
    pub bpf: BpfFolder,
    pub network: Network,
    configuration: tempfile::NamedTempFile,
    folder: TempDir,
}

/// The sensor's id; its dot must not become one in a BPF file system.
pub const ID: &str = "fault.test";

impl Place {
    pub fn make(lock: &LabLock, name: &str) -> Result<Self, Failed> {
        let configuration = tempfile::NamedTempFile::new()?;
        // Compiling a database at each start takes longer than most tests.
        fs::write(
            configuration.path(),
            format!("[sensor]\nid = '{ID}'\n[regions]\ncountry = []\n[log]\nformat = 'json'\n"),
        )?;
        Ok(Self {
            bpf: BpfFolder::mount()?,
            network: Network::pair(lock, name)?,
            configuration,
            folder: TempDir::new()?,
        })
    }

    /// What the daemon is told where a test has no mind of its own.
    pub fn settings(&self) -> Settings {
        Settings {
            interfaces: vec![self.network.rx().name.to_owned()],
            watch: vec![DARK_PREFIX.to_owned()],
            flush_interval: Some("200ms".to_owned()),
            pin_directory: Some(self.bpf.pins()),
            configuration: Some(self.configuration.path().to_owned()),
            ..Settings::default()
        }
    }

    /// A configuration file that says little.
    pub fn configuration(&self) -> &Path {
        self.configuration.path()
    }

    pub fn start(&self, settings: &Settings) -> Result<Daemon<'_>, Failed> {
        Ok(Daemon::start(
            self.network.sensor(),
            &artefacts::daemon()?,
            settings,
        )?)
    }

    /// Starts a daemon that must not come up. Gives what it says.
    pub fn refused(&self, settings: &Settings) -> Result<String, Failed> {
        self.refused_as(settings, 1)
    }

    /// The same with another exit status.
    pub fn refused_as(&self, settings: &Settings, expected: i32) -> Result<String, Failed> {
        let daemon = Daemon::spawn(self.network.sensor(), &artefacts::daemon()?, settings)?;
        let (status, said) = daemon.wait()?;
        if status != Some(expected) {
            return Err(format!("ended with {status:?}: {said}").into());
        }
        Ok(said)
    }

    /// `teiten COMMAND` on this sensor's pins.
    pub fn teiten(&self, arguments: &[&str]) -> Result<Output, Failed> {
        let mut command = self.network.command(&artefacts::daemon()?.to_string_lossy())?;
        let output = command
            .args(arguments)
            .args(["--id", ID, "--pin-directory"])
            .arg(self.bpf.pins())
            .output()?;
        Ok(output)
    }

    /// The folder of this sensor's maps.
    pub fn set(&self) -> PathBuf {
        self.bpf.pins().join(ID.replace('.', "~")).join(layout())
    }

    /// The program as a file with another digest: what comes behind its sections nobody reads.
    pub fn other_object(&self) -> Result<PathBuf, Failed> {
        let path = self.folder.path().join("other.o");
        let mut bytes = fs::read(artefacts::object("sensor.o")?)?;
        bytes.extend([0; 64]);
        fs::write(&path, bytes)?;
        Ok(path)
    }

    /// Sends frames to a dark address.
    pub fn send(&self, frames: usize) -> Result<(), Failed> {
        self.send_from(self.network.tx().name, frames)
    }

    /// The same out of another interface.
    pub fn send_from(&self, interface: &str, frames: usize) -> Result<(), Failed> {
        let frame = probe();
        self.send_made(interface, frames, |_, buffer| buffer.clone_from(&frame))
    }

    /// Sends frames to a dark address, each from a source of its own.
    pub fn send_flows(&self, frames: usize) -> Result<(), Failed> {
        let frame = probe();
        self.send_made(self.network.tx().name, frames, |number, buffer| {
            buffer.clone_from(&frame);
            let source = (0x0b00_0000 + number).to_be_bytes();
            *buffer = std::mem::take(buffer).with(26, &source);
        })
    }

    /// Sends frames to a dark address that are cut short, or changed anywhere behind the Ethernet header.
    pub fn send_malformed(&self, frames: usize) -> Result<(), Failed> {
        let frame = probe();
        let mut random = fastrand::Rng::with_seed(7);
        self.send_made(self.network.tx().name, frames, |_, buffer| {
            buffer.clone_from(&frame);
            buffer.truncate(random.usize(15..=frame.len()));
            for _ in 0..random.usize(0..4) {
                let place = random.usize(14..buffer.len());
                // Never to the host itself: the destination stays.
                if !(30..34).contains(&place) {
                    buffer[place] = random.u8(..);
                }
            }
        })
    }

    fn send_made(
        &self,
        interface: &str,
        frames: usize,
        mut make: impl FnMut(u32, &mut Vec<u8>) + Send,
    ) -> Result<(), Failed> {
        let limit = Limit {
            frames: frames as u64,
            time: PATIENCE,
        };
        let sending = || {
            let mut number = 0;
            let next = |buffer: &mut Vec<u8>| {
                make(number, buffer);
                number += 1;
                true
            };
            Sender::open(interface, Queueing::Discipline)?.send(next, Pace::PerSecond(GENTLE), limit)
        };
        let sent = self.network.sender().enter(sending)??;
        if sent.frames != frames as u64 {
            return Err(format!("{} of {frames} frames were sent", sent.frames).into());
        }
        Ok(())
    }
}

/// The folder of what this version's daemons share.
pub fn layout() -> String {
    format!("v{LAYOUT_VERSION}")
}

fn probe() -> Vec<u8> {
    Ipv4::to([198, 51, 100, 1].into()).frame(Tcp::syn(23))
}

/// Waits until something holds.
pub fn await_that<T>(what: &str, mut holds: impl FnMut() -> Result<Option<T>, Failed>) -> Result<T, Failed> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = holds()? {
            return Ok(value);
        }
        if Instant::now() > deadline {
            return Err(format!("not within {PATIENCE:?}: {what}").into());
        }
        thread::sleep(LOOK);
    }
}

/// Waits until a metric has this value.
pub fn await_metric(daemon: &Daemon<'_>, series: &str, value: &str) -> Result<(), Failed> {
    let line = format!("{series} {value}");
    await_that(&format!("{line} in\n{}", daemon.log()), || {
        let text = daemon.metrics()?;
        Ok(text.lines().any(|found| found == line).then_some(()))
    })
}

/// Waits until the daemon's log holds all of these.
pub fn await_log(daemon: &Daemon<'_>, parts: &[&str]) -> Result<(), Failed> {
    await_that(&format!("{parts:?} in the log"), || {
        let log = daemon.log();
        let found = log
            .lines()
            .any(|line| parts.iter().all(|part| line.contains(part)));
        Ok(found.then_some(()))
    })
}

/// Checks that all of these were said.
pub fn assert_said(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
}

pub fn run(command: &mut Command) -> Result<String, Failed> {
    let output = command.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} failed: {said}").into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The value of a series without labels, or with just these.
pub fn metric(daemon: &Daemon<'_>, series: &str) -> Result<u64, Failed> {
    let text = daemon.metrics()?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = value.ok_or_else(|| format!("no {series} in {text}"))?;
    Ok(value.parse()?)
}
