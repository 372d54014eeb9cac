//! A peer's process: started, watched, asked by a signal, ended.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::daemon::cpu_time;

/// How long a peer may take until it is ready for packets: all of them are quicker, and none says so.
const READY: Duration = Duration::from_secs(3);
/// How long it may take to answer, and to end.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// A running process, with those that it started. Dropping it ends them.
pub(super) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts it, and waits until it has had time to open the interface.
    pub(super) fn spawn(command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()?;
        let mut running = Self {
            child,
            log: log.to_owned(),
        };
        thread::sleep(READY);
        if let Some(status) = running.child.try_wait()? {
            bail!("it ended ({status}): {}", running.said());
        }
        Ok(running)
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }

    /// Sends SIGUSR1, which has tcpdump say its statistics, and gives all that was said once `sign` is said anew.
    pub(super) fn ask(&self, sign: &str) -> Result<String> {
        let times = |text: &str| text.matches(sign).count();
        let before = times(&self.said());
        kill(self.pid(), Signal::SIGUSR1).context("it cannot be signalled")?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let text = self.said();
            if times(&text) > before {
                return Ok(text);
            }
            thread::sleep(LOOK);
        }
        bail!("it does not answer: {}", self.said())
    }

    /// The time that it and its children have run on any CPU.
    pub(super) fn cpu_time(&self) -> Result<Duration> {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|child| child.parse().ok());
        // A child may have ended meanwhile; what began with the measurement has not.
        let of_children: Duration = children.filter_map(|child| cpu_time(child).ok()).sum();
        Ok(cpu_time(id).context("it has ended")? + of_children)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already needs no signal.
        let _ = kill(self.pid(), Signal::SIGINT);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(LOOK);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
