//! The command `teiten`.

mod cli;

use std::{
    io::{self, BufWriter, Write as _},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use clap::Parser as _;
use cli::{Cli, Command, ConfigCommand, ReplayArguments, RunArguments};
use teiten::{
    config::{Config, ConfigError, FileConfig, TEMPLATE, debian_regions, parse_prefix},
    region::{RegionSources, RegionTable},
    replay::Replay,
};

/// Exit status of a usage that cannot be.
const WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("teiten: {}", one_line_each(&error));
            if error.is::<ConfigError>() {
                ExitCode::from(WRONG_USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Run(arguments) => sensor(&arguments),
        Command::Replay(arguments) => replay(&arguments),
        Command::Status(arguments) => {
            let place = Config::pin_place_of(arguments.config.as_deref(), arguments.to_file_config())?;
            let found = teiten::kernel::pins::survey(&place)?;
            teiten::status::print(&found, arguments.json, &mut io::stdout().lock())
        }
        Command::Detach(arguments) => {
            let place = Config::pin_place_of(arguments.config.as_deref(), arguments.to_file_config())?;
            let before = teiten::kernel::pins::detach(&place)?;
            teiten::status::print_detached(&before, arguments.json, &mut io::stdout().lock())
        }
        Command::Config { command } => match command {
            ConfigCommand::Init => {
                print!("{TEMPLATE}");
                Ok(())
            }
            ConfigCommand::Check { file } => {
                load(&file)?;
                println!("{} is valid", file.display());
                Ok(())
            }
            ConfigCommand::Show { file } => {
                println!("{}", serde_json::to_string_pretty(&load(&file)?)?);
                Ok(())
            }
        },
    }
}

fn load(file: &Path) -> Result<Config, ConfigError> {
    Config::load(Some(file), FileConfig::default())
}

fn sensor(arguments: &RunArguments) -> anyhow::Result<()> {
    let config = Config::load(arguments.config.as_deref(), arguments.to_file_config())?;
    teiten::logging::start(&config)?;
    teiten::run::run(&config, arguments.object.clone(), arguments.discard_pins)
}

fn replay(arguments: &ReplayArguments) -> anyhow::Result<()> {
    let watch = arguments.watch.iter().map(|text| parse_prefix(text));
    let files = if arguments.regions.is_empty() {
        debian_regions()
    } else {
        arguments.regions.clone()
    };
    let regions = if files.is_empty() {
        RegionTable::without_database()
    } else {
        RegionTable::load(&RegionSources {
            regions: files,
            systems: None,
        })?
    };
    let replayed = Replay {
        files: arguments.files.clone(),
        watch: watch.collect::<Result<_, _>>()?,
        regions: Arc::new(regions),
        sensor: arguments.id.clone(),
    }
    .run()?;
    let mut out = BufWriter::new(io::stdout().lock());
    if arguments.json {
        serde_json::to_writer(&mut out, &replayed.snapshot)?;
        writeln!(out)?;
    } else {
        teiten::replay::print(&replayed.snapshot, &mut out)?;
    }
    out.flush()?;
    for (link_type, packets) in &replayed.skipped {
        eprintln!("teiten: {packets} packets of link type {link_type} were skipped: it is not supported");
    }
    for error in &replayed.errors {
        eprintln!("teiten: {error}");
    }
    match replayed.errors.len() {
        0 => Ok(()),
        count => anyhow::bail!(
            "{count} of {} files could not be read to the end",
            arguments.files.len()
        ),
    }
}

/// The error and its causes, each said once.
fn one_line_each(error: &anyhow::Error) -> String {
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            said = format!("{said}\n  because: {cause}");
        }
    }
    said
}
