//! The demo on a terminal of tmux, as a person at a keyboard meets it.

use std::{
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Failed;

use crate::running::{DEMO, PATIENCE};

/// A terminal of its own, which ends with it.
struct Terminal(String);

impl Terminal {
    fn tmux(&self, arguments: &[&str]) -> Result<Output, Failed> {
        let output = Command::new("tmux")
            .args(["-f", "/dev/null", "-u", "-L", &self.0])
            .args(arguments)
            .output();
        output.map_err(|error| format!("tmux cannot be run ({error}): apt-get install tmux").into())
    }

    /// Waits for a screen with this text.
    fn wait(&self, text: &str) -> Result<String, Failed> {
        let begun = Instant::now();
        loop {
            let shown = self.tmux(&["capture-pane", "-p"])?.stdout;
            let shown = String::from_utf8_lossy(&shown).into_owned();
            if shown.contains(text) {
                return Ok(shown);
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("never {text:?}:\n{shown}").into());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Of a server that has ended, nothing is left.
        let _ = self.tmux(&["kill-server"]);
    }
}

/// The view is there while packets flow; after `q` the demo goes on to its result.
pub(crate) fn live_view() -> Result<(), Failed> {
    let terminal = Terminal(format!("teiten-demo-test-{}", std::process::id()));
    let line = format!("{DEMO} --seconds 15 --packets 100000; echo status $?; sleep 300");
    terminal.tmux(&["new-session", "-d", "-x", "100", "-y", "30", "bash", "-c", &line])?;
    let screen = terminal.wait("conservation difference 0")?;
    if !screen.contains("? help") || !screen.contains("Source regions") {
        return Err(format!("this is no live view:\n{screen}").into());
    }
    terminal.tmux(&["send-keys", "q"])?;
    let screen = terminal.wait("status ")?;
    if !screen.contains("status 0") || !screen.contains("difference 0 over all rows") {
        return Err(format!("without the view the demo came to:\n{screen}").into());
    }
    Ok(())
}
