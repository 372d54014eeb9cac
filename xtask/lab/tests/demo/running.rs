//! A demo at work, and what it leaves behind.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Failed;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

/// The binary that cargo built with this test.
pub(crate) const DEMO: &str = env!("CARGO_BIN_EXE_demo");

/// Handed down by the demo to everything that it starts, so that what is left behind can be found.
const MARK: &str = "TEITEN_DEMO_MARK";

/// How long any step may take on a machine that has other things to do; another run may hold the lock for minutes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(10);

/// A demo at work.
pub(crate) struct Running {
    child: Child,
    /// What it says, line by line.
    said: Receiver<String>,
    /// Where it, and all that it starts, puts its files.
    folder: TempDir,
    mark: String,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let mark = folder.path().display().to_string();
        let mut child = Command::new(DEMO)
            .args(arguments)
            .env("TMPDIR", folder.path())
            .env(MARK, &mark)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let lines = BufReader::new(child.stderr.take().ok_or("no errors")?).lines();
        let (sender, said) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // Whoever no longer listens has heard enough.
                let _ = sender.send(line);
            }
        });
        Ok(Self {
            child,
            said,
            folder,
            mark,
        })
    }

    /// Waits until it says this.
    pub(crate) fn await_line(&self, part: &str) -> Result<(), Failed> {
        let deadline = Instant::now() + PATIENCE;
        let mut heard = String::new();
        loop {
            match self
                .said
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) if line.contains(part) => return Ok(()),
                Ok(line) => heard = heard + "\n" + &line,
                Err(_) => return Err(format!("the demo did not say {part:?}, but:{heard}").into()),
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Failed> {
        Ok(kill(Pid::from_raw(i32::try_from(self.child.id())?), signal)?)
    }

    /// Waits for its end, and checks that nothing of it is left.
    pub(crate) fn finish(mut self) -> Result<Output, Failed> {
        let mut stdout = Vec::new();
        let mut out = self.child.stdout.take().ok_or("no output")?;
        out.read_to_end(&mut stdout)?;
        let status = self.child.wait()?;
        let said: Vec<String> = self.said.iter().collect();
        let left = left_behind(&self.mark, self.folder.path())?;
        if !left.is_empty() {
            return Err(format!("left behind: {left:?}; the demo said {said:#?}").into());
        }
        Ok(Output {
            status,
            stdout,
            stderr: said.join("\n").into_bytes(),
        })
    }
}

/// Namespaces, their entries, files, and processes with the mark.
fn left_behind(mark: &str, folder: &Path) -> Result<Vec<String>, Failed> {
    let mut left = Vec::new();
    for places in ["/run/netns", "/run/teiten-lab"] {
        for name in names(Path::new(places))? {
            if name.starts_with("teiten-demo") {
                left.push(format!("{places}/{name}"));
            }
        }
    }
    left.extend(names(folder)?);
    let mark = format!("{MARK}={mark}");
    for process in names(Path::new("/proc"))? {
        // What has just ended has no environment any more.
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        if environment
            .split(|octet| *octet == 0)
            .any(|entry| entry == mark.as_bytes())
        {
            let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            left.push(format!(
                "process {process}: {}",
                String::from_utf8_lossy(&command)
            ));
        }
    }
    Ok(left)
}

fn names(folder: &Path) -> Result<Vec<String>, Failed> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder)?.filter_map(Result::ok);
    Ok(entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect())
}
