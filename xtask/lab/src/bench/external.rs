//! A benchmark that is a program of its own: run, with what others did meanwhile.

use std::{fmt, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::{Map, Value};

use super::measured::Belief;

/// What it found.
#[derive(Clone, Debug, Serialize)]
pub struct External {
    /// As it printed it, as JSON; nothing when it printed for people.
    #[serde(flatten)]
    pub findings: Map<String, Value>,
    /// What others took of the machine meanwhile.
    #[serde(flatten)]
    pub belief: Belief,
}

/// Runs a benchmark of cargo's, which prints one JSON object, or else for people.
///
/// # Errors
/// It cannot be started, fails, or prints something else.
pub fn measure_external(program: &Path, json: bool) -> Result<External> {
    let failed = || format!("{} cannot be started", program.display());
    let mut command = Command::new(program);
    command.arg("--bench");
    let (findings, belief) = Belief::during(|| {
        if !json {
            let status = command.status().with_context(failed)?;
            ensure!(status.success(), "{} failed ({status})", program.display());
            return Ok(Map::new());
        }
        let output = command.arg("--json").output().with_context(failed)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{} failed: {}",
            program.display(),
            said.trim()
        );
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{} printed no JSON object", program.display()))
    })?;
    Ok(External { findings, belief })
}

impl fmt::Display for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.belief)
    }
}
