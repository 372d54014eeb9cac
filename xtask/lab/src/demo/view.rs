//! `teiten top` on the demo's own terminal while packets flow.

use std::{
    io::{self, IsTerminal as _},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill, raise},
    unistd::Pid,
};

use crate::network::Namespace;

/// How long the view may take to give the terminal back.
const PATIENCE: Duration = Duration::from_secs(3);

/// The live view. Dropping it ends it.
#[derive(Debug)]
pub struct TopView {
    child: Child,
}

impl TopView {
    /// Whether there is a terminal to draw on, and somebody at it.
    #[must_use]
    pub fn has_terminal() -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
    }

    /// Opens the view of the sensor that serves in this namespace.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn open(namespace: &Namespace, program: &Path) -> io::Result<Self> {
        let mut command = namespace.command(&program.to_string_lossy())?;
        command.args(["top", "--interval", "1s"]);
        Ok(Self {
            child: command.spawn()?,
        })
    }

    /// Whether it is still there. One that was ended by an interrupt has interrupted the demo.
    pub fn is_open(&mut self) -> bool {
        match self.child.try_wait() {
            Ok(None) => true,
            Ok(Some(status)) => {
                if status.signal() == Some(Signal::SIGINT as i32) {
                    // What the key means on any other terminal.
                    let _ = raise(Signal::SIGINT);
                }
                false
            }
            Err(_) => false,
        }
    }
}

impl Drop for TopView {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        let begun = Instant::now();
        // Of one that has ended, nothing does anything.
        while let Ok(None) = self.child.try_wait() {
            if begun.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            let _ = kill(pid, Signal::SIGTERM);
            thread::sleep(Duration::from_millis(50));
        }
    }
}
