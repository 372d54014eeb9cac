//! One fuzz target: built, run, and read.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result};

use super::{
    corpus::{corpus, files_of},
    folder, longest,
};
use crate::{command, progress};

/// An input that takes so many seconds hangs.
const SECONDS_AN_INPUT: u32 = 20;

/// What an input may make its reader take, in MiB: a zstd window of 128 MiB, and the sanitizer's own needs.
const MEBIBYTES: u32 = 2_048;

/// Builds with the project's own compiler, whose sanitizers are as good as a nightly's.
pub(super) fn build_targets(targets: &[(&str, usize)]) -> Result<()> {
    progress::step("building the fuzz targets");
    let mut cargo = command::cargo();
    cargo.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", "build"]);
    if let [(name, _)] = targets {
        cargo.arg(name);
    }
    command::run(&mut cargo)
}

/// The built target, and where it lies.
fn program(target: &str) -> Result<PathBuf> {
    let built = folder().join("target");
    let of_triple = |triple: PathBuf| triple.join("release").join(target);
    fs::read_dir(&built)
        .with_context(|| format!("{} cannot be read", built.display()))?
        .filter_map(Result::ok)
        .map(|entry| of_triple(entry.path()))
        .find(|program| program.is_file())
        .with_context(|| {
            format!(
                "the fuzz target {target} was built, but is not below {}",
                built.display()
            )
        })
}

/// What came of one target.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fuzzed {
    pub(super) executions: u64,
    /// Edges of the control flow that were taken.
    pub(super) edges: u64,
    pub(super) inputs: u64,
    pub(super) seconds: u64,
    /// Files that hold the inputs that crash, hang or take too much memory.
    pub(super) crashes: Vec<PathBuf>,
    /// It ended badly, though no input was kept.
    pub(super) failed: bool,
}

/// Feeds it for so many seconds.
pub(super) fn fuzz(target: &str, seconds: u64) -> Result<Fuzzed> {
    let artifacts = folder().join("artifacts").join(target);
    fs::create_dir_all(&artifacts)?;
    fs::create_dir_all(corpus(target))?;
    let known = files_of(&artifacts)?;
    let started = Instant::now();
    let output = command_for(target)?
        .arg(format!("-max_total_time={seconds}"))
        .args(["-print_final_stats=1", "-use_value_profile=1"])
        .arg(corpus(target))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("the fuzz target {target} could not be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    fs::write(
        folder().join("artifacts").join(format!("{target}.log")),
        said.as_bytes(),
    )?;
    let mut crashes = files_of(&artifacts)?;
    crashes.retain(|crash| !known.contains(crash));
    let (executions, edges, inputs) = figures(&said);
    eprintln!("   {target}: {executions} executions");
    Ok(Fuzzed {
        executions,
        edges,
        inputs,
        seconds: started.elapsed().as_secs(),
        crashes,
        failed: !output.status.success(),
    })
}

/// The target, told its limits.
pub(super) fn command_for(target: &str) -> Result<Command> {
    let mut command = Command::new(program(target)?);
    let artifacts = folder().join("artifacts").join(target);
    command
        .current_dir(folder())
        // SQLite is one file of C with tables of the same name in several functions; `cargo fuzz run` says the same.
        .env("ASAN_OPTIONS", "detect_odr_violation=0")
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_len={}", longest(target)))
        .arg(format!("-timeout={SECONDS_AN_INPUT}"))
        .arg(format!("-rss_limit_mb={MEBIBYTES}"));
    Ok(command)
}

/// Executions, edges and inputs of the corpus, as the last of libFuzzer's lines say them:
/// `#4096 NEW cov: 120 ft: 300 corp: 40/12Kb …` and `stat::number_of_executed_units: 5000`.
fn figures(said: &str) -> (u64, u64, u64) {
    let last_of = |key: &str| {
        said.lines().rev().find_map(|line| {
            let rest = line.split_once(key)?.1.trim_start();
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        })
    };
    let executions = last_of("stat::number_of_executed_units:").or_else(|| last_of("#"));
    (
        executions.unwrap_or(0),
        last_of(" cov:").unwrap_or(0),
        last_of(" corp:").unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 40Mb
#4096\tNEW    cov: 120 ft: 300 corp: 40/12Kb lim: 4 exec/s: 2048 rss: 41Mb
Done 5000 runs in 3 second(s)
stat::number_of_executed_units: 5000
stat::average_exec_per_sec:     1666
";

    #[test]
    fn the_last_figures_count() {
        assert_eq!(figures(SAID), (5_000, 120, 40));
        let (killed, _) = SAID.split_once("Done").unwrap();
        assert_eq!(figures(killed), (4_096, 120, 40));
        assert_eq!(figures(""), (0, 0, 0));
    }
}
