//! The virtual machine that this program runs in.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use sensor_lab::live::online_cpus;
use teiten::kernel::release::parse_release;

/// Stands on the kernel's command line of every machine that is made for this program.
const SIGN: &str = "teiten.guest";
/// Stands there before the name of a check that alone is to be done.
const CHOICE: &str = "teiten.check=";

/// The machine.
pub struct Machine {
    /// What the kernel calls itself, for example `6.1.0-56-cloud-amd64`.
    pub release: String,
    /// Its major and minor version.
    pub version: (u32, u32),
    /// How many CPUs are online.
    pub cpus: usize,
    folder: PathBuf,
    /// The names of the only checks that are to be done; none for all.
    choice: Vec<String>,
}

impl Machine {
    /// Frames in several buffers, and test runs that really send frames.
    pub const FRAGS_AND_LIVE_FRAMES: (u32, u32) = (5, 18);
    /// Test runs keep softirqs off, so no packet comes while `flush` runs.
    pub const QUIET_TEST_RUNS: (u32, u32) = (6, 10);
    /// Per-CPU arrays can be read in one call.
    pub const BATCHES: (u32, u32) = (5, 13);

    /// Looks at the machine.
    ///
    /// # Errors
    /// It was not made for this program, or does not say what it is.
    pub fn of_this_program() -> Result<Self> {
        let command_line = fs::read_to_string("/proc/cmdline").context("/proc/cmdline cannot be read")?;
        ensure!(
            command_line.split_whitespace().any(|word| word == SIGN),
            "this program changes the machine that it runs on; `cargo xtask vm` makes one for it"
        );
        let release = fs::read_to_string("/proc/sys/kernel/osrelease")
            .context("the kernel's release cannot be read")?
            .trim()
            .to_owned();
        let Some(version) = parse_release(&release) else {
            bail!("{release} is no release of a kernel");
        };
        let own = env::current_exe().context("the system does not say where this program lies")?;
        Ok(Self {
            release,
            version,
            cpus: online_cpus()?.len(),
            folder: own.parent().unwrap_or(&own).to_owned(),
            choice: command_line
                .split_whitespace()
                .filter_map(|word| word.strip_prefix(CHOICE).map(str::to_owned))
                .collect(),
        })
    }

    /// Whether the kernel is this version or a later one.
    pub fn has(&self, version: (u32, u32)) -> bool {
        self.version >= version
    }

    /// Whether a check is to be done.
    pub fn wants(&self, check: &str) -> bool {
        self.choice.is_empty() || self.choice.iter().any(|name| name == check)
    }

    /// A program that lies beside this one.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether an interface is driven by this driver.
    pub fn is_driven_by(interface: &str, driver: &str) -> bool {
        fs::read_link(format!("/sys/class/net/{interface}/device/driver"))
            .is_ok_and(|link| link.ends_with(Path::new(driver)))
    }
}
