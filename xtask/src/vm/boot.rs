//! A virtual machine, from its start to its last line.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

/// What the kernel is told. It names the machine as one that the guest program may change. On a host with much else to do
/// the emulated timer may come so late that Linux takes it for broken.
const COMMAND_LINE: &str = "console=ttyS0 panic=-1 loglevel=7 no_timer_check teiten.guest";
/// Emulated, so that it needs no privilege and no hardware. By one thread for both CPUs: with two, QEMU 7.2 goes on
/// running code that the kernel has changed, and Linux 5.10 changes some at every test run. Without `cx16`, which it
/// emulates wrong at times.
const HARDWARE: [&str; 14] = [
    "-accel",
    "tcg,thread=single",
    "-cpu",
    "max,-cx16",
    "-smp",
    "2",
    "-m",
    "2048",
    "-nodefaults",
    "-no-reboot",
    "-display",
    "none",
    "-monitor",
    "none",
];
/// Two network cards on one link, with queues enough for XDP.
const CARDS: [&str; 8] = [
    "-netdev",
    "hubport,id=one,hubid=0",
    "-device",
    "virtio-net-pci,netdev=one,mq=on,vectors=10",
    "-netdev",
    "hubport,id=two,hubid=0",
    "-device",
    "virtio-net-pci,netdev=two,mq=on,vectors=10",
];

/// A machine to be started.
pub(crate) struct Machine<'a> {
    /// The kernel.
    pub(crate) image: &'a Path,
    /// Its file system.
    pub(crate) initramfs: &'a Path,
    /// Where its words go.
    pub(crate) folder: &'a Path,
    /// The only checks that it does; none for all.
    pub(crate) checks: &'a [String],
    /// What else the kernel is told.
    pub(crate) told: &'a str,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// The kernel does not have it, and need not.
    Absent,
    Failed,
}

/// A check of the guest program.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) outcome: Outcome,
    pub(crate) summary: String,
    pub(crate) figures: Map<String, Value>,
    pub(crate) seconds: f64,
}

/// What a machine reported.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Run {
    /// What its kernel calls itself; empty when it did not come so far.
    pub(crate) release: String,
    /// In the order of the plan, those that were not reached included.
    pub(crate) checks: Vec<Check>,
    /// Why the report is not whole, if so.
    pub(crate) problem: Option<String>,
}

impl Machine<'_> {
    /// Where the kernel's and the programs' words are.
    pub(crate) fn console(&self) -> PathBuf {
        self.folder.join("console.log")
    }

    fn command_line(&self) -> String {
        let mut words = vec![COMMAND_LINE.to_owned(), self.told.to_owned()];
        words.extend(self.checks.iter().map(|name| format!("teiten.check={name}")));
        words.join(" ")
    }

    /// Runs it until it ends or `patience` does. `watch` is told each check as it comes.
    ///
    /// # Errors
    /// QEMU cannot be started. A machine that fails is no error.
    pub(crate) fn run(&self, patience: Duration, mut watch: impl FnMut(&Check)) -> Result<Run> {
        let deadline = Instant::now() + patience;
        let mut qemu = Running::start(self)?;
        let lines = qemu.lines()?;
        let path = self.folder.join("report.jsonl");
        let mut copy =
            File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
        let mut transcript = Transcript::default();
        let end = loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    writeln!(copy, "{line}").context("the report cannot be kept")?;
                    if let Some(check) = transcript.line(&line) {
                        watch(check);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break "ended early".to_owned(),
                Err(RecvTimeoutError::Timeout) => {
                    break format!("did not end within {} s and was stopped", patience.as_secs());
                }
            }
        };
        Ok(transcript.finish(&end))
    }
}

/// QEMU. Dropping it ends it.
struct Running(Child);

impl Running {
    fn start(machine: &Machine<'_>) -> Result<Self> {
        let mut command = Command::new("qemu-system-x86_64");
        command.args(HARDWARE).args(CARDS);
        command.arg("-kernel").arg(machine.image);
        command.arg("-initrd").arg(machine.initramfs);
        command.arg("-append").arg(machine.command_line());
        command
            .arg("-serial")
            .arg(format!("file:{}", machine.console().display()));
        command.args(["-serial", "stdio"]);
        let log = machine.folder.join("qemu.log");
        let words = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(words)
            .spawn()
            .context("qemu-system-x86_64 could not be started")?;
        Ok(Self(child))
    }

    /// The lines of the second serial line, as they come.
    fn lines(&mut self) -> Result<mpsc::Receiver<String>> {
        let output: ChildStdout = self.0.stdout.take().context("the report is out of reach")?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(receiver)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended by itself is only collected.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The report as it comes in.
#[derive(Default)]
struct Transcript {
    run: Run,
    /// Names and titles, in their order.
    plan: Vec<(String, String)>,
    ended: bool,
}

impl Transcript {
    /// Takes a line. Gives the check that it reports, if it does.
    fn line(&mut self, line: &str) -> Option<&Check> {
        let line: Value = serde_json::from_str(line).ok()?;
        match line["line"].as_str()? {
            "plan" => {
                self.run.release = text(&line["kernel"]);
                self.plan = line["checks"]
                    .as_array()?
                    .iter()
                    .map(|check| (text(&check["name"]), text(&check["title"])))
                    .collect();
                None
            }
            "check" => {
                let name = text(&line["name"]);
                let (_, title) = self.plan.iter().find(|(planned, _)| *planned == name)?;
                self.run.checks.push(Check {
                    title: title.clone(),
                    outcome: match line["outcome"].as_str() {
                        Some("passed") => Outcome::Passed,
                        Some("absent") => Outcome::Absent,
                        _ => Outcome::Failed,
                    },
                    summary: text(&line["summary"]),
                    figures: line["figures"].as_object().cloned().unwrap_or_default(),
                    seconds: line["seconds"].as_f64().unwrap_or(0.0),
                    name,
                });
                self.run.checks.last()
            }
            "end" => {
                self.ended = true;
                None
            }
            _ => None,
        }
    }

    /// The whole run. What was planned and did not come has failed.
    fn finish(mut self, how_it_ended: &str) -> Run {
        if self.plan.is_empty() {
            self.run.problem = Some(format!("the machine {how_it_ended} before it reported anything"));
        } else if !self.ended {
            self.run.problem = Some(format!("the machine {how_it_ended}"));
        }
        for (name, title) in self.plan {
            if !self.run.checks.iter().any(|check| check.name == name) {
                self.run.checks.push(Check {
                    name,
                    title,
                    outcome: Outcome::Failed,
                    summary: "not reached".to_owned(),
                    figures: Map::new(),
                    seconds: 0.0,
                });
            }
        }
        self.run
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"{"line":"plan","kernel":"6.1.0","cpus":2,"checks":[{"name":"one","title":"The first"},{"name":"two","title":"The second"}]}"#;
    const ONE: &str = r#"{"line":"check","name":"one","outcome":"passed","summary":"5 cases","figures":{"cases":5},"seconds":1.5}"#;
    const TWO: &str = r#"{"line":"check","name":"two","outcome":"absent","summary":"not there","figures":{},"seconds":0.1}"#;
    const END: &str = r#"{"line":"end"}"#;

    fn run(lines: &[&str]) -> Run {
        let mut transcript = Transcript::default();
        for line in lines {
            transcript.line(line);
        }
        transcript.finish("ended early")
    }

    #[test]
    fn a_whole_report_has_every_check_and_no_problem() {
        let run = run(&[PLAN, ONE, "noise", TWO, END]);
        assert_eq!((run.release.as_str(), &run.problem), ("6.1.0", &None));
        let outcomes: Vec<_> = run
            .checks
            .iter()
            .map(|check| (check.title.as_str(), check.outcome))
            .collect();
        assert_eq!(
            outcomes,
            [("The first", Outcome::Passed), ("The second", Outcome::Absent)]
        );
        assert_eq!(run.checks[0].figures["cases"], 5);
    }

    #[test]
    fn what_was_planned_and_never_came_has_failed() {
        let run = run(&[PLAN, ONE]);
        assert_eq!(run.problem.as_deref(), Some("the machine ended early"));
        assert_eq!(run.checks[1].outcome, Outcome::Failed);
        assert_eq!(run.checks[1].name, "two");
    }

    #[test]
    fn a_machine_that_says_nothing_is_a_problem() {
        assert!(run(&["[    0.0] Kernel panic"]).problem.is_some());
    }

    #[test]
    fn an_outcome_that_nobody_knows_has_failed() {
        let run = run(&[PLAN, &ONE.replace("passed", "splendid"), TWO, END]);
        assert_eq!(run.checks[0].outcome, Outcome::Failed);
    }
}
