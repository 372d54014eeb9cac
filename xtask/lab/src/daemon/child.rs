//! The daemon's life: started, asked, held up, stopped.

use std::{
    path::Path,
    process::{Child, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{DaemonError, Memory, Settings, Web, error::system, log::Log, memory};
use crate::network::Namespace;

/// Free in every new namespace: there the daemon is alone.
pub(super) const LISTEN: &str = "127.0.0.1:10023";
/// How long the daemon may take to load, attach and publish.
const START_PATIENCE: Duration = Duration::from_mins(1);
/// How long it may take to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// A running daemon. Dropping it kills it.
#[derive(Debug)]
pub struct Daemon<'network> {
    pub(super) namespace: &'network Namespace,
    child: Child,
    pub(super) log: Log,
    pub(super) web: Option<Web>,
}

impl<'network> Daemon<'network> {
    /// Starts `program` within the namespace, and waits until it has published its first totals: then it is attached.
    ///
    /// # Errors
    /// It cannot be started, ends at once, or publishes nothing.
    pub fn start(
        namespace: &'network Namespace,
        program: &Path,
        settings: &Settings,
    ) -> Result<Self, DaemonError> {
        let mut daemon = Self::spawn(namespace, program, settings)?;
        daemon.await_first_totals()?;
        Ok(daemon)
    }

    /// Starts it, and waits for nothing.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(
        namespace: &'network Namespace,
        program: &Path,
        settings: &Settings,
    ) -> Result<Self, DaemonError> {
        let failed = |source| DaemonError::Start {
            program: program.to_owned(),
            source,
        };
        let mut command = namespace.command(&program.to_string_lossy()).map_err(failed)?;
        let mut child = command
            .args(settings.arguments(LISTEN))
            // What a service manager gave to this process is not the daemon's.
            .env_remove("STATE_DIRECTORY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let log = Log::default();
        if let Some(stream) = child.stdout.take() {
            log.follow(stream);
        }
        if let Some(stream) = child.stderr.take() {
            log.follow(stream);
        }
        Ok(Self {
            namespace,
            child,
            log,
            web: settings.web.clone(),
        })
    }

    /// Waits until it ends by itself, as one does that is refused something. Gives its exit status and its last words.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn wait(mut self) -> Result<(Option<i32>, String), DaemonError> {
        let deadline = Instant::now() + START_PATIENCE;
        while Instant::now() < deadline {
            let ended = self.child.try_wait();
            if let Some(status) = ended.map_err(system("the daemon cannot be watched"))? {
                // Its last words may still be on their way.
                thread::sleep(Duration::from_millis(50));
                return Ok((status.code(), self.log.text()));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(DaemonError::Ended {
            status: "not by itself, and was killed".to_owned(),
            log: self.log.text(),
        })
    }

    fn await_first_totals(&mut self) -> Result<(), DaemonError> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            self.check_alive()?;
            match self.snapshot(0) {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// That the daemon still runs.
    ///
    /// # Errors
    /// It does not.
    pub fn check_alive(&mut self) -> Result<(), DaemonError> {
        let status = self
            .child
            .try_wait()
            .map_err(system("the daemon cannot be watched"))?;
        match status {
            None => Ok(()),
            Some(status) => Err(self.ended(status)),
        }
    }

    fn ended(&self, status: ExitStatus) -> DaemonError {
        // Its last words may still be on their way.
        thread::sleep(Duration::from_millis(50));
        DaemonError::Ended {
            status: status.to_string(),
            log: self.log.text(),
        }
    }

    /// Holds it up (SIGSTOP) until [`Self::resume`].
    ///
    /// # Errors
    /// It has ended.
    pub fn pause(&self) -> Result<(), DaemonError> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// It has ended.
    pub fn resume(&self) -> Result<(), DaemonError> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), DaemonError> {
        kill(self.pid(), signal).map_err(system("the daemon cannot be signalled"))
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }

    /// Kills it (SIGKILL), and waits until it is gone.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill(mut self) -> Result<(), DaemonError> {
        let failed = || system("the daemon cannot be killed");
        self.child.kill().map_err(failed())?;
        self.child.wait().map(drop).map_err(failed())
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it takes of the machine's memory.
    ///
    /// # Errors
    /// It has ended.
    pub fn memory(&self) -> Result<Memory, DaemonError> {
        Memory::of(self.child.id()).map_err(system("the daemon's memory is not known"))
    }

    /// What is resident of it without the pages of BPF maps, which are the kernel's, in bytes.
    ///
    /// # Errors
    /// It has ended.
    pub fn resident_without_maps(&self) -> Result<u64, DaemonError> {
        let maps = memory::resident_map_bytes(self.child.id());
        let maps = maps.map_err(system("the daemon's mappings are not known"))?;
        Ok(self.memory()?.rss_bytes.saturating_sub(maps))
    }

    /// The time that it has run on any CPU.
    ///
    /// # Errors
    /// It has ended.
    pub fn cpu_time(&self) -> Result<Duration, DaemonError> {
        memory::cpu_time(self.child.id()).map_err(system("the daemon's time is not known"))
    }

    /// What it said so far: the last lines.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Asks it to end (SIGTERM) and waits for it. Gives its last words.
    ///
    /// # Errors
    /// It does not end in time, or ends with a failure.
    pub fn stop(mut self) -> Result<String, DaemonError> {
        self.signal(Signal::SIGTERM)?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let status = self
                .child
                .try_wait()
                .map_err(system("the daemon cannot be watched"))?;
            match status {
                Some(status) if status.success() => {
                    thread::sleep(Duration::from_millis(50));
                    return Ok(self.log.text());
                }
                Some(status) => return Err(self.ended(status)),
                None => thread::sleep(Duration::from_millis(20)),
            }
        }
        Err(DaemonError::Ended {
            status: "not within the time that was given, and was killed".to_owned(),
            log: self.log.text(),
        })
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // Of a daemon that has ended, neither does anything.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
