//! `cargo xtask demo`: the real sensor against packets of known number.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use sensor_lab::demo::{
    self,
    interrupt::{Interrupt, Interrupted},
    options::{EXIT_STATUS, Options},
    report::Report,
};

/// Send packets of known number to the real sensor, and hold everything that it counts against what was sent
#[derive(Parser)]
#[command(name = "cargo xtask demo", bin_name = "cargo xtask demo", after_help = EXIT_STATUS)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything is as it should be.
fn run(options: &Options) -> Result<bool> {
    options.check_or_exit();
    // Before signals are only noted: whoever waits for another run's end can still be interrupted.
    let lock = demo::lock()?;
    let interrupt = Interrupt::install()?;
    let result = demo::run(options, &lock, &interrupt);
    drop(lock);
    if interrupt.signal().is_some() {
        eprintln!("{Interrupted}: the sensor, its namespaces and its files are gone");
        interrupt.end_process();
    }
    let report = result?;
    print(options, &report).context("the result cannot be shown")?;
    Ok(report.is_good())
}

fn print(options: &Options, report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if options.json {
        writeln!(out, "{}", report.to_json())?;
    } else {
        writeln!(out, "\n{report}")?;
    }
    out.flush()
}
