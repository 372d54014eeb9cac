//! `cargo xtask fuzz`: every reader of strangers' bytes, each for its share of the time.

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    build, command, debian_sources, progress, project,
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

/// An input that takes so many seconds hangs.
const SECONDS_AN_INPUT: u32 = 20;
/// What an input may make its reader take, in MiB: a zstd window of 128 MiB, and the sanitizer's own needs.
const MEBIBYTES: u32 = 2_048;

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

fn corpus(target: &str) -> PathBuf {
    folder().join("corpus").join(target)
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

/// Writes our own seeds, and copies the captures that are short enough.
fn plant_seeds(debian: bool) -> Result<()> {
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

/// Builds with the project's own compiler, whose sanitizers are as good as a nightly's.
fn build_targets(targets: &[(&str, usize)]) -> Result<()> {
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

/// What came of one target.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fuzzed {
    executions: u64,
    /// Edges of the control flow that were taken.
    edges: u64,
    inputs: u64,
    seconds: u64,
    /// Files that hold the inputs that crash, hang or take too much memory.
    crashes: Vec<PathBuf>,
    /// It ended badly, though no input was kept.
    failed: bool,
}

fn fuzz(target: &str, seconds: u64) -> Result<Fuzzed> {
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

fn longest(target: &str) -> usize {
    TARGETS
        .into_iter()
        .find(|(name, _)| *name == target)
        .map_or(4_096, |(_, longest)| longest)
}

fn command_for(target: &str) -> Result<Command> {
    let mut command = Command::new(program(target)?);
    let artifacts = folder().join("artifacts").join(target);
    command
        .current_dir(folder())
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

fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .with_context(|| format!("{} cannot be read", folder.display()))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    Ok(files)
}

/// Replaces the corpus by the fewest inputs that reach what it reaches.
fn minimise(target: &str) -> Result<()> {
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
