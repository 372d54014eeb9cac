//! A network namespace: made by name, entered, and removed with what runs in it.

use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt as _,
    panic,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use anyhow::{Context as _, Result, bail};
use nix::{
    errno::Errno,
    sched::{CloneFlags, setns},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::registry;

/// Stands before every name.
const PREFIX: &str = "teiten-";
/// Where `ip netns` keeps a file for each namespace.
const FOLDER: &str = "/run/netns";

/// A network namespace of its own. Dropping it kills what still runs in it and removes it, after a panic as well.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    path: PathBuf,
}

impl Namespace {
    /// Makes `teiten-NAME`, with loopback up and IPv6 off on everything that it will ever hold.
    pub(super) fn make(name: &str) -> Result<Self> {
        let well_formed = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if name.is_empty() || !name.chars().all(well_formed) {
            bail!("{name:?} is no name for a test network: letters, digits and hyphens are");
        }
        let name = format!("{PREFIX}{name}");
        let path = Path::new(FOLDER).join(&name);
        if path.exists() {
            bail!("the namespace {name} exists already; `ip netns delete {name}` removes it");
        }
        registry::add(&name)?;
        // From here on a failure drops, and so removes, what was made.
        let namespace = Self { name, path };
        run_ip(Command::new("ip"), &["netns", "add", &namespace.name])?;
        namespace.switch_ipv6_off()?;
        namespace.ip(&["link", "set", "dev", "lo", "up"])?;
        Ok(namespace)
    }

    /// Its name, `teiten-…`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that stands for it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `ip` of iproute2 in it.
    ///
    /// # Errors
    /// When `ip` is missing or refuses; the message holds what it said.
    pub fn ip(&self, arguments: &[&str]) -> Result<()> {
        let command = self
            .command("ip")
            .with_context(|| format!("{} cannot be entered", self.name))?;
        run_ip(command, arguments).map(drop)
    }

    /// Runs a closure within it, in a thread of its own; a panic in there goes on here.
    ///
    /// Only the network changes. `ip netns exec` would hide `/sys/fs/bpf` behind a new `/sys`, this does not; for the
    /// same reason `/sys/class/net` still shows the interfaces outside.
    ///
    /// # Errors
    /// When the namespace cannot be entered, which takes root.
    pub fn enter<T: Send>(&self, closure: impl FnOnce() -> T + Send) -> io::Result<T> {
        let namespace = File::open(&self.path)?;
        let inside = || {
            setns(&namespace, CloneFlags::CLONE_NEWNET)?;
            Ok(closure())
        };
        match thread::scope(|scope| scope.spawn(inside).join()) {
            Ok(result) => result,
            Err(payload) => panic::resume_unwind(payload),
        }
    }

    /// A program to be started within it; only its network differs from that of this process, as with [`Self::enter`].
    ///
    /// # Errors
    /// When the namespace's file cannot be opened.
    pub fn command(&self, program: &str) -> io::Result<Command> {
        let namespace = File::open(&self.path)?;
        let mut command = Command::new(program);
        let enter = move || setns(&namespace, CloneFlags::CLONE_NEWNET).map_err(io::Error::from);
        // SAFETY: between fork and exec the closure makes one system call on a descriptor that it owns; it neither
        // allocates nor takes a lock.
        unsafe { command.pre_exec(enter) };
        Ok(command)
    }

    /// For everything, and before there is anything: neighbour discovery would add packets.
    fn switch_ipv6_off(&self) -> Result<()> {
        self.enter(|| {
            for scope in ["all", "default"] {
                match fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1") {
                    // A kernel without IPv6.
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        })
        .and_then(|result| result)
        .with_context(|| format!("IPv6 cannot be switched off in {}", self.name))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = registry::remove(&self.name) {
            eprintln!("warning: the namespace {} is left behind: {error:#}", self.name);
        }
    }
}

/// Kills what runs in a namespace and removes it, if it is there.
pub(super) fn delete(name: &str) -> Result<()> {
    if !Path::new(FOLDER).join(name).exists() {
        return Ok(());
    }
    let processes = run_ip(Command::new("ip"), &["netns", "pids", name])?;
    for process in processes
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .map(Pid::from_raw)
    {
        if process == Pid::this() {
            continue;
        }
        match kill(process, Signal::SIGKILL) {
            Err(error) if error != Errno::ESRCH => {
                bail!("process {process} in {name} cannot be killed: {error}")
            }
            _ => {}
        }
    }
    run_ip(Command::new("ip"), &["netns", "delete", name]).map(drop)
}

/// Runs `ip` and gives what it printed.
fn run_ip(mut command: Command, arguments: &[&str]) -> Result<String> {
    let output = command
        .args(arguments)
        .output()
        .context("`ip` could not be started; Debian's package iproute2 has it")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`ip {}` failed: {}", arguments.join(" "), said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
