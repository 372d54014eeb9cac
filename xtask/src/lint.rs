//! `cargo xtask lint`: everything that judges the project's text without running it.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    build, command, packages, progress, project,
    setup::{self, Need},
    toolchain::{Origin, Toolchain},
};

/// What declares the fuzz targets.
const FUZZ_TARGETS: &str = "fuzz/Cargo.toml";

/// How a check ended.
enum Verdict {
    Clean,
    Failed,
    /// Not done, and why.
    Skipped(String),
}

/// Runs every check, however many fail, and says how each ended. Whether none failed.
///
/// # Errors
/// When the machine cannot be set up, or the XDP programs do not compile.
pub(crate) fn run() -> Result<bool> {
    let toolchain = setup::ensure(Need::Build, false)?;
    let ebpf = project::ebpf_crate().is_dir();
    if ebpf {
        // The sensor embeds its program, so without it there is nothing to lint.
        build::build_object("sensor", &[])?;
    }
    let mut verdicts = vec![
        (
            "format",
            check("rustfmt", command::cargo().args(["fmt", "--all", "--check"])),
        ),
        ("clippy", clippy()),
        ("documentation", documentation()),
    ];
    let mut format = command::cargo();
    format.args(["fmt", "--manifest-path", FUZZ_TARGETS, "--check"]);
    verdicts.push((
        "format of the fuzz targets",
        check("rustfmt, fuzz targets", &mut format),
    ));
    verdicts.push(("clippy on the fuzz targets", clippy_for_the_fuzz_targets()));
    if ebpf {
        let mut format = command::cargo();
        format.current_dir(project::ebpf_crate()).args(["fmt", "--check"]);
        verdicts.push((
            "format of the XDP programs",
            check("rustfmt, XDP programs", &mut format),
        ));
        verdicts.push(("clippy on the XDP programs", clippy_for_the_kernel(&toolchain)));
    }
    verdicts.push(("licences", licences(ebpf)));
    verdicts.push(("spelling", tool("typos", &[])));
    verdicts.push(("format of TOML files", tool("taplo", &["fmt", "--check"])));
    Ok(summarise(&verdicts))
}

fn clippy() -> Verdict {
    let mut cargo = command::cargo();
    cargo.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    check("clippy", &mut cargo)
}

/// They are a workspace of their own, so nothing else tells when they no longer fit the crates that they call.
fn clippy_for_the_fuzz_targets() -> Verdict {
    let target = project::root().join("target");
    let mut cargo = command::cargo();
    cargo
        .args([
            "clippy",
            "--manifest-path",
            FUZZ_TARGETS,
            "--bins",
            "--target-dir",
        ])
        .arg(&target)
        .args(["--", "-D", "warnings"])
        // Nothing is linked, so libFuzzer need not be built.
        .env("CUSTOM_LIBFUZZER_PATH", target.join("libfuzzer.a"));
    check("clippy, fuzz targets", &mut cargo)
}

fn documentation() -> Verdict {
    let mut cargo = command::cargo();
    cargo
        .args(["doc", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings");
    check("rustdoc", &mut cargo)
}

/// Of both workspaces, by the same `deny.toml`. Advisories are left out: they change without the project.
fn licences(ebpf: bool) -> Verdict {
    let own = [Some("Cargo.toml"), ebpf.then_some("sensor-ebpf/Cargo.toml")];
    for manifest in own.into_iter().flatten() {
        let which = ["--manifest-path", manifest, "check"];
        match tool(
            "cargo-deny",
            &[which.as_slice(), &["bans", "licenses", "sources"]].concat(),
        ) {
            Verdict::Clean => {}
            other => return other,
        }
    }
    Verdict::Clean
}

/// Clippy is a part of its compiler, so the XDP programs take the clippy of theirs.
fn clippy_for_the_kernel(toolchain: &Toolchain) -> Verdict {
    let debian = packages::DEBIAN_CLIPPY;
    let from_debian = toolchain.compiler.origin == Origin::Debian;
    if from_debian && !debian.is_present() {
        return Verdict::Skipped(format!(
            "{} is missing: `cargo xtask setup` installs it",
            debian.package
        ));
    }
    // Variants for tests are features: each line is seen by one run or the other.
    for features in [None, Some("--all-features")] {
        let mut command = toolchain.cargo();
        if from_debian {
            command = through(&command, Path::new(debian.sign));
        }
        command.arg("clippy").args(Toolchain::target_arguments());
        command
            .arg("--target-dir")
            .arg(project::root().join("target/bpf-build"));
        command.args(features).args(["--release", "--", "-D", "warnings"]);
        if let Verdict::Failed = check("clippy, XDP programs", &mut command) {
            return Verdict::Failed;
        }
    }
    Verdict::Clean
}

/// The same command with another program: same folder, same changes to the environment.
fn through(command: &Command, program: &Path) -> Command {
    let mut changed = Command::new(program);
    if let Some(folder) = command.get_current_dir() {
        changed.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => changed.env(name, value),
            None => changed.env_remove(name),
        };
    }
    changed
}

/// A linter that is used where it is installed.
fn tool(program: &str, arguments: &[&str]) -> Verdict {
    let Some(file) = project::find_program(program) else {
        let package = match program {
            "typos" => "typos-cli",
            "taplo" => "taplo-cli",
            other => other,
        };
        return Verdict::Skipped(format!(
            "{program} is not installed: `cargo install --locked {package}`"
        ));
    };
    let mut command = Command::new(file);
    check(program, command.current_dir(project::root()).args(arguments))
}

fn check(title: &str, command: &mut Command) -> Verdict {
    progress::step(title);
    match command::run(command) {
        Ok(()) => Verdict::Clean,
        Err(error) => {
            eprintln!("error: {error:#}");
            Verdict::Failed
        }
    }
}

fn summarise(verdicts: &[(&str, Verdict)]) -> bool {
    progress::step("lint");
    for (name, verdict) in verdicts {
        match verdict {
            Verdict::Clean => eprintln!("   {name}: clean"),
            Verdict::Failed => eprintln!("   {name}: FAILED"),
            Verdict::Skipped(reason) => eprintln!("   {name}: not checked, {reason}"),
        }
    }
    !verdicts
        .iter()
        .any(|(_, verdict)| matches!(verdict, Verdict::Failed))
}
