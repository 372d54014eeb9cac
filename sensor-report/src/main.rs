//! `teiten-report`: reports and questions over the records of sensors.

mod cli;
mod commands;

use std::process::ExitCode;

use clap::Parser as _;

/// What could not be done; clap itself ends with 2 for wrong usage.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    match commands::run(cli::Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}
