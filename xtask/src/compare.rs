//! `cargo xtask compare`: gets captures and tshark, and holds `teiten replay` against it.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{conserve::build_lab_program, debian_sources, packages, project};

/// Hold `teiten replay` against tshark on the captures of Debian's source packages.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A folder that holds the upstream archives; fetched from the host's mirrors otherwise.
    #[arg(long, value_name = "DIR")]
    debian_sources: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Compares every file. Whether all that differ are explained and few.
///
/// # Errors
/// When captures or tshark cannot be had, or something does not compile.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    let captures = debian_sources::captures(arguments.debian_sources.as_deref())?;
    if project::find_program("tshark").is_none() {
        packages::install(&["tshark".to_owned()])?;
    }
    let program = build_lab_program("compare")?;
    let mut command = Command::new(&program);
    command.arg(&captures.folder);
    if arguments.json {
        command.arg("--json");
    }
    let status = command
        .status()
        .with_context(|| format!("{} could not be started", program.display()))?;
    if !captures.missing.is_empty() {
        eprintln!(
            "not compared, because they could not be fetched: {}",
            captures.missing.join(", ")
        );
    }
    Ok(status.success())
}
