//! `cargo xtask test`: every test of the workspace, and one honest total.

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, Write as _, stdout},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{
    build,
    command::{self, Elevation},
    progress, project,
    results::{Reader, Totals},
    setup::{self, Need},
};

/// Names of the test targets that load programs into the kernel or make test networks.
const PRIVILEGED: [&str; 2] = ["kernel", "system"];

/// Run the tests, those that need root included.
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Run the long tests as well.
    #[arg(long)]
    full: bool,
    /// Install what is missing without asking.
    #[arg(long, short)]
    yes: bool,
    /// Run the tests of these packages alone.
    #[arg(long = "package", short, value_name = "NAME")]
    packages: Vec<String>,
    /// Run the tests alone whose names contain this.
    filter: Option<String>,
}

/// Runs the tests and prints the total. Whether none failed.
///
/// # Errors
/// When the machine cannot be set up, or something does not compile.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    setup::ensure(Need::Run, arguments.yes)?;
    if project::ebpf_crate().is_dir() {
        build::all_objects()?;
    }
    let programs = build_tests(arguments)?;
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
    report(&totals)?;
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

/// Compiles all test targets, and the programs that they start.
fn build_tests(arguments: &Arguments) -> Result<Vec<TestProgram>> {
    progress::step("building the tests");
    let mut build = command::cargo();
    command::run(select(build.args(["build", "--bins"]), arguments))?;

    let mut cargo = command::cargo();
    cargo.args(["test", "--no-run", "--message-format=json-render-diagnostics"]);
    let mut child = select(&mut cargo, arguments)
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo could not be started: is it in PATH?")?;
    let messages = child.stdout.take().context("cargo's messages are out of reach")?;
    let mut programs = Vec::new();
    for line in BufReader::new(messages).lines() {
        let line = line.context("cargo's messages broke off")?;
        programs.extend(
            serde_json::from_str(&line)
                .ok()
                .and_then(|message| test_program(&message)),
        );
    }
    let status = child.wait().context("cargo was lost")?;
    if !status.success() {
        bail!("the tests do not compile ({status})");
    }
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

/// The test program that one of cargo's messages announces, if it does.
fn test_program(message: &Value) -> Option<TestProgram> {
    if message.get("reason")? != "compiler-artifact" || message.pointer("/profile/test")? != true {
        return None;
    }
    let executable = PathBuf::from(message.get("executable")?.as_str()?);
    let package_folder = Path::new(message.get("manifest_path")?.as_str()?)
        .parent()?
        .to_owned();
    let package = package_name(message.get("package_id")?.as_str()?);
    let name = message.pointer("/target/name")?.as_str()?;
    let kind = message.pointer("/target/kind/0")?.as_str()?;
    let label = match kind {
        "test" => format!("{package} tests/{name}"),
        "bin" => format!("{package} bin {name}"),
        _ => package.to_owned(),
    };
    Some(TestProgram {
        label,
        executable,
        package_folder,
        privileged: kind == "test" && PRIVILEGED.contains(&name),
        library: !["test", "bin", "example"].contains(&kind),
    })
}

/// `teiten` of `path+file:///src/sensor-user#teiten@0.1.0`, `sensor-common` of `path+file:///src/sensor-common#0.1.0`.
fn package_name(id: &str) -> &str {
    let (source, fragment) = id.rsplit_once('#').unwrap_or(("", id));
    match fragment.split_once('@') {
        Some((name, _)) => name,
        None => source.rsplit('/').next().unwrap_or(fragment),
    }
}

fn run_privileged(program: &TestProgram, elevation: &Elevation, arguments: &Arguments) -> Result<Totals> {
    if let Elevation::Unavailable(reason) = elevation {
        let mut totals = Totals::default();
        let mut list = Command::new(&program.executable);
        list.args(["--list", "--format", "terse"]).args(&arguments.filter);
        for line in command::output_of(&mut list).unwrap_or_default().lines() {
            if let Some(name) = line.strip_suffix(": test") {
                totals.skip(&format!("{}: {name}", program.label), reason);
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
    let mut command = elevation.command(&program.executable, &settings)?;
    command::clean_library_path(&mut command);
    command
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
    Ok(reader.finish(status.success(), &status.to_string()))
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
    use serde_json::json;

    use super::*;

    fn artifact(kind: &str, name: &str) -> Value {
        json!({
            "reason": "compiler-artifact",
            "package_id": "path+file:///src/sensor-user#teiten@0.1.0",
            "manifest_path": "/src/sensor-user/Cargo.toml",
            "target": { "kind": [kind], "name": name },
            "profile": { "test": true },
            "executable": "/src/target/debug/deps/it",
        })
    }

    #[test]
    fn the_targets_kernel_and_system_are_privileged_and_no_others() {
        for (kind, name, label, privileged) in [
            ("test", "kernel", "teiten tests/kernel", true),
            ("test", "system", "teiten tests/system", true),
            ("test", "replay", "teiten tests/replay", false),
            ("bin", "system", "teiten bin system", false),
            ("lib", "teiten", "teiten", false),
        ] {
            let program = test_program(&artifact(kind, name)).unwrap();
            assert_eq!((program.label.as_str(), program.privileged), (label, privileged));
            assert_eq!(program.package_folder, Path::new("/src/sensor-user"));
        }
    }

    #[test]
    fn a_message_without_a_test_program_is_none() {
        let mut ordinary = artifact("bin", "teiten");
        ordinary["profile"]["test"] = json!(false);
        let mut library = artifact("lib", "teiten");
        library["executable"] = Value::Null;
        for message in [
            ordinary,
            library,
            json!({ "reason": "build-finished", "success": true }),
        ] {
            assert_eq!(test_program(&message), None);
        }
    }

    #[test]
    fn a_package_is_named_by_its_id_in_either_form() {
        assert_eq!(
            package_name("path+file:///src/sensor-user#teiten@0.1.0"),
            "teiten"
        );
        assert_eq!(
            package_name("path+file:///src/sensor-common#0.1.0"),
            "sensor-common"
        );
    }
}
