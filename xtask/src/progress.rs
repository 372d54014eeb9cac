//! What a person sees while a long step runs.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::project;

/// How many of the last lines are shown of a command that failed.
const SHOWN_ON_FAILURE: usize = 40;

/// Announces a step whose own output follows.
pub(crate) fn step(title: &str) {
    eprintln!("── {title}");
}

/// Runs a command whose output matters only when it fails: a spinner on a terminal, two plain lines elsewhere.
///
/// # Errors
/// When the command cannot be started, or fails; then its last lines have been shown.
pub(crate) fn quietly(title: &str, command: &mut Command) -> Result<()> {
    let bar = spinner(title);
    let started = Instant::now();
    let log_path = project::root().join("target/xtask.log");
    fs::create_dir_all(project::root().join("target")).context("the folder target/ cannot be made")?;
    let mut log =
        File::create(&log_path).with_context(|| format!("{} cannot be written", log_path.display()))?;

    let (output, input) = std::io::pipe().context("no pipe for the command's output")?;
    let second = input.try_clone().context("no pipe for the command's output")?;
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdout(input)
        .stderr(second)
        .spawn()
        .with_context(|| format!("{program} could not be started"))?;
    // The command still holds the writing ends of the pipe; without this, reading would never end.
    command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());

    let mut last = VecDeque::with_capacity(SHOWN_ON_FAILURE);
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line.context("the command's output broke off")?).into_owned();
        writeln!(log, "{line}").context("the log could not be written")?;
        // Of a line that was written over itself, the newest text.
        bar.set_message(line.trim().rsplit('\r').next().unwrap_or_default().to_owned());
        if last.len() == SHOWN_ON_FAILURE {
            last.pop_front();
        }
        last.push_back(line);
    }
    let status = child.wait().with_context(|| format!("{program} was lost"))?;
    bar.finish_and_clear();
    if !status.success() {
        for line in last {
            eprintln!("    {line}");
        }
        bail!(
            "{title}: {program} failed ({status}); its whole output is in {}",
            log_path.display()
        );
    }
    eprintln!("   {title}: done in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// A spinner that shows the title, the time and the newest line; without a terminal, the title once.
fn spinner(title: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if bar.is_hidden() {
        eprintln!("   {title} …");
    } else if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} ({elapsed}) {wide_msg:.dim}") {
        bar.set_style(style);
    }
    bar.set_prefix(title.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
