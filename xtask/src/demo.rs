//! `cargo xtask demo`: sets up, builds the sensor, and becomes the demo.

// The demo's own file: its options are known, and refused, before minutes are spent on building what they are for.
#[path = "../lab/src/demo/options.rs"]
mod options;

use std::os::unix::process::CommandExt as _;

use anyhow::{Context as _, Result};

use self::options::{EXIT_STATUS, Options};
use crate::{
    command::{self, Elevation},
    conserve, project,
    setup::{self, Need},
};

/// Send packets of known number to the real sensor, and hold everything that it counts against what was sent.
#[derive(clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(crate) struct Arguments {
    /// Install what is missing without asking.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    options: Options,
}

/// Builds everything optimised, then runs the demo in this process's place: so a signal meets who has to clean up.
///
/// # Errors
/// When something does not compile, this user cannot become root, or the program cannot be started. It never returns
/// otherwise.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    arguments.options.check_or_exit();
    setup::ensure(Need::Run, arguments.yes)?;
    let program = conserve::build_lab_program("demo")?;
    let mut command = Elevation::find().command(&program, &[])?;
    command::clean_library_path(&mut command);
    command
        .args(arguments.options.arguments())
        .current_dir(project::root());
    Err(command.exec()).with_context(|| format!("{} could not be started", program.display()))
}
