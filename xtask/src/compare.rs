//! `cargo xtask compare`: gets captures and tshark, and holds `teiten replay` against it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{
    artifacts, build, command,
    debian_sources::{self, Captures},
    packages, progress, project,
    results::Totals,
    setup::{self, Need},
};

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
    let captures = obtain(arguments.debian_sources.as_deref())?;
    let options: &[&str] = if arguments.json { &["--json"] } else { &[] };
    compare(&captures, options)
}

/// The comparison as one test; skipped, saying why, where captures or tshark cannot be had.
///
/// # Errors
/// When something does not compile.
pub(crate) fn test() -> Result<Totals> {
    const NAME: &str = "replay equals tshark on Debian's captures";
    let mut totals = Totals::default();
    match obtain(None) {
        Err(error) => totals.skip(
            NAME.to_owned(),
            format!("cannot be had: {error:#}").replace('\n', " "),
        ),
        Ok(captures) => {
            for package in &captures.missing {
                totals.skip(
                    format!("{NAME}: those of {package}"),
                    "its sources could not be fetched".to_owned(),
                );
            }
            if compare(&captures, &[])? {
                totals.passed += 1;
            } else {
                totals.failed += 1;
                totals.failures.push(NAME.to_owned());
            }
        }
    }
    Ok(totals)
}

/// Gets captures and tshark.
fn obtain(sources: Option<&Path>) -> Result<Captures> {
    let captures = debian_sources::captures(sources)?;
    if project::find_program("tshark").is_none() {
        packages::install(&["tshark".to_owned()])?;
    }
    Ok(captures)
}

/// Runs the lab's program over all of them. Whether it found everything in order.
fn compare(captures: &Captures, options: &[&str]) -> Result<bool> {
    let program = build_programs()?;
    progress::step(&format!("comparing {} captures", captures.files.len()));
    let status = Command::new(&program)
        .arg(&captures.folder)
        .args(options)
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

/// The daemon, with the XDP program that it embeds, and beside it the program that compares.
fn build_programs() -> Result<PathBuf> {
    setup::ensure(Need::Build, false)?;
    build::build_object("sensor", &[])?;
    progress::step("building the daemon and the lab");
    let mut cargo = command::cargo();
    // Of the whole workspace, or what the tests have just compiled would be compiled anew with other features.
    cargo.args(["build", "--workspace"]);
    let compiled = artifacts::compile(cargo.args(["--bin", "teiten", "--bin", "compare"]))?;
    compiled
        .into_iter()
        .find(|artifact| artifact.name == "compare")
        .map(|artifact| artifact.executable)
        .context("cargo made no program compare")
}
