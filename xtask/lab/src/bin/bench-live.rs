//! `cargo xtask bench live`: what a frame costs in the whole sensor, beside one that is only dropped.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use sensor_lab::{
    artefacts,
    bench::{self, LiveOptions},
    live::{PROFILES, Profile, parse_profile},
    network::Lab,
};

/// Measure what a frame costs: dropped by a bare program, generated and sent nowhere, counted by the whole sensor.
///
/// Frames are generated on the first CPU; the daemon is free to run on the others. The three take turns, round by
/// round. Figures from a machine that does other work meanwhile mean nothing: the report says so.
#[derive(Parser)]
#[command(name = "cargo xtask bench live", bin_name = "cargo xtask bench live")]
struct Arguments {
    /// Measurements of each
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Frames of each measurement
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    frames: u64,
    /// What they are like; may be given several times. All four usual ones without it
    #[arg(long, value_name = PROFILES, value_parser = parse_profile)]
    profile: Vec<Profile>,
    /// On how many CPUs frames are generated
    #[arg(long, value_name = "N", default_value_t = 1)]
    cpus: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The daemon
    #[arg(long, value_name = "FILE", hide = true)]
    daemon: Option<PathBuf>,
    /// The generator's object file
    #[arg(long, value_name = "FILE", hide = true)]
    generator: Option<PathBuf>,
}

/// The profiles that results are quoted for.
const USUAL: [Profile; 4] = [
    Profile::Skewed,
    Profile::Medium,
    Profile::LogUniform,
    Profile::Uniform,
];

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
    let options = LiveOptions {
        rounds: arguments.rounds.into(),
        frames: arguments.frames,
        cpus: arguments.cpus,
        profiles: if arguments.profile.is_empty() {
            USUAL.into()
        } else {
            arguments.profile
        },
        program: arguments.daemon.map_or_else(artefacts::daemon, Ok)?,
        generator: arguments
            .generator
            .map_or_else(|| artefacts::object("generator.o"), Ok)?,
    };
    Lab::clean_up_on_signals()?;
    let lock = Lab::lock()?;
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} measurements ({elapsed}) {msg:.dim}")?;
    let measurements = options.profiles.len() * options.rounds * 3;
    let bar = ProgressBar::new(measurements as u64).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(120));
    let costs = bench::measure_live(&lock, &options, &|profile| {
        bar.set_message(profile.name());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let costs = costs?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&costs)?);
    } else {
        println!("{costs}");
    }
    Ok(())
}
