//! Whether the kernel takes the programs, and what that costs its verifier.

use anyhow::{Context as _, Result, bail, ensure};
use sensor_common::names;
use sensor_lab::watched::CASE_PREFIXES;
use serde_json::json;
use teiten::kernel::{KernelError, Object};

use super::{Finding, sensor::Plan};
use crate::machine::Machine;

/// Instructions that the verifier of any kernel may go through: half of what it gives up at.
const BUDGET: u32 = 500_000;

/// The program for frames in one buffer.
pub fn plain(_: &Machine) -> Result<Finding> {
    counted(instructions(names::PROGRAM))
}

/// The program for frames in several buffers, which older kernels refuse: the sensor is loaded all the same.
pub fn frags(machine: &Machine) -> Result<Finding> {
    match instructions(names::PROGRAM_FRAGS) {
        Err(Refusal::OfProgram(_)) if !machine.has(Machine::FRAGS_AND_LIVE_FRAMES) => {
            Ok(Finding::Absent("from 5.18 on".to_owned()))
        }
        result => counted(result),
    }
}

/// The program that empties the caches.
pub fn flush(_: &Machine) -> Result<Finding> {
    counted(instructions(names::FLUSH))
}

/// Why there is no count.
pub(super) enum Refusal {
    /// Nothing could be loaded.
    OfSensor(anyhow::Error),
    /// This program alone is not there.
    OfProgram(KernelError),
}

fn instructions(program: &'static str) -> Result<Option<u32>, Refusal> {
    let object = Object::embedded();
    // With IPv6 among the watched addresses: the verifier skips what can never be reached.
    let plan = Plan {
        watch: &CASE_PREFIXES,
        ..Plan::of(&object)
    };
    let mut sensor = plan.load().map_err(Refusal::OfSensor)?;
    sensor.verified_instructions(program).map_err(Refusal::OfProgram)
}

/// Holds a program's cost to the budget.
pub(super) fn counted(result: Result<Option<u32>, Refusal>) -> Result<Finding> {
    match result {
        Ok(Some(count)) => {
            ensure!(
                (1..=BUDGET).contains(&count),
                "the verifier went through {count} instructions: the budget is {BUDGET}"
            );
            Ok(Finding::passed(
                count.to_string(),
                [("instructions", json!(count))],
            ))
        }
        // Linux 5.16 was the first to count.
        Ok(None) => Ok(Finding::passed("accepted, not counted", [])),
        Err(Refusal::OfSensor(error)) => Err(error),
        Err(Refusal::OfProgram(error)) => bail!(error),
    }
    .context("the verifier")
}
