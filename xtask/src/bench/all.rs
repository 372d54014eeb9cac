//! All parts one after the other: results in one file, and the document that is made of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use super::{
    Arguments, Part,
    prepare::{self, Prepared},
};
use crate::{command, conserve::build_lab_program, progress, project};

/// Measures everything. A part that fails is in the results with its reason, and keeps none of the others away.
///
/// # Errors
/// When the results cannot be written, or a part failed: all others are in the results nevertheless.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let prepared: Vec<(Part, Result<Prepared>)> = Part::MEASURED
        .into_iter()
        .filter(|part| !arguments.skip.contains(part))
        .map(|part| (part, prepare::part(part, arguments.how.quick)))
        .collect();
    let left_out = |part: &Part| (part.name().to_owned(), json!({ "error": "left out" }));
    let mut parts: Map<String, Value> = arguments.skip.iter().map(left_out).collect();
    let path = results_path();
    let mut failed = Vec::new();
    for (part, prepared) in prepared {
        progress::step(&format!("measuring: {}", part.name()));
        let begun = Instant::now();
        let result = prepared.and_then(measure);
        let seconds = begun.elapsed().as_secs_f64();
        match &result {
            Ok(_) => eprintln!("   done in {seconds:.0} s"),
            Err(error) => {
                eprintln!("   failed after {seconds:.0} s: {error:#}");
                failed.push(part.name());
            }
        }
        let result = result.unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
        parts.insert(part.name().to_owned(), result);
        // Written after each part: whatever ends this, what was measured stays.
        let results = json!({ "schema": 1, "quick": arguments.how.quick, "parts": &parts });
        write(&path, &results)?;
    }
    if arguments.how.json {
        println!("{}", fs::read_to_string(&path)?);
    }
    eprintln!("   the results are in {}", path.display());
    if !arguments.how.json || arguments.write {
        document(&path, arguments.write)?;
    }
    if !failed.is_empty() {
        bail!("not measured: {}", failed.join(", "));
    }
    Ok(())
}

/// Builds and gets what all parts need.
///
/// # Errors
/// When something does not compile, or cannot be had.
pub(super) fn prepare() -> Result<()> {
    for part in Part::MEASURED {
        prepare::part(part, false).with_context(|| format!("{} cannot be made ready", part.name()))?;
    }
    Ok(())
}

/// Prints the table of targets, and writes the document if it is asked to.
///
/// # Errors
/// When the results cannot be read, or the document cannot be written.
pub(super) fn document(results: &Path, write: bool) -> Result<()> {
    let program = build_lab_program("bench")?;
    let mut command = std::process::Command::new(program);
    command::clean_library_path(&mut command);
    command.arg("document").arg("--from").arg(results);
    if write {
        command.arg("--write").arg(project::root().join("docs"));
    }
    command::run(&mut command)
}

fn results_path() -> PathBuf {
    project::root().join("target/bench/results.json")
}

fn write(path: &Path, results: &Value) -> Result<()> {
    let aside = path.with_extension("part");
    fs::create_dir_all(path.parent().unwrap_or(path))
        .and_then(|()| fs::write(&aside, format!("{results:#}\n")))
        .and_then(|()| fs::rename(&aside, path))
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// What a part prints with `--json`.
fn measure(mut prepared: Prepared) -> Result<Value> {
    prepared.arguments.push("--json".into());
    let output = prepared
        .command()?
        .stderr(Stdio::piped())
        .output()
        .context("it cannot be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    // A trial that finds a difference fails, and has said which.
    match serde_json::from_slice(&output.stdout) {
        Ok(value) => Ok(value),
        Err(_) if output.status.code() == Some(124) => bail!("it took too long"),
        Err(_) => bail!("{}: {}", output.status, said.trim()),
    }
}
