//! The command `teiten`.

mod cli;

use std::{
    io::{self, BufWriter, Write as _},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};
use cli::{
    CheckArguments, Cli, Command, ConfigCommand, Lang, NoticeArguments, ReplayArguments, RunArguments,
    SamplesCommand,
};
use sensor_evidence::notice::{Filter, Language};
use teiten::{
    check::{self, Places, Plan},
    config::{Config, ConfigError, FileConfig, TEMPLATE, check_id, debian_regions, parse_prefix},
    notice,
    region::{RegionSources, RegionTable},
    replay::Replay,
    samples::commands,
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
        Command::Check(arguments) => fitness(&arguments),
        Command::Replay(arguments) => replay(&arguments),
        Command::Top(arguments) => teiten::top::run(&arguments.into_options()),
        Command::Notice(arguments) => write_notice(&arguments),
        Command::Samples { command } => samples(&command),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "teiten", &mut io::stdout());
            Ok(())
        }
        Command::Man { directory } => man_pages(&directory),
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

fn write_notice(arguments: &NoticeArguments) -> anyhow::Result<()> {
    let question = notice::Question {
        records: arguments.records.clone(),
        since: arguments.since,
        until: arguments.until,
        filter: Filter {
            region: arguments.region.map(|region| region.code().to_owned()),
            network: arguments.network,
            system: arguments.system,
            tool: arguments.tool.clone(),
            without_research: arguments.without_research,
        },
        systems: arguments.asn.clone().map(|asn| RegionSources {
            regions: debian_regions(),
            systems: Some(asn),
        }),
        research: arguments.research.clone(),
        form: arguments.format,
        language: match arguments.lang {
            Lang::Ja => Language::Japanese,
            Lang::En => Language::English,
        },
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let told = notice::tell(&question, &mut out)?;
    out.flush()?;
    eprintln!(
        "teiten: {} packets of {} networks; {} packets of these hours are in rows that name no source",
        told.packets, told.networks, told.without_source
    );
    Ok(())
}

fn samples(command: &SamplesCommand) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match command {
        SamplesCommand::List { files } => commands::list(files, &mut out)?,
        SamplesCommand::Show { files, json } => commands::show(files, *json, &mut out)?,
        SamplesCommand::Export { files, to, anonymise } => {
            let exported = commands::export(files, to, anonymise.as_deref())?;
            writeln!(out, "{} packets in {}", exported.packets, to.display())?;
            if exported.left_out > 0 {
                writeln!(
                    out,
                    "{} packets without a whole IP header were left out: what is in them cannot be told",
                    exported.left_out
                )?;
            }
        }
    }
    out.flush()?;
    Ok(())
}

/// A page for the command, and one for each of its commands.
fn man_pages(directory: &Path) -> anyhow::Result<()> {
    clap_mangen::generate_to(Cli::command(), directory).with_context(|| {
        format!(
            "writing man pages to {}: is it a folder that you may write to?",
            directory.display()
        )
    })
}

fn load(file: &Path) -> Result<Config, ConfigError> {
    Config::load(Some(file), FileConfig::default())
}

/// Looks at the host, and fails where the sensor would not run.
fn fitness(arguments: &CheckArguments) -> anyhow::Result<()> {
    let file = arguments.run.config.as_deref();
    let (config, asked) = Config::load_in_part(file, arguments.run.to_file_config())?;
    let mut plan = Plan::of(&config, file);
    plan.regions = Some(RegionSources {
        regions: config.region_country.clone(),
        systems: config.region_asn.clone(),
    });
    if !asked.interfaces {
        plan.interfaces.clear();
    }
    if !asked.watch {
        plan.watch.clear();
    }
    let report = check::look(&plan, &Places::default());
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{report}")?;
    }
    anyhow::ensure!(
        report.fit,
        "this host is not fit for the sensor: see the errors above"
    );
    Ok(())
}

fn sensor(arguments: &RunArguments) -> anyhow::Result<()> {
    let config = Config::load(arguments.config.as_deref(), arguments.to_file_config())?;
    teiten::logging::start(&config)?;
    teiten::run::run(
        &config,
        arguments.config.as_deref(),
        arguments.object.clone(),
        arguments.discard_pins,
    )
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
        sensor: check_id(Some(arguments.id.clone()))?,
        records: arguments.records.clone(),
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
