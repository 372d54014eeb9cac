//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use jiff::civil::Date;
use teiten_report::{
    model::{Measure, Port, Region, SensorChoice},
    page::Language,
    store::{Access, Store, StoreError},
};

/// Reports and questions over the records of sensors.
#[derive(Debug, Parser)]
#[command(name = "teiten-report", version, about)]
#[command(after_help = "Exit status: 0 done, 1 failed (or damage found), 2 wrong usage.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Report a quarter, such as 2022Q4, against the quarter before.
    Quarter {
        /// The quarter.
        quarter: String,
        /// The month in which years begin: 4 for Japanese fiscal years.
        #[arg(long, value_name = "MONTH", default_value_t = 1)]
        fiscal_start: i8,
        #[command(flatten)]
        report: ReportOptions,
    },
    /// Report some days, the last one included, against as many days before.
    Range {
        /// The first day.
        from: Date,
        /// The last day.
        to: Date,
        #[command(flatten)]
        report: ReportOptions,
    },
    /// Report one day against the day before.
    Day {
        /// The day.
        day: Date,
        #[command(flatten)]
        report: ReportOptions,
    },
    /// Ask the tables in SQL.
    #[cfg(feature = "sql")]
    Sql(SqlOptions),
    /// Print what was not observed.
    Coverage {
        #[command(flatten)]
        data: Data,
        /// The first day, in UTC.
        #[arg(long, value_name = "DAY")]
        from: Option<Date>,
        /// The last day, in UTC.
        #[arg(long, value_name = "DAY")]
        to: Option<Date>,
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Hold every file against its manifest.
    Verify {
        /// The directory of records.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// Where the records are.
#[derive(Args, Debug)]
pub(crate) struct Data {
    /// The directory of records, or `s3://BUCKET/PREFIX`.
    #[arg(long = "data", value_name = "DIR")]
    pub(crate) location: String,
    /// The S3-compatible store, where it is not Amazon's: `https://objects.example.org`.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// A file with the credentials of the store, lines `AWS_ACCESS_KEY_ID=…`; otherwise they are those of the environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials: Option<PathBuf>,
}

impl Data {
    /// Opens it.
    ///
    /// # Errors
    /// When there are no records, or they are out of reach.
    pub(crate) fn open(&self) -> Result<Store, StoreError> {
        let access = Access {
            endpoint: self.endpoint.clone(),
            credentials: self.credentials.clone(),
        };
        Store::open_with(&self.location, &access)
    }
}

#[derive(Args, Debug)]
pub(crate) struct ReportOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Where the report goes: a directory, which is made.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The language of the page; both when it is given twice.
    #[arg(long = "lang", value_name = "LANGUAGE", value_enum, default_value = "ja")]
    pub(crate) languages: Vec<Language>,
    /// The analyst's own part: Markdown by section (overview, ports, regions, watched, mirai, surges, sensors,
    /// references, publisher), and events.csv. The folder `notes` beside the report, unless given.
    #[arg(long, value_name = "DIR")]
    pub(crate) notes: Option<PathBuf>,
    /// Whose days and months the report counts by; whole hours from UTC.
    #[arg(long, value_name = "ZONE", default_value = "Asia/Tokyo")]
    pub(crate) timezone: String,
    /// What ranks go by.
    #[arg(long, value_enum, default_value = "sensor")]
    pub(crate) measure: Measure,
    /// Which sensors are in the rankings.
    #[arg(long, value_enum, default_value = "domestic")]
    pub(crate) sensors: SensorChoice,
    /// The region whose sensors and sources are domestic.
    #[arg(long, value_name = "REGION", default_value = "JP")]
    pub(crate) domestic: Region,
    /// How many rows the tables have.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) top: usize,
    /// Services that are looked at whatever their rank; may be given more than once.
    #[arg(
        long = "watch-port",
        value_name = "PORT/TRANSPORT",
        default_value = "5060/udp"
    )]
    pub(crate) watched: Vec<Port>,
    /// Leave out the figures over all data held.
    #[arg(long)]
    pub(crate) no_history: bool,
    /// Known devices, CSV of address, vendor and model: how many of the domestic sources with the Mirai mark these are.
    #[arg(long, value_name = "FILE")]
    pub(crate) devices: Option<PathBuf>,
    /// Scanners of research, in the form of `teiten notice --research`, beside the built-in ones: which part of the packets
    /// is theirs.
    #[arg(long, value_name = "FILE")]
    pub(crate) research: Option<PathBuf>,
    /// Name no networks: what changed through one is told without it.
    #[arg(long)]
    pub(crate) no_networks: bool,
}

/// How an answer is written.
#[cfg(feature = "sql")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// RFC 4180, with a line of names.
    Csv,
    /// An array of objects.
    Json,
    /// Parquet; needs `--out`.
    Parquet,
}

#[cfg(feature = "sql")]
#[derive(Args, Debug)]
pub(crate) struct SqlOptions {
    /// The question. Tables: cells, uniques, `daily_cells`, `daily_uniques`, networks, sources, coverage, sensors.
    pub(crate) question: String,
    #[command(flatten)]
    pub(crate) data: Data,
    /// How the answer is written.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,
    /// Where the answer goes, instead of the terminal.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Memory that the question may take, in MiB; what needs more is written aside.
    #[arg(long, value_name = "MIB", default_value_t = 768)]
    pub(crate) memory: usize,
}
