//! The command `teiten`.

mod cli;

use std::{path::Path, process::ExitCode};

use clap::Parser as _;
use cli::{Cli, Command, ConfigCommand, RunArguments};
use teiten::config::{Config, ConfigError, FileConfig, TEMPLATE};

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
    teiten::run::run(&config, arguments.object.clone())
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
