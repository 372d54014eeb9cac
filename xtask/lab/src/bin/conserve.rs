//! `cargo xtask conserve`: holds the law of conservation against a flood of known size.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use sensor_lab::{
    artefacts,
    conserve::{self, Event, Options, Stop},
    daemon::{Mode, Settings},
    live::{PROFILES, Profile, parse_profile},
    network::Lab,
};

/// Flood the real sensor with frames of known number, and print every term of the law of conservation.
///
/// The exit status is 1 when one of the differences is not 0.
#[derive(Parser)]
#[command(name = "cargo xtask conserve", bin_name = "cargo xtask conserve")]
struct Arguments {
    /// How many frames are sent
    #[arg(long, value_name = "N", default_value_t = 20_000_000)]
    frames: u64,
    /// What they are like
    #[arg(long, value_name = PROFILES, default_value = "uniform", value_parser = parse_profile)]
    profile: Profile,
    /// Size of the ring of records, a power of two, as in "4KiB"; the sensor's own default otherwise
    #[arg(long, value_name = "SIZE")]
    ring: Option<String>,
    /// Slots of each CPU's flow cache, a power of two; the sensor's own default otherwise
    #[arg(long, value_name = "N")]
    flow_slots: Option<u32>,
    /// On how many CPUs frames are generated
    #[arg(long, value_name = "N", default_value_t = 2)]
    cpus: usize,
    /// Stop the daemon for so many seconds when half of the frames are sent
    #[arg(long, value_name = "SECONDS")]
    stop_for: Option<f64>,
    /// Where the sensor's program runs
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// How often the sensor flushes
    #[arg(long, value_name = "TIME", default_value = "1s")]
    flush_interval: String,
    /// Another sensor than the one in the daemon, to be held against the same law
    #[arg(long, value_name = "FILE")]
    object: Option<PathBuf>,
    /// A configuration of the sensor, for example one that samples every packet; what is said here goes before it
    #[arg(long, value_name = "FILE")]
    configuration: Option<PathBuf>,
    /// Print how much memory the daemon takes meanwhile
    #[arg(long)]
    rss: bool,
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

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the law holds.
fn run(arguments: Arguments) -> Result<bool> {
    let json = arguments.json;
    let options = options(arguments)?;
    Lab::clean_up_on_signals()?;
    let lock = Lab::lock()?;
    let bar = progress_bar(options.frames)?;
    let report = conserve::run(&lock, &options, &|event| match event {
        Event::Flood => bar.set_message("sending"),
        Event::Frames(frames) => bar.inc(frames),
        Event::Rest => bar.set_message("waiting for the sensor to come to rest"),
    });
    bar.finish_and_clear();
    let report = report?;
    if json {
        println!("{:#}", report.to_json()?);
    } else {
        println!("{report}");
    }
    Ok(report.holds())
}

fn options(arguments: Arguments) -> Result<Options> {
    Ok(Options {
        frames: arguments.frames,
        profile: arguments.profile,
        cpus: arguments.cpus,
        stop: arguments
            .stop_for
            .map(Duration::try_from_secs_f64)
            .transpose()?
            .map(|length| Stop { length }),
        memory: arguments.rss,
        daemon: Settings {
            mode: arguments.mode,
            ring_size: arguments.ring,
            flow_slots: arguments.flow_slots,
            flush_interval: Some(arguments.flush_interval),
            object: arguments.object,
            configuration: arguments.configuration,
            ..Settings::default()
        },
        program: arguments.daemon.map_or_else(artefacts::daemon, Ok)?,
        generator: arguments
            .generator
            .map_or_else(|| artefacts::object("generator.o"), Ok)?,
    })
}

/// A bar on a terminal, and nothing elsewhere.
fn progress_bar(frames: u64) -> Result<ProgressBar> {
    let style =
        ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} frames ({elapsed}) {msg:.dim}")?;
    let bar = ProgressBar::new(frames).with_style(style);
    bar.set_message("starting the sensor");
    bar.enable_steady_tick(Duration::from_millis(120));
    Ok(bar)
}
