//! The lines that leave the machine, each a JSON object: the plan, one for every check, and that all is done.

use std::{
    io::{Write as _, stdout},
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    checks::{Check, Finding},
    machine::Machine,
};

/// A line. What is planned and never comes has not been done.
#[derive(Serialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line<'a> {
    /// Before everything else.
    Plan {
        kernel: &'a str,
        cpus: usize,
        checks: Vec<Planned>,
    },
    /// After each check.
    Check {
        name: &'static str,
        outcome: &'static str,
        summary: &'a str,
        figures: &'a Map<String, Value>,
        seconds: f64,
    },
    /// After everything else.
    End,
}

#[derive(Serialize)]
struct Planned {
    name: &'static str,
    title: &'static str,
}

/// What was reported so far.
pub struct Report {
    failed: bool,
}

impl Report {
    /// Says what will be checked.
    ///
    /// # Errors
    /// Standard output is gone.
    pub fn begin(machine: &Machine, checks: &[&Check]) -> Result<Self> {
        let planned = |check: &&Check| Planned {
            name: check.name,
            title: check.title,
        };
        say(&Line::Plan {
            kernel: &machine.release,
            cpus: machine.cpus,
            checks: checks.iter().map(planned).collect(),
        })?;
        Ok(Self { failed: false })
    }

    /// Says how a check ended.
    ///
    /// # Errors
    /// Standard output is gone.
    pub fn check(&mut self, check: &Check, result: &Result<Finding>, time: Duration) -> Result<()> {
        let nothing = Map::new();
        let failure;
        let (outcome, summary, figures) = match result {
            Ok(Finding::Passed { summary, figures }) => ("passed", summary, figures),
            Ok(Finding::Absent(reason)) => ("absent", reason, &nothing),
            Err(error) => {
                self.failed = true;
                failure = format!("{error:#}");
                ("failed", &failure, &nothing)
            }
        };
        say(&Line::Check {
            name: check.name,
            outcome,
            summary,
            figures,
            seconds: time.as_secs_f64(),
        })
    }

    /// Says that there is no more. Whether no check failed.
    ///
    /// # Errors
    /// Standard output is gone.
    pub fn end(self) -> Result<bool> {
        say(&Line::End)?;
        Ok(!self.failed)
    }
}

fn say(line: &Line<'_>) -> Result<()> {
    let text = serde_json::to_string(line).context("a line cannot be written as JSON")?;
    let mut out = stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .context("standard output is gone")
}
