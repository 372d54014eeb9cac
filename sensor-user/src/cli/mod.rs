//! The command line.

mod evidence;
mod run;
mod top;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use teiten::config::FileConfig;

pub use self::{
    evidence::{Lang, NoticeArguments, SamplesCommand},
    run::RunArguments,
    top::TopArguments,
};
use self::{
    evidence::{NOTICE_EXAMPLES, SAMPLES_EXAMPLES},
    run::RUN_EXAMPLES,
    top::TOP_EXAMPLES,
};

/// A network-telescope sensor: counts every packet that reaches addresses nobody asked for.
#[derive(Debug, Parser)]
#[command(
    name = "teiten",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the sensor until it is interrupted
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunArguments>),
    /// Count the packets of capture files, as the sensor would have
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArguments),
    /// Say whether this host is fit for the sensor, and what to do where it is not
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Box<CheckArguments>),
    /// Look at a running sensor
    #[command(after_help = TOP_EXAMPLES)]
    Top(TopArguments),
    /// Look at samples of packets, and hand them on
    #[command(after_help = SAMPLES_EXAMPLES)]
    Samples {
        /// What to do with them.
        #[command(subcommand)]
        command: SamplesCommand,
    },
    /// Write what the records tell of networks, for their owners
    #[command(after_help = NOTICE_EXAMPLES)]
    Notice(Box<NoticeArguments>),
    /// Say what is pinned and attached, and whether a sensor works with it
    Status(PinArguments),
    /// Take the program off every interface, and remove what is pinned: the totals end
    Detach(PinArguments),
    /// Work with configuration files
    #[command(after_help = CONFIG_EXAMPLES)]
    Config {
        /// What to do with it.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print the completions of a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write the man pages
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// Where to; a file for each command
        directory: PathBuf,
    },
}

/// What to do with a configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print a configuration with every key, its meaning and its default
    Init,
    /// Say whether a configuration is valid
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Print what a configuration comes to, defaults included, as JSON
    Show {
        /// The file.
        file: PathBuf,
    },
}

const CHECK_EXAMPLES: &str = "Examples:
  teiten check --interface eth0
  teiten check --config /etc/teiten/teiten.toml --json

Exit status 1 when there is an error; warnings alone are 0.";

const REPLAY_EXAMPLES: &str = "Examples:
  teiten replay --watch 198.51.100.0/24 monday.pcap.zst tuesday.pcapng
  tcpdump -w - -r day.pcap port 23 | teiten replay --json -

Exit status 1 when a file could not be read to its end; what came before is counted all the same.";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  teiten completions bash > /usr/share/bash-completion/completions/teiten
  teiten completions zsh > /usr/share/zsh/vendor-completions/_teiten";

const CONFIG_EXAMPLES: &str = "Examples:
  teiten config init > teiten.toml
  teiten config check /etc/teiten/teiten.toml
  teiten config show /etc/teiten/teiten.toml | jq .watch";

const MAN_EXAMPLES: &str = "Examples:
  mkdir man && teiten man man && man -l man/teiten-run.1";

/// What `replay` reads.
#[derive(Args, Debug)]
pub struct ReplayArguments {
    /// Capture files: pcap or pcapng, plain, gzip or zstd; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Addresses to observe; may be given several times. Default: all
    #[arg(long, short, value_name = "CIDR", value_delimiter = ',')]
    pub watch: Vec<String>,
    /// Write records into this directory, over none that are there
    #[arg(long, value_name = "DIR")]
    pub records: Option<PathBuf>,
    /// Print the snapshot, every row of it, as JSON
    #[arg(long)]
    pub json: bool,
    /// The sensor's id in the snapshot
    #[arg(long, value_name = "ID", default_value = "replay")]
    pub id: String,
    /// Country databases. Default: Debian's, where they are installed
    #[arg(long, value_name = "FILE")]
    pub regions: Vec<PathBuf>,
}

/// What `check` looks at.
#[derive(Args, Debug)]
pub struct CheckArguments {
    /// What `run` would be told.
    #[command(flatten)]
    pub run: RunArguments,
    /// Print the findings as JSON
    #[arg(long)]
    pub json: bool,
}

/// Whose pins.
#[derive(Args, Debug)]
pub struct PinArguments {
    /// Configuration file of the sensor
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The sensor's id. Default: that of the configuration, or the host's name
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Where maps and attachments are pinned
    #[arg(long, value_name = "DIR")]
    pub pin_directory: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

impl PinArguments {
    /// The flags in the shape of a configuration file.
    pub fn to_file_config(&self) -> FileConfig {
        let mut file = FileConfig::default();
        file.sensor.id.clone_from(&self.id);
        file.kernel.pin_directory.clone_from(&self.pin_directory);
        file
    }
}
