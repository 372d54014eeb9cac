//! What the demo is asked for.
//!
//! `cargo xtask demo` compiles this file as well: it knows the options before anything of the demo is built.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, error::ErrorKind, value_parser};

/// Seconds of the scenario, without and with Prometheus and Alertmanager: their rules need a past of half a minute.
const SECONDS: u32 = 20;
const SECONDS_WITH_STACK: u32 = 80;
/// The shortest scenario in which a surge can be told from what is usual.
const LEAST_SECONDS_WITH_STACK: u32 = 70;
/// Packets a second below which the planted surge stays under the alerts' floor of 1,000 in ten seconds.
const LEAST_RATE_WITH_STACK: u64 = 1_000;

/// What comes after every help.
pub const EXIT_STATUS: &str =
    "Exit status 1 when a single packet is missing, counted twice or counted in the wrong place.";

/// The options.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long the scenario lasts [default: 20, with --stack 80]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=3_600))]
    seconds: Option<u32>,
    /// What is drawn: the same number gives the same packets
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many packets the scenario has
    #[arg(long, value_name = "N", default_value_t = 1_200_000, value_parser = value_parser!(u64).range(1_000..=1_000_000_000))]
    pub packets: u64,
    /// Print one JSON object on standard output, and nothing else
    #[arg(long)]
    pub json: bool,
    /// Start Prometheus and Alertmanager as well, and wait for the alerts of the planted surge
    #[arg(long)]
    pub stack: bool,
    /// The daemon
    #[arg(long, value_name = "FILE", hide = true)]
    pub daemon: Option<PathBuf>,
}

/// Options that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// There would be no past to tell a surge by.
    #[error(
        "--stack needs {LEAST_SECONDS_WITH_STACK} seconds or more, half of them quiet: a surge is told from the past. Leave \
         --seconds out"
    )]
    TooShort,
    /// The surge would be too small for an alert.
    #[error(
        "--stack needs {LEAST_RATE_WITH_STACK} packets a second or more, or the surge is too small for an alert: give more \
         --packets"
    )]
    TooFew,
}

impl Options {
    /// How long the scenario is meant to last.
    #[must_use]
    pub fn length(&self) -> Duration {
        let usual = if self.stack { SECONDS_WITH_STACK } else { SECONDS };
        Duration::from_secs(self.seconds.unwrap_or(usual).into())
    }

    /// The same as a command line.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |flag: &str, value: OsString| arguments.extend([flag.into(), value]);
        add("--seed", self.seed.to_string().into());
        add("--packets", self.packets.to_string().into());
        if let Some(seconds) = self.seconds {
            add("--seconds", seconds.to_string().into());
        }
        if let Some(daemon) = &self.daemon {
            add("--daemon", daemon.into());
        }
        let flags = [("--json", self.json), ("--stack", self.stack)];
        arguments.extend(
            flags
                .iter()
                .filter(|(_, set)| *set)
                .map(|(flag, _)| OsString::from(flag)),
        );
        arguments
    }

    /// Ends this process as for any other wrong usage, with status 2, when the options do not go together.
    pub fn check_or_exit(&self) {
        if let Err(error) = self.check() {
            clap::Error::raw(ErrorKind::ArgumentConflict, format!("{error}\n")).exit();
        }
    }

    /// Whether the options go together.
    ///
    /// # Errors
    /// They do not.
    pub fn check(&self) -> Result<(), OptionsError> {
        if !self.stack {
            return Ok(());
        }
        let seconds = self.length().as_secs();
        if seconds < LEAST_SECONDS_WITH_STACK.into() {
            return Err(OptionsError::TooShort);
        }
        if self.packets / seconds < LEAST_RATE_WITH_STACK {
            return Err(OptionsError::TooFew);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options<T: Clone + Into<OsString>>(arguments: &[T]) -> Options {
        let line = std::iter::once(OsString::from("demo")).chain(arguments.iter().cloned().map(Into::into));
        Line::parse_from(line).options
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Line::command().debug_assert();
    }

    #[test]
    fn options_survive_the_way_to_another_program() {
        for arguments in [
            &[][..],
            &["--json", "--seed", "7"],
            &["--stack", "--seconds", "90", "--packets", "2000000"],
            &["--daemon", "/a file"],
        ] {
            let options_there = options(arguments);
            assert_eq!(
                options(&options_there.arguments()),
                options_there,
                "{arguments:?}"
            );
        }
    }

    #[test]
    fn a_stack_gets_the_time_that_its_rules_need() {
        assert_eq!(options::<&str>(&[]).length(), Duration::from_secs(20));
        assert_eq!(options(&["--stack"]).length(), Duration::from_secs(80));
        for (arguments, expected) in [
            (["--seconds", "1", "--packets", "1000"].as_slice(), Ok(())),
            (&["--stack"], Ok(())),
            (&["--stack", "--seconds", "69"], Err(OptionsError::TooShort)),
            (&["--stack", "--packets", "79999"], Err(OptionsError::TooFew)),
            (&["--stack", "--packets", "80000"], Ok(())),
        ] {
            assert_eq!(options(arguments).check(), expected, "{arguments:?}");
        }
    }
}
