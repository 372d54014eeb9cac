//! `cargo xtask test`: every test of the workspace, and one honest total.

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, Write as _, stdout},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    artifacts::{self, Artifact},
    build,
    command::{self, Elevation},
    compare, progress, project,
    results::{Reader, Totals},
    setup::{self, Need},
    vm,
};
use anyhow::{Context as _, Result, bail};

/// Names of the test targets that load programs into the kernel or make test networks.
const PRIVILEGED: [&str; 9] = [
    "demo", "equal", "faults", "fleet", "kernel", "load", "package", "system", "wire",
];
/// The test target that breaks things.
const FAULTS: &str = "faults";

/// Minutes that one test program may take, in the fast tier and with `--full`: past that it hangs.
const MINUTES: u32 = 20;
const MINUTES_IN_FULL: u32 = 180;
/// What `timeout` ends with when it had to stop a program.
const TIMED_OUT: i32 = 124;

/// Run the tests, those that need root included.
#[derive(clap::Args, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Arguments {
    /// Run the long tests as well.
    #[arg(long)]
    full: bool,
    /// Run the sensor on Linux 5.10 and 6.1 as well, in virtual machines; `--full` does.
    #[arg(long)]
    kernels: bool,
    /// Skip those machines when the tests before them took longer than this.
    #[arg(long, value_name = "MINUTES", requires = "kernels")]
    kernels_within: Option<u64>,
    /// Break things, and nothing else: run the tests of what the daemon promises when it is killed, starved or misled
    #[arg(long, conflicts_with_all = ["packages", "kernels"])]
    faults: bool,
    /// Install what is missing without asking.
    #[arg(long, short)]
    yes: bool,
    /// Run the tests of these packages alone.
    #[arg(long = "package", short, value_name = "NAME")]
    packages: Vec<String>,
    /// Run the tests alone whose names contain this.
    filter: Option<String>,
}

impl Arguments {
    /// Those of continuous integration: everything but the long tests.
    pub(crate) fn of_continuous_integration() -> Self {
        Self {
            kernels: true,
            ..Self::default()
        }
    }
}

/// Runs the tests and prints the total. Whether none failed.
///
/// # Errors
/// When the machine cannot be set up, or something does not compile.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    let begun = Instant::now();
    let need = if arguments.full { Need::Full } else { Need::Run };
    setup::ensure(need, arguments.yes)?;
    if project::ebpf_crate().is_dir() {
        build::build_objects(|_| true)?;
    }
    let mut programs = build_tests(arguments)?;
    if arguments.faults {
        programs.retain(|program| program.label.ends_with(&format!("tests/{FAULTS}")));
    }
    let (privileged, ordinary): (Vec<_>, Vec<_>) = programs.iter().partition(|program| program.privileged);

    let mut totals = Totals::default();
    for program in ordinary {
        totals.add(run_program(program, &Elevation::Root, arguments)?);
    }
    if programs.iter().any(|program| program.library) {
        totals.add(run_documentation(arguments)?);
    }
    if !privileged.is_empty() {
        let elevation = Elevation::find();
        for program in privileged {
            totals.add(run_privileged(program, &elevation, arguments)?);
        }
    }
    // What these run are no test programs, so they cannot be picked by package or by name.
    let everything = arguments.packages.is_empty() && arguments.filter.is_none() && !arguments.faults;
    if everything && (arguments.full || arguments.kernels) {
        let late = |minutes: u64| begun.elapsed() > Duration::from_secs(60 * minutes);
        totals.add(match arguments.kernels_within {
            Some(minutes) if late(minutes) => vm::skipped(&format!(
                "the tests before took more than {minutes} minutes: `cargo xtask vm` runs it"
            )),
            _ => vm::test(arguments.yes)?,
        });
    }
    if everything && arguments.full {
        totals.add(compare::test()?);
    }
    report(&totals)?;
    if totals.passed + totals.failed + totals.skipped == 0 {
        bail!(
            "no test was found{}",
            arguments
                .filter
                .as_ref()
                .map_or(String::new(), |filter| format!(" with {filter:?} in its name"))
        );
    }
    Ok(totals.failed == 0)
}

/// A compiled test target.
#[derive(Debug, PartialEq, Eq)]
struct TestProgram {
    /// Package and target, as a person would look for it.
    label: String,
    executable: PathBuf,
    package_folder: PathBuf,
    privileged: bool,
    /// Made of a library, so that there may be examples in its documentation.
    library: bool,
}

impl From<Artifact> for TestProgram {
    fn from(artifact: Artifact) -> Self {
        let Artifact {
            package,
            package_folder,
            name,
            kind,
            executable,
            ..
        } = artifact;
        Self {
            label: match kind.as_str() {
                "test" => format!("{package} tests/{name}"),
                "bin" => format!("{package} bin {name}"),
                _ => package,
            },
            executable,
            package_folder,
            privileged: kind == "test" && PRIVILEGED.contains(&name.as_str()),
            library: !["test", "bin", "example"].contains(&kind.as_str()),
        }
    }
}

/// Compiles all test targets, and the programs that they start.
fn build_tests(arguments: &Arguments) -> Result<Vec<TestProgram>> {
    progress::step("building the tests");
    command::run(select(command::cargo().arg("build"), arguments))?;
    let mut cargo = command::cargo();
    cargo.args(["test", "--no-run"]);
    if arguments.faults {
        cargo.args(["--test", FAULTS]);
    }
    let compiled = artifacts::compile(select(&mut cargo, arguments))?;
    let mut programs: Vec<_> = compiled
        .into_iter()
        .filter(|artifact| artifact.test)
        .map(TestProgram::from)
        .collect();
    programs.sort_by(|one, other| one.label.cmp(&other.label));
    Ok(programs)
}

fn select<'command>(cargo: &'command mut Command, arguments: &Arguments) -> &'command mut Command {
    if arguments.packages.is_empty() {
        cargo.arg("--workspace");
    }
    for package in &arguments.packages {
        cargo.args(["--package", package]);
    }
    cargo
}

fn run_privileged(program: &TestProgram, elevation: &Elevation, arguments: &Arguments) -> Result<Totals> {
    if let Elevation::Unavailable(reason) = elevation {
        let mut totals = Totals::default();
        let mut list = Command::new(&program.executable);
        list.args(["--list", "--format", "terse"]).args(&arguments.filter);
        for line in command::output_of(&mut list).unwrap_or_default().lines() {
            if let Some(name) = line.strip_suffix(": test") {
                totals.skip(format!("{}: {name}", program.label), (*reason).to_owned());
            }
        }
        return Ok(totals);
    }
    run_program(program, elevation, arguments)
}

/// Runs a test program, as root when `elevation` leads there.
fn run_program(program: &TestProgram, elevation: &Elevation, arguments: &Arguments) -> Result<Totals> {
    let mut settings = vec![(
        "CARGO_MANIFEST_DIR",
        program.package_folder.clone().into_os_string(),
    )];
    settings.extend(full_setting(arguments));
    // Of coreutils. In the foreground an interrupt still reaches the tests.
    let mut command = elevation.command(Path::new("/usr/bin/timeout"), &settings)?;
    command::clean_library_path(&mut command);
    let minutes = if arguments.full { MINUTES_IN_FULL } else { MINUTES };
    command.args(["--foreground", "--kill-after=30", &format!("{minutes}m")]);
    command
        .arg(&program.executable)
        .args(&arguments.filter)
        .current_dir(&program.package_folder);
    follow(&program.label, &mut command)
}

/// What tells the tests that there is time for the long ones.
fn full_setting(arguments: &Arguments) -> Option<(&'static str, OsString)> {
    arguments.full.then(|| ("TEITEN_TEST_FULL", "1".into()))
}

/// The examples in the documentation; cargo alone can compile these.
fn run_documentation(arguments: &Arguments) -> Result<Totals> {
    let mut cargo = command::cargo();
    select(cargo.args(["test", "--doc"]), arguments);
    cargo
        .envs(full_setting(arguments))
        .arg("--")
        .args(&arguments.filter);
    follow("documentation", &mut cargo)
}

/// Runs a test program, lets its output through as it comes, and reads the results from it.
fn follow(label: &str, command: &mut Command) -> Result<Totals> {
    progress::step(label);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("the test program {label} could not be started"))?;
    let output = child
        .stdout
        .take()
        .context("the test program's output is out of reach")?;
    let mut reader = Reader::new(label);
    for line in BufReader::new(output).split(b'\n') {
        let line = line.with_context(|| format!("the output of {label} broke off"))?;
        let line = String::from_utf8_lossy(&line);
        reader.line(&line);
        writeln!(stdout(), "{line}").context("the output cannot be shown")?;
    }
    let status = child
        .wait()
        .with_context(|| format!("the test program {label} was lost"))?;
    let how_it_ended = match status.code() {
        Some(TIMED_OUT) => "did not end, and was stopped".to_owned(),
        _ => format!("ended with {status}"),
    };
    Ok(reader.finish(status.success(), &how_it_ended))
}

/// What was skipped and why, what failed, and last the total, alone on its line.
fn report(totals: &Totals) -> Result<()> {
    let mut out = stdout().lock();
    let mut write = || {
        if !totals.reasons.is_empty() {
            writeln!(out, "\nskipped:")?;
        }
        for skipped in &totals.reasons {
            writeln!(out, "   {}: {}", skipped.name, skipped.reason)?;
        }
        if !totals.failures.is_empty() {
            writeln!(out, "\nfailed:")?;
        }
        for name in &totals.failures {
            writeln!(out, "   {name}")?;
        }
        writeln!(out, "\n{totals}")?;
        out.flush()
    };
    write().context("the total cannot be shown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_kernel_and_system_are_privileged_and_no_others() {
        for (kind, name, label, privileged, library) in [
            ("test", "kernel", "teiten tests/kernel", true, false),
            ("test", "system", "teiten tests/system", true, false),
            ("test", "replay", "teiten tests/replay", false, false),
            ("bin", "system", "teiten bin system", false, false),
            ("lib", "teiten", "teiten", false, true),
        ] {
            let artifact = Artifact {
                package: "teiten".to_owned(),
                package_folder: "/src/sensor-user".into(),
                name: name.to_owned(),
                kind: kind.to_owned(),
                test: true,
                executable: "/src/target/debug/deps/it".into(),
            };
            let program = TestProgram::from(artifact);
            assert_eq!(
                (program.label.as_str(), program.privileged, program.library),
                (label, privileged, library)
            );
        }
    }
}
