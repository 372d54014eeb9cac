//! `cargo xtask synth`: builds the generator of records that never were, and becomes it.

// The generator's own file: its options are known, and refused, before minutes are spent on building what they are for.
#[path = "../synth/src/options.rs"]
mod options;

use std::{os::unix::process::CommandExt as _, process::Command};

use anyhow::{Context as _, Result};

use self::options::Options;
use crate::{build, command};

/// Make records of two quarters with planted events, and the truth about them.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    options: Options,
}

/// Builds the generator optimised, then runs it in this process's place.
///
/// # Errors
/// When it does not compile or cannot be started. It never returns otherwise.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    let program = build::build_program("sensor-synth", "synth", true)?;
    let mut command = Command::new(&program);
    command::clean_library_path(&mut command);
    command.args(arguments.options.arguments());
    Err(command.exec()).with_context(|| format!("{} could not be started", program.display()))
}
