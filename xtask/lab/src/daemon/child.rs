//! The daemon's life: started, asked, held up, stopped.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{Memory, Settings, Snapshot, Web, log::Log, memory};
use crate::network::Namespace;

/// Free in every new namespace: there the daemon is alone.
const LISTEN: &str = "127.0.0.1:10023";
/// How long the daemon may take to load, attach and publish.
const START_PATIENCE: Duration = Duration::from_mins(1);
/// How long it may take for an answer, and to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// Rows that hold every port of TCP and UDP, which is the longest list.
const EVERY_PORT: usize = 1 << 17;

/// What went wrong with the daemon.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// It is not there, or its namespace is not.
    #[error(
        "{program} cannot be started ({source}): `cargo xtask build --release` makes it",
        program = program.display()
    )]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended by itself.
    #[error("the daemon ended ({status}); its last words:\n{log}")]
    Ended {
        /// How.
        status: String,
        /// What it said.
        log: String,
    },
    /// It does not answer.
    #[error("the daemon does not answer {path} ({source}); its last words:\n{log}")]
    Silent {
        /// What was asked for.
        path: String,
        /// Why.
        source: Box<ureq::Error>,
        /// What it said.
        log: String,
    },
    /// Its answer is something else.
    #[error("the daemon's answer to {path} is not what is documented: {cause}")]
    Answer {
        /// What was asked for.
        path: String,
        /// Why.
        cause: String,
    },
    /// The system refuses to say something of it or do something to it.
    #[error("{what} ({source})")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> DaemonError {
    move |source| DaemonError::System {
        what,
        source: source.into(),
    }
}

/// The answer of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Whether the daemon calls itself ready.
    pub ready: bool,
    /// What it says.
    pub text: String,
}

/// A running daemon. Dropping it kills it.
#[derive(Debug)]
pub struct Daemon<'network> {
    namespace: &'network Namespace,
    child: Child,
    log: Log,
    web: Option<Web>,
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

    /// Its last totals, with at most `rows` of each list.
    ///
    /// # Errors
    /// It does not answer, or not so.
    pub fn snapshot(&self, rows: usize) -> Result<Snapshot, DaemonError> {
        let text = self.snapshot_text(rows)?;
        serde_json::from_str(&text).map_err(|error| DaemonError::Answer {
            path: snapshot_path(rows),
            cause: error.to_string(),
        })
    }

    /// Its last totals as it gives them, with at most `rows` rows of each list.
    ///
    /// # Errors
    /// As [`Self::snapshot`].
    pub fn snapshot_text(&self, rows: usize) -> Result<String, DaemonError> {
        let path = snapshot_path(rows);
        let (status, text) = self.get(&path)?;
        if status != 200 {
            let cause = format!("status {status}, {text}");
            return Err(DaemonError::Answer { path, cause });
        }
        Ok(text)
    }

    /// Its last totals with every row.
    ///
    /// # Errors
    /// As [`Self::snapshot`].
    pub fn whole_snapshot(&self) -> Result<Snapshot, DaemonError> {
        self.snapshot(EVERY_PORT)
    }

    /// What it thinks of itself.
    ///
    /// # Errors
    /// It does not answer.
    pub fn readiness(&self) -> Result<Readiness, DaemonError> {
        let (status, text) = self.get("/readyz")?;
        Ok(Readiness {
            ready: status == 200,
            text,
        })
    }

    fn get(&self, path: &str) -> Result<(u16, String), DaemonError> {
        let scheme = if self.web.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{LISTEN}{path}");
        let ask = || {
            let mut agent = ureq::Agent::config_builder()
                .timeout_global(Some(PATIENCE))
                .http_status_as_error(false);
            let mut authorization = None;
            if let Some(web) = &self.web {
                agent = agent.tls_config(web.trust()?);
                authorization = Some(web.authorization());
            }
            let agent: ureq::Agent = agent.build().into();
            let mut question = agent.get(&url);
            if let Some(value) = authorization {
                question = question.header("Authorization", value);
            }
            let mut answer = question.call()?;
            let status = answer.status().as_u16();
            let text = answer.body_mut().with_config().limit(64 << 20).read_to_string()?;
            Ok((status, text))
        };
        self.namespace
            .enter(ask)
            .map_err(system("the daemon's namespace cannot be entered"))?
            .map_err(|source: ureq::Error| DaemonError::Silent {
                path: path.to_owned(),
                source: Box::new(source),
                log: self.log.text(),
            })
    }

    /// Its metrics, as Prometheus gets them.
    ///
    /// # Errors
    /// It does not answer, or not so.
    pub fn metrics(&self) -> Result<String, DaemonError> {
        match self.get("/metrics")? {
            (200, text) => Ok(text),
            (status, text) => Err(DaemonError::Answer {
                path: "/metrics".to_owned(),
                cause: format!("status {status}, {text}"),
            }),
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

fn snapshot_path(rows: usize) -> String {
    format!("/api/v1/snapshot?limit={rows}")
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // Of a daemon that has ended, neither does anything.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
