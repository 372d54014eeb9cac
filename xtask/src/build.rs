//! `cargo xtask build`: the XDP objects, then the programs that load them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{
    artifacts, command, progress, project,
    setup::{self, Need},
    toolchain::{self, Toolchain},
};

/// What the tests load, by program and cargo features. The first two are the product and its load generator.
const OBJECTS: [(&str, &[&str]); 3] = [("sensor", &[]), ("generator", &[]), ("sensor", &["fault-drop"])];

/// Build the XDP programs, then the user-space programs.
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Optimise the user-space programs. XDP programs are always optimised: the verifier takes no others.
    #[arg(long, short)]
    release: bool,
    /// Build these packages instead of the sensor alone.
    #[arg(long = "package", short, value_name = "NAME")]
    packages: Vec<String>,
    /// Build every package of the workspace.
    #[arg(long, conflicts_with = "packages")]
    workspace: bool,
}

/// Sets up, builds both sides, and says where they are.
///
/// # Errors
/// When something is missing and cannot be installed, or does not compile.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure(Need::Build, false)?;
    build_objects(|features| features.is_empty())?;
    progress::step("building the user-space programs");
    let mut cargo = command::cargo();
    cargo.arg("build");
    if arguments.release {
        cargo.arg("--release");
    }
    if arguments.workspace {
        cargo.arg("--workspace");
    } else if arguments.packages.is_empty() {
        cargo.args(["--package", "teiten"]);
    }
    for package in &arguments.packages {
        cargo.args(["--package", package]);
    }
    command::run(&mut cargo)
}

/// Builds the objects whose features are `wanted`, as far as the crate declares program and features.
///
/// # Errors
/// See [`build_object`].
pub(crate) fn build_objects(wanted: impl Fn(&[&str]) -> bool) -> Result<()> {
    let declared = Declared::read()?;
    for (program, features) in OBJECTS {
        if wanted(features) && declared.holds(program, features) {
            let object = build_object(program, features)?;
            eprintln!("   {}", object.display());
        }
    }
    Ok(())
}

/// Compiles one XDP program and lays its object into `target/bpf/`, for example `sensor-fault-drop.o`.
///
/// The file is only written when its content changes, so that what is built from it stays as it is.
///
/// # Errors
/// When there is no toolchain, or the program does not compile or link.
pub(crate) fn build_object(program: &str, features: &[&str]) -> Result<PathBuf> {
    let toolchain = toolchain::require()?;
    let name = object_name(program, features);
    progress::step(&format!("building {name} with {}", toolchain.compiler));
    let target = project::root().join("target/bpf-build");
    let mut cargo = toolchain.cargo();
    cargo
        .args(["build", "--release", "--bin", program])
        .args(Toolchain::target_arguments());
    cargo.arg("--target-dir").arg(&target);
    if !features.is_empty() {
        cargo.arg("--features").arg(features.join(","));
    }
    command::run(&mut cargo)?;
    let object = project::objects().join(name);
    copy_if_changed(&target.join("bpfel-unknown-none/release").join(program), &object)?;
    Ok(object)
}

fn object_name(program: &str, features: &[&str]) -> String {
    let mut parts = vec![program];
    parts.extend(features);
    parts.join("-") + ".o"
}

fn copy_if_changed(from: &Path, to: &Path) -> Result<()> {
    let content = fs::read(from).with_context(|| format!("{} was not built", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == content) {
        return Ok(());
    }
    fs::create_dir_all(project::objects()).context("the folder target/bpf/ cannot be made")?;
    // Whoever reads meanwhile gets the old object or the new one, whole.
    let aside = to.with_extension("o.new");
    fs::write(&aside, content)
        .and_then(|()| fs::rename(&aside, to))
        .with_context(|| format!("{} cannot be written", to.display()))
}

/// Compiles one program of the workspace and says where it is: for commands that run a program of the lab.
///
/// # Errors
/// When it does not compile, or there is no such program.
pub(crate) fn build_program(package: &str, name: &str, release: bool) -> Result<PathBuf> {
    progress::step(&format!("building {name}"));
    let mut cargo = command::cargo();
    cargo.args(["build", "--package", package, "--bin", name]);
    if release {
        cargo.arg("--release");
    }
    let programs = artifacts::compile(&mut cargo)?;
    let program = programs
        .into_iter()
        .find(|artifact| artifact.name == name && !artifact.test);
    program
        .map(|program| program.executable)
        .with_context(|| format!("{package} has no program {name}"))
}

/// What the crate of the XDP programs declares.
struct Declared {
    programs: Vec<String>,
    features: Vec<String>,
}

impl Declared {
    fn read() -> Result<Self> {
        let mut cargo = command::cargo_for_the_kernel();
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
        let Some(metadata) = command::output_of(&mut cargo) else {
            let manifest = project::ebpf_crate().join("Cargo.toml");
            bail!(
                "cargo cannot read {}; run `cargo metadata` there",
                manifest.display()
            );
        };
        let metadata: Value = serde_json::from_str(&metadata).context("cargo's metadata is no JSON")?;
        let targets = metadata.pointer("/packages/0/targets").and_then(Value::as_array);
        let features = metadata
            .pointer("/packages/0/features")
            .and_then(Value::as_object);
        let name = |target: &Value| Some(target.get("name")?.as_str()?.to_owned());
        Ok(Self {
            programs: targets.into_iter().flatten().filter_map(name).collect(),
            features: features
                .into_iter()
                .flatten()
                .map(|(name, _)| name.clone())
                .collect(),
        })
    }

    fn holds(&self, program: &str, features: &[&str]) -> bool {
        self.programs.iter().any(|name| name == program)
            && features
                .iter()
                .all(|feature| self.features.iter().any(|name| name == feature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_named_after_its_features() {
        assert_eq!(object_name("sensor", &[]), "sensor.o");
        assert_eq!(object_name("sensor", &["fault-drop"]), "sensor-fault-drop.o");
    }
}
