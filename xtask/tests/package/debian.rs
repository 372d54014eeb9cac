//! A clean Debian in a folder, and programs that run in it.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sensor_lab::network::Network;

/// Beside the least that a Debian has: what the package depends on, and recommends.
const PACKAGES: &str = "systemd,tor-geoipdb";
/// What any package's coming and going changes.
const NOT_LOOKED_AT: [&str; 9] = [
    "var/cache",
    "var/lib/apt",
    "var/lib/dpkg",
    "var/log",
    "etc/passwd-",
    "etc/group-",
    "etc/shadow-",
    "etc/gshadow-",
    "etc/.pwd.lock",
];
/// How long the sensor may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Debian. Mounts below it are made for each program anew, and vanish with it.
pub(crate) struct Debian {
    root: PathBuf,
}

impl Debian {
    /// Makes one, from Debian's archive.
    pub(crate) fn make(root: &Path) -> Result<Self> {
        let output = Command::new("debootstrap")
            .args(["--variant=minbase", &format!("--include={PACKAGES}"), "bookworm"])
            .arg(root)
            .output()
            .context("debootstrap cannot be run: install it with `apt-get install debootstrap`")?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "debootstrap failed:\n{said}");
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// A path in it, seen from outside.
    pub(crate) fn path(&self, within: impl AsRef<Path>) -> PathBuf {
        self.root.join(within)
    }

    /// Every path in it, but for what any package changes.
    pub(crate) fn paths(&self) -> Result<BTreeSet<PathBuf>> {
        let mut found = BTreeSet::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(self.root.join(&folder))? {
                let entry = entry?;
                let path = folder.join(entry.file_name());
                // Of dpkg's own, what is named after the package is looked at all the same.
                if NOT_LOOKED_AT.iter().any(|name| path == Path::new(name)) {
                    continue;
                }
                if entry.file_type()?.is_dir() {
                    folders.push(path.clone());
                }
                found.insert(path);
            }
        }
        let info = fs::read_dir(self.root.join("var/lib/dpkg/info"))?.flatten();
        found.extend(
            info.map(|entry| entry.path())
                .filter(|path| path.to_string_lossy().contains("/info/teiten")),
        );
        Ok(found)
    }

    /// Installs a package from a file, as the documentation says.
    pub(crate) fn install(&self, package: &Path) -> Result<()> {
        let name = package.file_name().context("a package without a name")?;
        fs::copy(package, self.root.join("tmp").join(name))?;
        self.run(&format!(
            "cd /tmp && apt-get install --yes ./{}",
            name.to_string_lossy()
        ))?;
        Ok(fs::remove_file(self.root.join("tmp").join(name))?)
    }

    /// Runs a line of shell in it as root; gives back what it printed.
    pub(crate) fn run(&self, line: &str) -> Result<String> {
        self.said_by(Command::new("unshare"), line)
    }

    /// The same in the sensor's network.
    pub(crate) fn run_in(&self, network: &Network, line: &str) -> Result<String> {
        self.said_by(network.command("unshare")?, line)
    }

    fn said_by(&self, unshare: Command, line: &str) -> Result<String> {
        let output = self.enter(unshare, line).output()?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        ensure!(
            output.status.success(),
            "`{line}` failed:\n{}{}",
            said(&output.stdout),
            said(&output.stderr)
        );
        Ok(said(&output.stdout))
    }

    /// Fills in `unshare`, which may have been told of a network. Some programs want their root to be a mount.
    fn enter(&self, mut unshare: Command, line: &str) -> Command {
        let script = "set -e; mount --bind \"$0\" \"$0\"; cd \"$0\"; mount -t proc proc proc; mount -t sysfs sysfs sys; \
                      mount -t bpf bpf sys/fs/bpf; exec chroot \"$0\" sh -ec \"$1\"";
        unshare
            .args(["--mount", "sh", "-c", script])
            .arg(&self.root)
            .arg(line)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null());
        unshare
    }

    /// Starts the sensor in a network, under the user, the capabilities and the folders of its unit.
    pub(crate) fn start_sensor(&self, network: &Network) -> Result<Sensor> {
        let line = "chmod 0711 /sys/fs/bpf; install --directory --mode=0700 --owner=teiten --group=teiten \
                    /sys/fs/bpf/teiten /var/lib/teiten; export STATE_DIRECTORY=/var/lib/teiten; exec setpriv \
                    --reuid=teiten --regid=teiten --clear-groups --inh-caps=-all,+bpf,+net_admin,+perfmon \
                    --ambient-caps=-all,+bpf,+net_admin,+perfmon --bounding-set=-all,+bpf,+net_admin,+perfmon \
                    --no-new-privs teiten run --config /etc/teiten/teiten.toml";
        let log = self.root.join("tmp/sensor.log");
        let output = File::create(&log)?;
        let child = self
            .enter(network.command("unshare")?, line)
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Sensor { child, log })
    }
}

/// A running sensor. Dropping it kills it.
pub(crate) struct Sensor {
    child: Child,
    log: PathBuf,
}

impl Sensor {
    pub(crate) fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    pub(crate) fn last_words(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.log)?)
    }

    /// Stops it as systemd does; it must end well.
    pub(crate) fn stop(mut self) -> Result<()> {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM)?;
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(
                    status.success(),
                    "the sensor ended with {status}: {}",
                    self.last_words()?
                );
                return Ok(fs::remove_file(&self.log)?);
            }
            ensure!(Instant::now() < end, "the sensor does not end");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
