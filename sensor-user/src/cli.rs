//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use teiten::{
    config::{FileConfig, LogFormat, VerdictChoice},
    kernel::ModeChoice,
    top::{self, Endpoint},
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

/// What to do with samples.
#[derive(Debug, Subcommand)]
pub enum SamplesCommand {
    /// Say what lies in files of samples
    List {
        /// Files, or directories of them
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print a line for each packet; what strangers wrote is escaped
    Show {
        /// Files, or directories of them
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Write all packets into one new file
    Export {
        /// Files, or directories of them
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The new file
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Make it fit for sharing: no watched address can be found in it, sources keep their prefixes under this key
        #[arg(long, value_name = "KEYFILE")]
        anonymise: Option<PathBuf>,
    },
}

/// What `notice` tells, and of whom.
#[derive(Args, Debug)]
pub struct NoticeArguments {
    /// Directory of records
    #[arg(long, value_name = "DIR")]
    pub records: PathBuf,
    /// From the hour that begins then, as in 2026-11-01 or 2026-11-01T09:00:00Z (UTC where nothing is said)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: jiff::Timestamp,
    /// Up to the hour that begins then. Default: all there is
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<jiff::Timestamp>,
    /// Sources of this region
    #[arg(long, value_name = "CODE")]
    pub region: Option<teiten::region::Region>,
    /// Sources in this network
    #[arg(long, value_name = "CIDR")]
    pub network: Option<ipnet::IpNet>,
    /// Sources of this autonomous system; needs --asn
    #[arg(long = "as", value_name = "N", requires = "asn")]
    pub system: Option<u32>,
    /// Database of autonomous systems (`.mmdb`)
    #[arg(long, value_name = "FILE")]
    pub asn: Option<PathBuf>,
    /// Sources with the mark of this tool
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(
        sensor_common::tool::Tool::ALL.iter().map(|tool| tool.name())
    ))]
    pub tool: Option<String>,
    /// Leave out scanners that are known for research
    #[arg(long)]
    pub without_research: bool,
    /// Table of research scanners beside the built-in one, TOML
    #[arg(long, value_name = "FILE")]
    pub research: Option<PathBuf>,
    /// The form
    #[arg(long, value_enum, default_value_t)]
    pub format: teiten::notice::Form,
    /// The language of letters
    #[arg(long, value_enum, default_value_t)]
    pub lang: Lang,
}

/// The language of letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    /// Japanese
    #[default]
    Ja,
    /// English
    En,
}

/// A date, UTC, or a moment.
fn moment(text: &str) -> Result<jiff::Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let date: Result<jiff::civil::Date, _> = text.parse();
    date.ok()
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .map(|zoned| zoned.timestamp())
        .ok_or_else(|| format!("{text:?} is no time: write it as in 2026-11-01 or 2026-11-01T09:00:00Z"))
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

const RUN_EXAMPLES: &str = "Examples:
  teiten run --interface eth0 --watch 198.51.100.0/24
  teiten run --config /etc/teiten/teiten.toml --listen 0.0.0.0:10023
  curl -s http://127.0.0.1:10023/metrics";

const NOTICE_EXAMPLES: &str = "Examples:
  teiten notice --records /var/lib/teiten/records --region JP --tool mirai --since 2026-11-01
  teiten notice --records DIR --since 2026-11-01 --network 192.0.2.0/24 --format csv > event4_honeypot_darknet.csv

Watched addresses are in no notice. Packets of rows that name no source are counted on standard error.";

const SAMPLES_EXAMPLES: &str = "Examples:
  teiten samples list /var/lib/teiten/samples
  teiten samples show --json /var/lib/teiten/samples | jq 'select(.sip.tool)'
  (umask 077; openssl rand -hex 16 > share.key)
  teiten samples export /var/lib/teiten/samples --anonymise share.key --to shared.pcapng";

const CHECK_EXAMPLES: &str = "Examples:
  teiten check --interface eth0
  teiten check --config /etc/teiten/teiten.toml --json

Exit status 1 when there is an error; warnings alone are 0.";

const REPLAY_EXAMPLES: &str = "Examples:
  teiten replay --watch 198.51.100.0/24 monday.pcap.zst tuesday.pcapng
  tcpdump -w - -r day.pcap port 23 | teiten replay --json -

Exit status 1 when a file could not be read to its end; what came before is counted all the same.";

const TOP_EXAMPLES: &str = "Examples:
  teiten top
  teiten top --url https://sensor.example:10023 --user analyst --password-file ~/.teiten-password
  teiten top --once | head -20

Keys: `?` explains them. Without a terminal, and with --plain, it prints a table for each new answer.";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  teiten completions bash > /usr/share/bash-completion/completions/teiten
  teiten completions zsh > /usr/share/zsh/vendor-completions/_teiten";

const CONFIG_EXAMPLES: &str = "Examples:
  teiten config init > teiten.toml
  teiten config check /etc/teiten/teiten.toml
  teiten config show /etc/teiten/teiten.toml | jq .watch";

const MAN_EXAMPLES: &str = "Examples:
  mkdir man && teiten man man && man -l man/teiten-run.1";

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColourChoice {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Which sensor `top` looks at, and how.
#[derive(Args, Debug)]
pub struct TopArguments {
    /// Where the sensor serves
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:10023")]
    pub url: Endpoint,
    /// How often it is asked, as in "2s"
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = interval)]
    pub interval: Duration,
    /// User of the sensor's basic authentication
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub user: Option<String>,
    /// File with that user's password
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    /// Certificates to trust instead of the usual authorities, PEM
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Print text instead of drawing on the terminal
    #[arg(long)]
    pub plain: bool,
    /// Print one answer as text, and end
    #[arg(long)]
    pub once: bool,
    /// When to use colours
    #[arg(long, value_enum, default_value_t)]
    pub color: ColourChoice,
}

impl TopArguments {
    /// The arguments in the form that the view takes.
    pub fn into_options(self) -> top::Options {
        let colours = match self.color {
            ColourChoice::Auto => std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            ColourChoice::Always => true,
            ColourChoice::Never => false,
        };
        top::Options {
            endpoint: self.url,
            credentials: self.user.zip(self.password_file),
            authority: self.ca_file,
            interval: self.interval,
            plain: self.plain,
            once: self.once,
            colours,
        }
    }
}

/// A span from 100 ms to an hour: less would be an attack, more no live view.
fn interval(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is no time between 100ms and 1h: write it as in \"2s\"");
    let span: jiff::SignedDuration = text.parse().map_err(|_| bad())?;
    let span = Duration::try_from(span).map_err(|_| bad())?;
    if (Duration::from_millis(100)..=Duration::from_hours(1)).contains(&span) {
        Ok(span)
    } else {
        Err(bad())
    }
}

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

/// Flags of `run`; each goes before the configuration file.
#[derive(Args, Debug)]
pub struct RunArguments {
    /// Configuration file (`teiten config init` prints one)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Interface to watch; may be given several times
    #[arg(long = "interface", short, value_name = "IF")]
    pub interfaces: Vec<String>,
    /// Where the program runs: in the driver, in the network stack, or the first that is possible
    #[arg(long, value_enum)]
    pub mode: Option<ModeChoice>,
    /// Dark addresses to observe; may be given several times
    #[arg(long, short, value_name = "CIDR", num_args = 1.., value_delimiter = ',')]
    pub watch: Vec<String>,
    /// Observe this host's own addresses instead, but for what its sockets take
    #[arg(long)]
    pub watch_host: bool,
    /// With --watch-host: a network whose packets are the host's own business; may be given several times
    #[arg(long = "own-network", value_name = "CIDR", value_delimiter = ',')]
    pub own_networks: Vec<String>,
    /// What becomes of packets to watched addresses
    #[arg(long, value_enum)]
    pub verdict: Option<VerdictChoice>,
    /// Where to serve metrics
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// TLS and passwords for it, in the format of Prometheus' exporter-toolkit
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub web_config_file: Option<PathBuf>,
    /// The sensor's id
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Where the sensor keeps what must outlive it
    #[arg(long, value_name = "DIR")]
    pub state_directory: Option<PathBuf>,
    /// Slots of each CPU's flow cache, a power of two
    #[arg(long, value_name = "N")]
    pub flow_slots: Option<u64>,
    /// Size of the ring of records, a power of two, as in "16MiB"
    #[arg(long, value_name = "SIZE")]
    pub ring_size: Option<bytesize::ByteSize>,
    /// How often caches are flushed and totals read, as in "10s"
    #[arg(long, value_name = "TIME")]
    pub flush_interval: Option<jiff::SignedDuration>,
    /// Pin nothing: the program ends with the daemon, and every stop is a gap
    #[arg(long)]
    pub no_pin: bool,
    /// Where maps and attachments are pinned, in a BPF file system
    #[arg(long, value_name = "DIR", conflicts_with = "no_pin")]
    pub pin_directory: Option<PathBuf>,
    /// Remove pins that cannot be adopted, and lose the totals in them
    #[arg(long, conflicts_with = "no_pin")]
    pub discard_pins: bool,
    /// How much the program in the kernel logs
    #[arg(long, value_name = "LEVEL")]
    pub kernel_log: Option<log::LevelFilter>,
    /// How much the daemon logs
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<log::LevelFilter>,
    /// The form of log lines
    #[arg(long, value_enum)]
    pub log_format: Option<LogFormat>,
    /// Another eBPF object than the embedded one: for work on the program itself
    #[arg(long, value_name = "FILE", hide = true)]
    pub object: Option<PathBuf>,
}

impl RunArguments {
    /// The flags in the shape of a configuration file.
    pub fn to_file_config(&self) -> FileConfig {
        let given = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
        let mut file = FileConfig::default();
        file.sensor.id.clone_from(&self.id);
        file.sensor.state_directory.clone_from(&self.state_directory);
        file.capture.interfaces = given(&self.interfaces);
        file.capture.mode = self.mode;
        file.capture.watch = given(&self.watch);
        file.capture.watch_host = self.watch_host.then_some(true);
        file.capture.own_networks = given(&self.own_networks);
        file.capture.verdict = self.verdict;
        file.kernel.flow_slots = self.flow_slots;
        file.kernel.ring_size = self.ring_size;
        file.kernel.flush_interval = self.flush_interval;
        file.kernel.pin = self.no_pin.then_some(false);
        file.kernel.pin_directory.clone_from(&self.pin_directory);
        file.kernel.log = self.kernel_log;
        file.export.listen = self.listen;
        file.export.web_config_file.clone_from(&self.web_config_file);
        file.log.level = self.log_level;
        file.log.format = self.log_format;
        file
    }
}
