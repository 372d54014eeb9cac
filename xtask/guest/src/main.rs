//! The program that a virtual machine of `cargo xtask vm` runs: the sensor on that machine's kernel, check by check.

mod checks;
mod link;
mod load;
mod machine;
mod report;

use std::{process::ExitCode, time::Instant};

use anyhow::{Result, ensure};

use crate::{
    checks::{ALL, Check},
    machine::Machine,
    report::Report,
};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether no check failed.
fn run() -> Result<bool> {
    let machine = Machine::of_this_program()?;
    let checks: Vec<&Check> = ALL.iter().filter(|check| machine.wants(check.name)).collect();
    ensure!(!checks.is_empty(), "there is no check of that name");
    let mut report = Report::begin(&machine, &checks)?;
    for check in checks {
        let begun = Instant::now();
        let result = (check.run)(&machine);
        report.check(check, &result, begun.elapsed())?;
    }
    report.end()
}
