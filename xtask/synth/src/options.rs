//! The command line of the generator, known to `cargo xtask` too.

use std::{ffi::OsString, path::PathBuf};

/// Make records of two quarters with planted events, and the truth about them.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where the records go: a directory that is not there yet, or is empty.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The later of the two quarters.
    #[arg(long, value_name = "QUARTER", default_value = "2022Q4")]
    pub quarter: String,
    /// The same seed gives the same rows.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Packets of what sensors of that size would get; 1 is some 200 an hour and address.
    #[arg(long, default_value_t = 0.1)]
    pub scale: f64,
    /// Months of daily tables, the two quarters among them; 0 for none before these.
    #[arg(long, value_name = "MONTHS", default_value_t = 27)]
    pub history: u32,
    /// Four sensors of one address instead of twenty up to a /16.
    #[arg(long)]
    pub small: bool,
    /// Plant no events.
    #[arg(long)]
    pub quiet: bool,
}

impl Options {
    /// The same as arguments of a command.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["--out".into(), self.out.clone().into()];
        for (name, value) in [
            ("--quarter", self.quarter.clone()),
            ("--seed", self.seed.to_string()),
            ("--scale", self.scale.to_string()),
            ("--history", self.history.to_string()),
        ] {
            arguments.extend([name.into(), value.into()]);
        }
        for (name, on) in [("--small", self.small), ("--quiet", self.quiet)] {
            if on {
                arguments.push(name.into());
            }
        }
        arguments
    }
}
