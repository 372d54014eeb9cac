//! What a part needs before it is measured: programs, packages, records.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::Part;
use crate::{
    artifacts, build,
    command::{self, Elevation},
    conserve::build_lab_program,
    packages::{self, Tool},
    progress, project,
};

/// How long a part may take before it is ended, in seconds.
const PATIENCE: &str = "900";
/// What the records are made of: another text, and they are made anew.
const RECORDS: [&str; 6] = ["--quarter", "2022Q4", "--seed", "1", "--scale", "0.1"];

/// A part that is ready to be run.
pub(super) struct Prepared {
    program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    elevated: bool,
}

impl Prepared {
    fn of(program: PathBuf, arguments: &[&str], elevated: bool) -> Self {
        Self {
            program,
            arguments: arguments.iter().map(OsString::from).collect(),
            elevated,
        }
    }

    /// The command: asked to end when it takes too long, and ended when it does not.
    ///
    /// # Errors
    /// When it takes root, and this user cannot become root.
    pub(super) fn command(&self) -> Result<Command> {
        let timeout = project::find_program("timeout").context("there is no `timeout`: install coreutils")?;
        let mut command = if self.elevated {
            Elevation::find().command(&timeout, &[])?
        } else {
            Command::new(timeout)
        };
        command::clean_library_path(&mut command);
        command
            .args(["--foreground", "--kill-after=30", PATIENCE])
            .arg(&self.program)
            .args(&self.arguments)
            .current_dir(project::root());
        Ok(command)
    }
}

/// Builds and gets what a part needs.
///
/// # Errors
/// When something does not compile, or cannot be had.
pub(super) fn part(part: Part, quick: bool) -> Result<Prepared> {
    let lab = |elevated| -> Result<Prepared> {
        Ok(Prepared::of(
            build_lab_program("bench")?,
            &[part.name()],
            elevated,
        ))
    };
    let mut prepared = match part {
        Part::Live => {
            want(&packages::PEERS);
            lab(true)?
        }
        Part::Scaling => Prepared::of(
            build_lab_program("bench")?,
            &["live", "--cpus", "2", "--no-peers"],
            true,
        ),
        Part::Drain | Part::Region => {
            let mut prepared = Prepared::of(build_lab_program("bench")?, &["external", part.name()], false);
            prepared.arguments.push(benchmark(part.name())?.into());
            prepared
        }
        Part::Replay => {
            want(&packages::READERS);
            lab(false)?
        }
        Part::Report => report()?,
        Part::Conserve => {
            let frames = if quick { "5000000" } else { "200000000" };
            // It knows nothing of rounds.
            return Ok(Prepared::of(
                build_lab_program("conserve")?,
                &["--frames", frames],
                true,
            ));
        }
        _ => lab(true)?,
    };
    if quick {
        prepared.arguments.push("--quick".into());
    }
    Ok(prepared)
}

/// Installs what is missing, each by itself: one that cannot be had is no reason to do without the others, and is named
/// in the results.
fn want(tools: &[Tool]) {
    for tool in tools.iter().filter(|tool| !tool.is_present()) {
        if let Err(error) = packages::install(&[tool.package.to_owned()]) {
            eprintln!("   without {}: {error:#}", tool.sign);
        }
    }
}

/// One of the daemon's benchmarks, compiled.
fn benchmark(name: &str) -> Result<PathBuf> {
    progress::step(&format!("building the benchmark {name}"));
    let mut cargo = command::cargo();
    cargo.args(["bench", "--package", "teiten", "--bench", name, "--no-run"]);
    let found = artifacts::compile(&mut cargo)?;
    let program = found.into_iter().find(|artifact| artifact.name == name);
    program
        .map(|program| program.executable)
        .with_context(|| format!("cargo made no benchmark {name}"))
}

fn report() -> Result<Prepared> {
    let lab = build_lab_program("bench")?;
    progress::step("building teiten-report with questions in SQL: takes minutes the first time");
    command::run(command::cargo().args([
        "build",
        "--release",
        "--package",
        "sensor-report",
        "--features",
        "sql",
        "--bin",
        "teiten-report",
    ]))?;
    let mut prepared = Prepared::of(lab, &["report"], false);
    let program = project::root().join("target/release/teiten-report");
    for (flag, value) in [("--program", program), ("--data", records()?)] {
        prepared.arguments.extend([flag.into(), value.into()]);
    }
    match duckdb() {
        Ok(python) => prepared.arguments.extend(["--python".into(), python.into()]),
        Err(error) => eprintln!("   without DuckDB: {error:#}"),
    }
    Ok(prepared)
}

/// The records of twenty sensors: made once.
fn records() -> Result<PathBuf> {
    let folder = project::root().join("target/bench/records");
    let mark = project::root().join("target/bench/records.made");
    let wanted = RECORDS.join(" ");
    if fs::read_to_string(&mark).is_ok_and(|made| made == wanted) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    fs::create_dir_all(project::root().join("target/bench"))?;
    let program = build::build_program("sensor-synth", "synth", true)?;
    let mut synth = Command::new(program);
    command::clean_library_path(&mut synth);
    synth.arg("--out").arg(&folder).args(RECORDS);
    progress::quietly("making the records of twenty sensors", &mut synth)?;
    fs::write(&mark, wanted)?;
    Ok(folder)
}

/// A Python that has `DuckDB`, from PyPI.
fn duckdb() -> Result<PathBuf> {
    let folder = project::cache().join("duckdb");
    let python = folder.join("bin/python");
    let works = |python: &Path| {
        let mut probe = Command::new(python);
        command::output_of(probe.args(["-c", "import duckdb"])).is_some()
    };
    if !works(&python) {
        fs::create_dir_all(project::cache())?;
        let mut environment = Command::new("python3");
        environment.args(["-m", "venv"]).arg(&folder);
        progress::quietly("making a place for DuckDB", &mut environment)?;
        let mut install = Command::new(&python);
        // `pytz` gives times with a zone to Python.
        install.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--only-binary=:all:",
            "duckdb",
            "pytz",
        ]);
        progress::quietly("installing DuckDB", &mut install)?;
    }
    Ok(python)
}
