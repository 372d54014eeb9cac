//! Commands for other programs: in a clean environment, or as root.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{IsTerminal as _, stdin},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::project;

/// What cargo tells the programs that it runs about *their* package: wrong for every cargo they start in turn.
const OF_THE_OUTER_RUN: [&str; 8] = [
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_MAKEFLAGS",
    "OUT_DIR",
    "RUST_RECURSION_COUNT",
];

/// What a user sets for a build for this machine: wrong for a build for the kernel.
const OF_THE_HOST_BUILD: [&str; 10] = [
    "RUSTC",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
    "CARGO_ENCODED_",
    "CARGO_BUILD_RUST",
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_",
    "CARGO_PROFILE_",
    "CARGO_INCREMENTAL",
];

/// Environment variables that tests on both sides of `sudo` may read.
const KEPT_FOR_ROOT: [&str; 4] = ["TEITEN_", "RUST_BACKTRACE", "RUST_LOG", "INSTA_"];

/// Cargo, for this workspace, with the user's own settings.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(project::root());
    remove_variables(&mut command, &OF_THE_OUTER_RUN);
    command.env_remove("CARGO");
    clean_library_path(&mut command);
    command
}

/// Cargo, for the XDP programs: without what the user set for programs of this machine.
pub(crate) fn cargo_for_the_kernel() -> Command {
    let mut command = cargo();
    command.current_dir(project::ebpf_crate());
    remove_variables(&mut command, &OF_THE_HOST_BUILD);
    command
}

/// Runs a command and lets its output through.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("{program} could not be started"))?;
    if !status.success() {
        let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
        bail!("`{program} {}` failed ({status})", arguments.join(" "));
    }
    Ok(())
}

/// What a command prints, or nothing when it cannot be started or fails.
pub(crate) fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// How a command becomes root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Elevation {
    /// It is already.
    Root,
    /// Through this `sudo`.
    Sudo(PathBuf),
    /// Not at all, and why.
    Unavailable(&'static str),
}

impl Elevation {
    /// Finds out once what this user may do. `sudo` may ask for a password on a terminal, and only there.
    pub(crate) fn find() -> Self {
        if is_root() {
            return Self::Root;
        }
        let Some(sudo) = project::find_program("sudo") else {
            return Self::Unavailable("needs root: there is no sudo");
        };
        let mut probe = Command::new(&sudo);
        if stdin().is_terminal() {
            probe.args(["-v", "-p", "Some steps need root. Password of %u: "]);
        } else {
            probe.args(["-n", "true"]);
        }
        match probe.status() {
            Ok(status) if status.success() => Self::Sudo(sudo),
            _ => Self::Unavailable("needs root: sudo does not let this user"),
        }
    }

    /// A command that runs `program` as root, with the environment that tests read, and `settings` added to it.
    /// Its `PATH` holds the system's own folders.
    ///
    /// # Errors
    /// When this user cannot become root: says which command to run instead.
    pub(crate) fn command(&self, program: &Path, settings: &[(&str, OsString)]) -> Result<Command> {
        let path =
            env::join_paths(project::search_path()).context("PATH holds a folder that it cannot hold")?;
        match self {
            Self::Root => {
                let mut command = Command::new(program);
                command
                    .env("PATH", path)
                    .envs(settings.iter().map(|(name, value)| (name, value)));
                Ok(command)
            }
            Self::Sudo(sudo) => {
                let mut command = Command::new(sudo);
                command.arg("--").arg("env");
                let kept = env::vars_os().filter(|(name, _)| starts_with_any(name, &KEPT_FOR_ROOT));
                let path = [(OsString::from("PATH"), path)];
                let settings = settings
                    .iter()
                    .map(|(name, value)| (OsString::from(name), value.clone()));
                for (mut setting, value) in kept.chain(path).chain(settings) {
                    setting.push("=");
                    setting.push(value);
                    command.arg(setting);
                }
                command.arg(program);
                Ok(command)
            }
            Self::Unavailable(reason) => {
                bail!(
                    "{} cannot be run: {reason}; run this command as root",
                    program.display()
                )
            }
        }
    }
}

/// Runs one of the project's own programs as root and lets its output through: demo, benchmarks, test networks.
///
/// # Errors
/// When this user cannot become root, or the program cannot be started.
pub(crate) fn run_elevated<A: AsRef<OsStr>>(program: &Path, arguments: &[A]) -> Result<ExitStatus> {
    let mut command = Elevation::find().command(program, &[])?;
    clean_library_path(&mut command);
    command
        .args(arguments)
        .current_dir(project::root())
        .status()
        .with_context(|| format!("{} could not be started", program.display()))
}

/// Whether a variable's name is one of `prefixes` or begins with it.
fn starts_with_any(name: &OsStr, prefixes: &[&str]) -> bool {
    name.to_str()
        .is_some_and(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
}

fn remove_variables(command: &mut Command, prefixes: &[&str]) {
    for (name, _) in env::vars_os() {
        if starts_with_any(&name, prefixes) {
            command.env_remove(name);
        }
    }
}

/// Takes out the folders that the outer `cargo run` put first: they hold another compiler's libraries.
pub(crate) fn clean_library_path(command: &mut Command) {
    let Some(path) = env::var_os("LD_LIBRARY_PATH") else {
        return;
    };
    let kept: Vec<PathBuf> = env::split_paths(&path)
        .filter(|folder| {
            !folder.starts_with(project::root())
                && !folder
                    .components()
                    .any(|part| part.as_os_str() == "rustlib" || part.as_os_str() == "toolchains")
        })
        .collect();
    match env::join_paths(&kept) {
        Ok(kept) if !kept.is_empty() => command.env("LD_LIBRARY_PATH", kept),
        _ => command.env_remove("LD_LIBRARY_PATH"),
    };
}
