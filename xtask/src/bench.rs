//! `cargo xtask bench`: builds the sensor, and measures what a frame costs.

use std::ffi::OsString;

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::{command, conserve::build_lab_program};

/// Measure what a frame costs.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The whole sensor with live frames, beside a program that only drops.
    #[command(disable_help_flag = true)]
    Live(Options),
    /// The XDP program alone, what the verifier went through, and what the maps take.
    #[command(disable_help_flag = true)]
    Kernel(Options),
    /// What a record costs behind the ring, without a kernel and without root; `--json` for programs.
    #[command(disable_help_flag = true)]
    Drain(Options),
}

#[derive(clap::Args)]
struct Options {
    /// See `--help` of either.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    options: Vec<OsString>,
}

/// Builds everything optimised and measures.
///
/// # Errors
/// When something does not compile, this user cannot become root, or it cannot be measured.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (name, options) = match &arguments.what {
        What::Live(options) => ("bench-live", options),
        What::Kernel(options) => ("bench-kernel", options),
        What::Drain(options) => {
            let mut cargo = command::cargo();
            cargo.args(["bench", "--package", "teiten", "--bench", "drain", "--"]);
            return command::run(cargo.args(&options.options));
        }
    };
    let program = build_lab_program(name)?;
    let status = command::run_elevated(&program, &options.options)?;
    if !status.success() {
        bail!("the benchmark failed ({status})");
    }
    Ok(())
}
