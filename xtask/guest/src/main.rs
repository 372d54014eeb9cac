//! The program that a virtual machine of `cargo xtask vm` runs: the sensor on that machine's kernel, check by check.

mod checks;
mod link;
mod load;
mod machine;
mod privilege;
mod report;

use std::{path::Path, process::ExitCode, time::Instant};

use anyhow::{Result, ensure};

use crate::{
    checks::{ALL, Check, UNDER_SYSTEMD},
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
    // As systemd has it for programs that want to know (sd_booted(3)).
    let all: &[Check] = if Path::new("/run/systemd/system").exists() {
        &UNDER_SYSTEMD
    } else {
        &ALL
    };
    let checks: Vec<&Check> = all.iter().filter(|check| machine.wants(check.name)).collect();
    ensure!(!checks.is_empty(), "there is no check of that name");
    let mut report = Report::begin(&machine, &checks)?;
    for check in checks {
        let begun = Instant::now();
        let result = (check.run)(&machine);
        report.check(check, &result, begun.elapsed())?;
    }
    report.end()
}
