//! What was on the wire, as tcpdump saw it: the truth of scanners that keep none themselves.

mod tally;

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

pub use self::tally::{Tally, TallyError};

/// How long tcpdump may take to begin, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The file has not grown for so long: everything has been written.
const QUIET: Duration = Duration::from_millis(400);

/// How often the file's length is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Room for packets that tcpdump has not fetched yet, in KiB: 16,000 of them, as each takes what the longest may.
const BUFFER_KIB: &str = "65536";

/// The longest frame that is written whole, in bytes. The default, 262,144, leaves room for 256 packets.
const LONGEST_BYTES: &str = "4096";

/// Why there is no truth.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// It is not installed, or may not be started.
    #[error("tcpdump could not be started ({0}): Debian's package tcpdump has it")]
    NotStarted(#[source] io::Error),
    /// It ended by itself, or never began.
    #[error("tcpdump does not listen; it said: {0}")]
    NotListening(String),
    /// It did not end when asked, or not well.
    #[error("tcpdump ended with {status}; it said: {said}")]
    EndedBadly {
        /// How.
        status: ExitStatus,
        /// Its last words.
        said: String,
    },
    /// It went on in spite of being asked to end.
    #[error("tcpdump did not end within {} seconds and was killed", PATIENCE.as_secs())]
    DidNotEnd,
    /// Packets are missing from the file.
    #[error("the kernel dropped {0} packets before tcpdump could fetch them: send more slowly")]
    Dropped(u64),
    /// The file or the process could not be asked.
    #[error("the capture {path} cannot be watched: {source}")]
    Unwatched {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A running tcpdump. Dropping it kills the process and leaves the file.
#[derive(Debug)]
pub struct Tap {
    process: Child,
    said: Receiver<String>,
    file: PathBuf,
}

impl Tap {
    /// Writes what arrives at `interface` to `file`, from the return of this function on. `command` makes the
    /// command for a program's name, in the namespace where it is to run: `|program| Ok(Command::new(program))`
    /// is this one. Packets that leave by the interface are not written.
    ///
    /// # Errors
    /// When tcpdump is missing or does not begin to listen within ten seconds.
    pub fn start(
        command: impl FnOnce(&str) -> io::Result<Command>,
        interface: &str,
        file: &Path,
    ) -> Result<Self, TapError> {
        Self::listen(command, interface, "in", file)
    }

    /// The same of what leaves by `interface`, and only that.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_leaving(
        command: impl FnOnce(&str) -> io::Result<Command>,
        interface: &str,
        file: &Path,
    ) -> Result<Self, TapError> {
        Self::listen(command, interface, "out", file)
    }

    fn listen(
        command: impl FnOnce(&str) -> io::Result<Command>,
        interface: &str,
        direction: &str,
        file: &Path,
    ) -> Result<Self, TapError> {
        let mut process = command("tcpdump")
            .and_then(|mut command| {
                command
                    .args(["-i", interface, "-w"])
                    .arg(file)
                    // Packet by packet into the file; no names; as root to the end; one direction alone.
                    .args(["-U", "-n", "-Z", "root", "-Q", direction, "--immediate-mode"])
                    .args(["-B", BUFFER_KIB, "-s", LONGEST_BYTES])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()
            })
            .map_err(TapError::NotStarted)?;
        let said = lines(&mut process);
        let tap = Self {
            process,
            said,
            file: file.to_owned(),
        };
        tap.await_listening()?;
        Ok(tap)
    }

    fn await_listening(&self) -> Result<(), TapError> {
        let start = Instant::now();
        let mut heard = Vec::new();
        loop {
            match self.said.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
                Ok(line) if line.contains("listening on") => return Ok(()),
                Ok(line) => heard.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(TapError::NotListening(heard.join("; ")));
                }
            }
        }
    }

    /// Waits until nothing more is written, ends tcpdump, and gives the number of packets in the file.
    ///
    /// # Errors
    /// When the kernel dropped packets, or tcpdump did not end as it should.
    pub fn stop(mut self) -> Result<u64, TapError> {
        self.await_quiet().map_err(|source| self.unwatched(source))?;
        let status = self.end()?;
        let said: Vec<String> = self.said.iter().collect();
        let figure = |of: &str| {
            said.iter()
                .find(|line| line.contains(of))?
                .split_whitespace()
                .next()?
                .parse::<u64>()
                .ok()
        };
        let (Some(captured), Some(dropped), true) =
            (figure("captured"), figure("dropped by kernel"), status.success())
        else {
            return Err(TapError::EndedBadly {
                status,
                said: said.join("; "),
            });
        };
        if dropped > 0 {
            return Err(TapError::Dropped(dropped));
        }
        Ok(captured)
    }

    fn await_quiet(&self) -> io::Result<()> {
        let mut length = 0;
        let mut since = Instant::now();
        while since.elapsed() < QUIET {
            let now = fs::metadata(&self.file)?.len();
            if now != length {
                (length, since) = (now, Instant::now());
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Asks the process to end and waits for it.
    fn end(&mut self) -> Result<ExitStatus, TapError> {
        let asked = i32::try_from(self.process.id())
            .map_err(io::Error::other)
            .and_then(|id| kill(Pid::from_raw(id), Signal::SIGINT).map_err(io::Error::from));
        asked.map_err(|source| self.unwatched(source))?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match self.process.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) => thread::sleep(LOOK_EVERY),
                Err(source) => return Err(self.unwatched(source)),
            }
        }
        Err(TapError::DidNotEnd)
    }

    fn unwatched(&self, source: io::Error) -> TapError {
        TapError::Unwatched {
            path: self.file.clone(),
            source,
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // After `stop` the process is gone and both say so; that is all right.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the process writes to its standard error, line by line, until it ends.
fn lines(process: &mut Child) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(errors) = process.stderr.take() {
        thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
    }
    receiver
}
