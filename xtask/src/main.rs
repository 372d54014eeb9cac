//! `cargo xtask`: every command that works on the project itself.

mod artifacts;
mod bench;
mod build;
mod command;
mod compare;
mod conserve;
mod debian_sources;
mod demo;
mod dist;
mod fuzz;
mod lint;
mod packages;
mod progress;
mod project;
mod results;
mod services;
mod setup;
mod synth;
mod test;
mod toolchain;
mod vm;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Every command that works on the project itself.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find, or install, what the project is built and tested with.
    Setup(setup::Arguments),
    /// Build the XDP programs, then the user-space programs.
    Build(build::Arguments),
    /// Send packets of known number to the real sensor, and hold every count against what was sent.
    Demo(demo::Arguments),
    /// Run the tests, those that need root included.
    Test(test::Arguments),
    /// Flood the real sensor with frames of known number, and hold every count against them.
    Conserve(conserve::Arguments),
    /// Measure what a frame costs: in the whole sensor, or in its XDP program alone.
    Bench(bench::Arguments),
    /// Feed made-up bytes to every reader of strangers' bytes.
    Fuzz(fuzz::Arguments),
    /// Hold `teiten replay` against tshark on the captures of Debian's source packages.
    Compare(compare::Arguments),
    /// Run the sensor on Debian's kernels, each in a virtual machine of its own.
    Vm(vm::Arguments),
    /// Make the Debian package, the archive, the lists of what is in them, and their checksums.
    Dist(dist::Arguments),
    /// Make records of two quarters that never were, with planted events and the truth about them.
    Synth(synth::Arguments),
    /// Write the names of services that reports print, from IANA's registry.
    Services(services::Arguments),
    /// Check format, lints, documentation, licences and spelling.
    Lint,
    /// What continuous integration runs: `lint`, then `test`.
    Ci,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the command found everything in order. An error is a command that could not do its work at all.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Setup(arguments) => setup::run(&arguments).map(|()| true),
        Command::Build(arguments) => build::run(&arguments).map(|()| true),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Conserve(arguments) => conserve::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments).map(|()| true),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Vm(arguments) => vm::run(&arguments),
        Command::Dist(arguments) => dist::run(&arguments).map(|()| true),
        Command::Synth(arguments) => synth::run(&arguments),
        Command::Services(arguments) => services::run(&arguments).map(|()| true),
        Command::Lint => lint::run(),
        Command::Ci => {
            // The tests' totals are what a reader looks for, so they come last; a failed lint does not hide them.
            let lint = lint::run();
            let test = test::run(&test::Arguments::of_continuous_integration())?;
            Ok(lint? && test)
        }
    }
}
