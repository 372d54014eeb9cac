//! `cargo xtask bench`: what everything costs, part by part.

use std::{fmt, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use sensor_lab::{
    artefacts,
    bench::{
        self, Document, KernelOptions, LiveOptions, Measured, MemoryOptions, Programs, ReplayOptions,
        ReportOptions, ScrapeOptions, StartOptions,
    },
    live::{PROFILES, Profile, parse_profile},
    network::Lab,
};
use serde::Serialize;

/// Measure what something costs. Figures from a machine that does other work meanwhile mean nothing: the report says so.
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// The sensor's program alone, by `BPF_PROG_TEST_RUN`, what the verifier went through, and what the maps take
    ///
    /// This understates what packets of random sources cost: their counters and flows are more often in the CPU's
    /// caches than behind a network interface. `live` does not.
    Kernel(Kernel),
    /// Frames dropped by a bare program, sent nowhere, and counted by the whole sensor or by its peers, in turns
    ///
    /// Frames are generated on the first CPU; the daemon is free to run on the others.
    Live(Live),
    /// Scrapes at rest and during a flood
    Scrape(Common),
    /// From the daemon's start until it counts
    Start(Common),
    /// What the daemon keeps in memory under millions of sources
    Memory(Common),
    /// Captures, beside tcpdump, tshark and capinfos
    Replay(Replay),
    /// Questions and the report over a quarter of 20 sensors, beside DuckDB
    Report(Report),
    /// A benchmark that is a program of its own
    #[command(hide = true)]
    External(External),
    /// The document of all results
    #[command(hide = true)]
    Document(Documents),
}

#[derive(Args)]
struct Common {
    /// Few rounds: only to see that it works
    #[arg(long)]
    quick: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Kernel {
    #[command(flatten)]
    common: Common,
    /// Measurements of each
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// The sensor's object file
    #[arg(long, value_name = "FILE")]
    object: Option<PathBuf>,
}

#[derive(Args)]
struct Live {
    #[command(flatten)]
    common: Common,
    /// Measurements of each
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Frames of each measurement
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
    /// What they are like; may be given several times. All but the single flow without it
    #[arg(long, value_name = PROFILES, value_parser = parse_profile)]
    profile: Vec<Profile>,
    /// On how many CPUs frames are generated
    #[arg(long, value_name = "N", default_value_t = 1)]
    cpus: usize,
    /// Leave out what operators use today
    #[arg(long)]
    no_peers: bool,
}

#[derive(Args)]
struct Replay {
    #[command(flatten)]
    common: Common,
    /// Packets of the capture
    #[arg(long, value_name = "N")]
    packets: Option<u64>,
    /// Where it lies, or is made
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    folder: PathBuf,
}

#[derive(Args)]
struct Report {
    #[command(flatten)]
    common: Common,
    /// The records, of `cargo xtask synth`
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The program that reports, with SQL compiled in
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// A Python that has DuckDB
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
}

#[derive(Args)]
struct External {
    #[command(flatten)]
    common: Common,
    /// How it is called
    name: String,
    /// The benchmark
    program: PathBuf,
}

#[derive(Args)]
struct Documents {
    /// What was measured, of `cargo xtask bench all`
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The folder of documents to be written; nothing is written without it, and the table is printed
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// The profiles that results are quoted for.
const USUAL: [Profile; 5] = [
    Profile::Skewed,
    Profile::Medium,
    Profile::LogUniform,
    Profile::Uniform,
    Profile::Ipv6Mix,
];

fn main() -> ExitCode {
    match run(Arguments::parse().part) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(part: Part) -> Result<()> {
    match part {
        Part::Kernel(options) => kernel(options),
        Part::Live(options) => live(&options),
        Part::Scrape(common) => {
            let options = ScrapeOptions {
                scrapes: if common.quick { 100 } else { 500 },
                programs: programs()?,
            };
            in_lab("scrape", &common, |lock| bench::measure_scrapes(lock, &options))
        }
        Part::Start(common) => {
            let options = StartOptions {
                rounds: if common.quick { 3 } else { 9 },
                programs: programs()?,
            };
            in_lab("start", &common, |lock| bench::measure_starts(lock, &options))
        }
        Part::Memory(common) => {
            let options = MemoryOptions {
                sources: if common.quick { 2_000_000 } else { 10_000_000 },
                programs: programs()?,
            };
            in_lab("memory", &common, |lock| bench::measure_memory(lock, &options))
        }
        Part::Replay(options) => {
            let replay = ReplayOptions {
                packets: options.packets.unwrap_or(if options.common.quick {
                    1_000_000
                } else {
                    4_000_000
                }),
                rounds: if options.common.quick { 2 } else { 5 },
                folder: options.folder,
                program: artefacts::daemon()?,
            };
            measure("replay", &options.common, || bench::measure_replay(&replay))
        }
        Part::Report(options) => {
            let report = ReportOptions {
                rounds: if options.common.quick { 1 } else { 5 },
                directory: options.data,
                program: options.program,
                python: options.python,
            };
            measure("report", &options.common, || bench::measure_report(&report))
        }
        Part::External(External {
            common,
            name,
            program,
        }) => {
            let name = if name == "drain" { "drain" } else { "region" };
            measure(name, &common, || bench::measure_external(&program, common.json))
        }
        Part::Document(options) => document(&options),
    }
}

fn programs() -> Result<Programs> {
    Ok(Programs {
        daemon: artefacts::daemon()?,
        generator: artefacts::object("generator.o")?,
    })
}

fn kernel(options: Kernel) -> Result<()> {
    let quick = options.common.quick;
    let kernel = KernelOptions {
        rounds: options.rounds.unwrap_or(if quick { 3 } else { 11 }).into(),
        sensor: options.object.map_or_else(|| artefacts::object("sensor.o"), Ok)?,
        generator: artefacts::object("generator.o")?,
    };
    measure("kernel", &options.common, || bench::measure_kernel(&kernel))
}

fn live(options: &Live) -> Result<()> {
    let quick = options.common.quick;
    let live = LiveOptions {
        rounds: options.rounds.unwrap_or(if quick { 2 } else { 5 }).into(),
        frames: options.frames.unwrap_or(if quick { 500_000 } else { 2_000_000 }),
        cpus: options.cpus,
        profiles: if options.profile.is_empty() {
            USUAL.into()
        } else {
            options.profile.clone()
        },
        peers: !options.no_peers,
        programs: programs()?,
    };
    let style = ProgressStyle::with_template("{bar:40} {pos} measurements ({elapsed}) {msg:.dim}")?;
    let bar = ProgressBar::new_spinner().with_style(style);
    bar.enable_steady_tick(Duration::from_millis(120));
    let name = if live.cpus == 1 { "live" } else { "scaling" };
    let measured = in_lab(name, &options.common, |lock| {
        bench::measure_live(lock, &live, &|profile| {
            bar.set_message(profile.name());
            bar.inc(1);
        })
    });
    bar.finish_and_clear();
    measured
}

/// Measures with test networks.
fn in_lab<T: Serialize + fmt::Display>(
    part: &'static str,
    common: &Common,
    measured: impl FnOnce(&sensor_lab::network::LabLock) -> Result<T>,
) -> Result<()> {
    Lab::clean_up_on_signals()?;
    let lock = Lab::lock()?;
    measure(part, common, || measured(&lock))
}

fn measure<T: Serialize + fmt::Display>(
    part: &'static str,
    common: &Common,
    measured: impl FnOnce() -> Result<T>,
) -> Result<()> {
    let measured = Measured::take(part, common.quick, measured)?;
    if common.json {
        println!("{}", serde_json::to_string_pretty(&measured)?);
    } else {
        println!("{measured}");
    }
    Ok(())
}

fn document(options: &Documents) -> Result<()> {
    let document = Document::read(&options.from)?;
    if let Some(folder) = &options.write {
        bench::write_document(&document, folder)?;
    }
    print!("{}", document.table()?);
    Ok(())
}
