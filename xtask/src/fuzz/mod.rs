//! `cargo xtask fuzz`: every reader of strangers' bytes, each for its share of the time.

mod corpus;
mod target;

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Result, bail};

use self::{
    corpus::{minimise, plant_seeds},
    target::{Fuzzed, build_targets, fuzz},
};
use crate::{
    build, command, progress, project,
    setup::{self, Need},
};

/// The longest input of each target, in bytes: enough for everything that its reader tells apart.
const TARGETS: [(&str, usize); 6] = [
    ("classifier", 512),
    ("records", 4_096),
    ("capture", 16_384),
    ("payloads", 4_096),
    ("regions", 8_192),
    ("configuration", 4_096),
];
/// Feed made-up bytes to every reader of strangers' bytes, and stop at none that harms.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Seconds of fuzzing, of all targets together.
    #[arg(long, value_name = "N", default_value_t = 300)]
    seconds: u64,
    /// Fuzz this target alone.
    #[arg(long, value_name = "NAME", value_parser = TARGETS.map(|(name, _)| name))]
    target: Option<String>,
    /// Afterwards keep only the inputs that add coverage.
    #[arg(long)]
    minimise: bool,
    /// Begin with the captures of Debian's source packages as well; fetches them.
    #[arg(long)]
    debian: bool,
    /// Targets that run side by side; one for each CPU otherwise.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// Builds the targets, fuzzes each, and prints what came of it. Whether nothing crashed.
///
/// # Errors
/// When something is missing and cannot be installed, or does not compile.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    setup::ensure(Need::Build, false)?;
    ensure_cargo_fuzz()?;
    build::build_object("sensor", &[])?;
    plant_seeds(arguments.debian)?;
    let targets: Vec<_> = TARGETS
        .into_iter()
        .filter(|(name, _)| arguments.target.as_deref().is_none_or(|wanted| wanted == *name))
        .collect();
    build_targets(&targets)?;

    let seconds = (arguments.seconds / targets.len() as u64).max(1);
    let jobs = arguments
        .jobs
        .or_else(|| thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get);
    progress::step(&format!(
        "fuzzing {} targets for {seconds} s each, {} at a time",
        targets.len(),
        jobs.min(targets.len())
    ));
    let results = in_parallel(jobs, &targets, |target| fuzz(target, seconds))?;
    if arguments.minimise {
        progress::step("minimising");
        in_parallel(jobs, &targets, minimise)?;
    }
    Ok(report(&results))
}

fn folder() -> PathBuf {
    project::root().join("fuzz")
}

fn ensure_cargo_fuzz() -> Result<()> {
    let is_there = || command::output_of(command::cargo().args(["fuzz", "--version"])).is_some();
    if is_there() {
        return Ok(());
    }
    progress::quietly(
        "installing cargo-fuzz from crates.io",
        command::cargo().args(["install", "--locked", "cargo-fuzz"]),
    )?;
    if !is_there() {
        bail!("cargo-fuzz is installed, but cargo does not find it: put cargo's folder `bin` into PATH");
    }
    Ok(())
}

/// Does the work for each target, so many at a time, and gives the results in the order of the targets.
fn in_parallel<T: Send>(
    jobs: usize,
    targets: &[(&'static str, usize)],
    work: impl Fn(&str) -> Result<T> + Sync,
) -> Result<Vec<(&'static str, T)>> {
    let next = Mutex::new(targets.iter());
    let results = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..jobs.min(targets.len()) {
            scope.spawn(|| {
                loop {
                    let Some((name, _)) = lock(&next).next() else {
                        break;
                    };
                    let result = work(name);
                    lock(&results).insert(*name, result);
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    targets
        .iter()
        .filter_map(|(name, _)| Some((*name, results.remove(name)?)))
        .map(|(name, result)| Ok((name, result?)))
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn longest(target: &str) -> usize {
    TARGETS
        .into_iter()
        .find(|(name, _)| *name == target)
        .map_or(4_096, |(_, longest)| longest)
}

/// Prints the table. Whether nothing crashed.
fn report(results: &[(&str, Fuzzed)]) -> bool {
    println!(
        "{:<14} {:>12} {:>8} {:>8} {:>8} {:>8}",
        "target", "executions", "a second", "edges", "inputs", "crashes"
    );
    let mut total = Duration::ZERO;
    let mut clean = true;
    for (name, fuzzed) in results {
        total += Duration::from_secs(fuzzed.seconds);
        println!(
            "{name:<14} {:>12} {:>8} {:>8} {:>8} {:>8}",
            fuzzed.executions,
            fuzzed.executions / fuzzed.seconds.max(1),
            fuzzed.edges,
            fuzzed.inputs,
            fuzzed.crashes.len()
        );
        clean &= fuzzed.crashes.is_empty() && !fuzzed.failed;
    }
    let executions: u64 = results.iter().map(|(_, fuzzed)| fuzzed.executions).sum();
    println!("{executions} executions in {} s of fuzzing", total.as_secs());
    for (name, fuzzed) in results {
        for crash in &fuzzed.crashes {
            println!("CRASH of {name}: {}", crash.display());
        }
        if fuzzed.failed {
            println!("{name} ended badly; what it said is in fuzz/artifacts/{name}.log");
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_target_is_declared_where_it_is_built() {
        let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
        for (name, _) in TARGETS {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        }
    }

    #[test]
    fn a_failed_target_and_a_kept_crash_are_both_told() {
        let crashed = || Fuzzed {
            crashes: vec!["crash-1".into()],
            ..Fuzzed::default()
        };
        let failed = || Fuzzed {
            failed: true,
            ..Fuzzed::default()
        };
        assert!(report(&[("a", Fuzzed::default())]));
        assert!(!report(&[("a", crashed())]));
        assert!(!report(&[("a", Fuzzed::default()), ("b", failed())]));
    }
}
