//! What fuzzing begins with, and what is left of it: the inputs of each target.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail};

use super::{folder, longest, target::command_for};
use crate::{command, debian_sources, progress, project};

/// Where the inputs of a target lie.
pub(super) fn corpus(target: &str) -> PathBuf {
    folder().join("corpus").join(target)
}

/// Writes our own seeds, and copies the captures that are short enough.
pub(super) fn plant_seeds(debian: bool) -> Result<()> {
    let mut cargo = command::cargo();
    cargo.args([
        "run",
        "--quiet",
        "--package",
        "sensor-lab",
        "--bin",
        "fuzz_seeds",
        "--",
    ]);
    cargo.arg(folder().join("corpus")).stdout(Stdio::null());
    progress::quietly("writing seeds", &mut cargo)?;
    seed_configurations().context("the seeds of configurations cannot be written")?;
    if debian {
        let longest = longest("capture");
        for capture in debian_sources::captures(None)?.files {
            let bytes = fs::metadata(&capture.path)?.len();
            if bytes <= longest as u64 {
                let name = format!("debian-{}", capture.name.replace('/', "-"));
                fs::copy(&capture.path, corpus("capture").join(name))?;
            }
        }
    }
    Ok(())
}

/// The template as it is, and with the keys that stand in comments.
fn seed_configurations() -> Result<()> {
    let template = fs::read_to_string(project::root().join("sensor-user/src/config/teiten.toml"))?;
    let everything: String = template
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(key) if key.contains(" = ") && key.starts_with(|c: char| c.is_ascii_lowercase()) => key,
            _ => line,
        })
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| [line, "\n"])
        .collect();
    let smallest = "[capture]\ninterfaces = [\"eth0\"]\nwatch = [\"198.51.100.0/24\"]\n";
    let folder = corpus("configuration");
    fs::create_dir_all(&folder)?;
    for (name, text) in [
        ("template", template.as_str()),
        ("everything", &everything),
        ("smallest", smallest),
    ] {
        fs::write(folder.join(format!("seed-{name}")), text)?;
    }
    Ok(())
}

/// Replaces the corpus by the fewest inputs that reach what it reaches.
pub(super) fn minimise(target: &str) -> Result<()> {
    let (all, fewest) = (
        corpus(target),
        folder().join("corpus").join(format!("{target}.fewest")),
    );
    if fewest.exists() {
        fs::remove_dir_all(&fewest)?;
    }
    fs::create_dir_all(&fewest)?;
    let status = command_for(target)?
        .arg("-merge=1")
        .args([&fewest, &all])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !status.success() {
        bail!("the corpus of {target} cannot be minimised ({status}); it is as it was");
    }
    let (before, after) = (files_of(&all)?.len(), files_of(&fewest)?.len());
    fs::remove_dir_all(&all)?;
    fs::rename(&fewest, &all)?;
    eprintln!("   {target}: {before} inputs → {after}");
    Ok(())
}

/// In order.
pub(super) fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .with_context(|| format!("{} cannot be read", folder.display()))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    Ok(files)
}
