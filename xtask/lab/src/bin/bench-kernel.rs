//! `cargo xtask bench kernel`: what a frame costs in the sensor's program alone, and what the program takes.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use sensor_lab::{
    artefacts,
    bench::{self, KernelOptions},
};

/// Measure the sensor's program alone, by `BPF_PROG_TEST_RUN`, and say what the verifier and the maps took.
///
/// This understates what packets of random sources cost: their counters and flows are more often in the CPU's caches
/// than behind a network interface. `cargo xtask bench live` does not.
#[derive(Parser)]
#[command(name = "cargo xtask bench kernel", bin_name = "cargo xtask bench kernel")]
struct Arguments {
    /// Measurements of each
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The sensor's object file
    #[arg(long, value_name = "FILE")]
    object: Option<PathBuf>,
    /// The generator's object file
    #[arg(long, value_name = "FILE", hide = true)]
    generator: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let costs = bench::measure_kernel(&KernelOptions {
        rounds: arguments.rounds.into(),
        sensor: arguments
            .object
            .map_or_else(|| artefacts::object("sensor.o"), Ok)?,
        generator: arguments
            .generator
            .map_or_else(|| artefacts::object("generator.o"), Ok)?,
    })?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&costs)?);
    } else {
        println!("{costs}");
    }
    Ok(())
}
