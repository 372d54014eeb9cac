//! Programs that run to their end within a bounded time, and what they said.

use std::{
    io::Read,
    process::{Child, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How long a program may take that only says something.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a running program is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What a program left behind.
pub struct Finished {
    pub status: ExitStatus,
    pub output: String,
    pub errors: String,
}

/// Runs a program, with `input` on its standard input, and kills it when it takes too long.
pub fn run(command: &mut Command, input: &str) -> Finished {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let output = read(child.stdout.take().unwrap());
    let errors = read(child.stderr.take().unwrap());
    // A program that does not read its input is done with it sooner.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
    let status = wait(&mut child, PATIENCE);
    let (output, errors) = (output.join().unwrap(), errors.join().unwrap());
    let status = status.unwrap_or_else(|| panic!("{command:?} did not end by itself; it said: {errors}"));
    Finished {
        status,
        output,
        errors,
    }
}

/// Waits for a child; kills it and gives nothing when it takes longer than this.
pub fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(LOOK_EVERY);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

fn read(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
