//! `cargo xtask conserve`: builds the sensor, and holds the law of conservation against a flood of known size.

use std::{ffi::OsString, path::PathBuf};

use anyhow::Result;

use crate::{
    build, command, progress, project,
    setup::{self, Need},
};

/// Flood the real sensor with frames of known number, and print every term of the law of conservation.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// See `cargo xtask conserve --help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    options: Vec<OsString>,
}

/// Builds everything optimised and runs the trial. Whether the law holds.
///
/// # Errors
/// When something does not compile, or this user cannot become root.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    let program = build_lab_program("conserve")?;
    Ok(command::run_elevated(&program, &arguments.options)?.success())
}

/// Builds the XDP programs, the daemon and one of the lab's programs, optimised. Gives the program.
///
/// # Errors
/// When something is missing and cannot be installed, or does not compile.
pub(crate) fn build_lab_program(name: &str) -> Result<PathBuf> {
    setup::ensure(Need::Run, false)?;
    for program in ["sensor", "generator"] {
        build::build_object(program, &[])?;
    }
    progress::step("building the daemon and the lab");
    command::run(command::cargo().args([
        "build",
        "--release",
        "--package",
        "teiten",
        "--package",
        "sensor-lab",
        "--bin",
        "teiten",
        "--bin",
        name,
    ]))?;
    Ok(project::root().join("target/release").join(name))
}
