//! What the commands are told that make evidence for others.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Ways to call `samples`.
pub(super) const SAMPLES_EXAMPLES: &str = "Examples:
  teiten samples list /var/lib/teiten/samples
  teiten samples show --json /var/lib/teiten/samples | jq 'select(.sip.tool)'
  (umask 077; openssl rand -hex 16 > share.key)
  teiten samples export /var/lib/teiten/samples --anonymise share.key --to shared.pcapng";

/// Ways to call `notice`.
pub(super) const NOTICE_EXAMPLES: &str = "Examples:
  teiten notice --records /var/lib/teiten/records --region JP --tool mirai --since 2026-11-01
  teiten notice --records DIR --since 2026-11-01 --network 192.0.2.0/24 --format csv > event4_honeypot_darknet.csv

Watched addresses are in no notice. Packets of rows that name no source are counted on standard error.";

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
