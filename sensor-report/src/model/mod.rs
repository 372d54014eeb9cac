//! What a report says, as data without a word of text: what templates render, and what JSON and CSV hold.
//!
//! Rates are packets a sensor and day unless the [`Options`] say otherwise; counts are exact packets. Days are civil
//! days of the report's time zone.

mod coverage;
mod explanation;
mod key;
mod lists;
mod mirai;
mod period;
mod ranking;
mod series;
mod surge;
mod tables;

use serde::Serialize;

pub use self::{
    coverage::{
        Conservation, Coverage, Membership, Outage, Provenance, RegionDatabase, SensorCoverage, TotalCoverage,
    },
    explanation::{Cause, Cell, Explanation, Span},
    key::{Key, Port, Region, Transport},
    lists::{DeviceKind, Devices, ResearchPort, ResearchScans, Scanner},
    mirai::{Mirai, MiraiPort, MiraiRegion},
    period::{Period, PeriodKind},
    ranking::{Change, PreviousRank, Ranked, Ranking, TenDays},
    series::{Line, Series, Step},
    surge::{Share, Surge},
    tables::Table,
};

/// Rises with every change that a reader of the JSON would notice other than by a new key.
pub const SCHEMA: u32 = 1;

/// Everything that a report says.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What the report is about.
    pub period: Period,
    /// What it is compared with: the period of the same kind before it.
    pub previous: Period,
    /// Whether there is anything at all to compare with.
    pub has_previous: bool,
    /// How it was made.
    pub options: Options,
    /// Totals.
    pub overview: Overview,
    /// Destination ports of scans.
    pub ports: Ranking<Port>,
    /// Regions that scans came from.
    pub source_regions: Ranking<Region>,
    /// Why ranks and rates moved: first the ports in the order of the ranking, then the regions.
    pub explanations: Vec<Explanation>,
    /// The services that are always looked at.
    pub watched: Vec<WatchedService>,
    /// Packets with the Mirai mark.
    pub mirai: Mirai,
    /// Packets of scanners of research; `None` without a list of them.
    pub research: Option<ResearchScans>,
    /// One for each sensor that is part of the report, by its name to publish.
    pub sensors: Vec<SensorSummary>,
    /// The sensors of the domestic region, and those of all others: `None` where there are none.
    pub domestic: Option<Side>,
    /// See [`Report::domestic`].
    pub overseas: Option<Side>,
    /// Surges, by their beginning.
    pub surges: Vec<Surge>,
    /// What was observed of the time, and what was not.
    pub coverage: Coverage,
    /// What the data were made with.
    pub provenance: Provenance,
}

/// How a report was made.
#[derive(Clone, Debug, Serialize)]
pub struct Options {
    /// What ranks go by.
    pub measure: Measure,
    /// Length of the tables.
    pub top: usize,
    /// A previous rank beyond this is shown as "outside".
    pub outside_after: usize,
    /// Which sensors are in the rankings.
    pub sensors: SensorChoice,
    /// ISO 3166-1 code of the region whose sensors and sources are domestic.
    pub domestic_region: Region,
    /// Name of the time zone, in the IANA database.
    pub timezone: String,
    /// Changes made by fewer sources than this are said to be that.
    pub few_sources: u64,
}

/// What ranks go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Packets a day, averaged over the sensors: each over the time that it really observed.
    Sensor,
    /// The same, of one watched address.
    Address,
    /// Packets, whatever sensor counted them.
    Total,
    /// The middle one of the sensors' packets a day.
    Median,
}

/// Which sensors are in the rankings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum SensorChoice {
    /// Those in the domestic region.
    Domestic,
    /// Those elsewhere.
    Overseas,
    /// Every one.
    All,
}

/// Totals of the period.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// Sensors that observed anything.
    pub sensors: usize,
    /// Addresses that these watched, at the end of the period.
    pub watched_addresses: u64,
    /// Days with at least one hour observed.
    pub days: usize,
    /// Packets of class `scan`, exact.
    pub scans: Change<u64>,
    /// Packets of every class, exact.
    pub packets: Change<u64>,
    /// Scans by the report's measure.
    pub rate: Change<f64>,
    /// Unique sources of scans, estimated by sketches; `None` without them.
    pub sources: Change<Option<f64>>,
    /// Scans a day and sensor, all ports together.
    pub daily: Series<String>,
}

/// A service that is looked at whatever its rank.
#[derive(Clone, Debug, Serialize)]
pub struct WatchedService {
    /// The service.
    pub port: Port,
    /// Where it stands among all ports.
    pub standing: Ranked<Port>,
    /// Its sources' regions.
    pub source_regions: Ranking<Region>,
    /// The domestic region, though it be outside the table.
    pub domestic: Ranked<Region>,
    /// The daily lines of the first regions, and of the domestic one.
    pub daily: Series<Region>,
    /// Its packets by month, over all data held: rates.
    pub months: Series<Region>,
    /// Unique sources by month, over all data held.
    pub sources: Series<Region>,
}

impl WatchedService {
    /// What the names of its tables and figures begin with.
    #[must_use]
    pub fn table_name(&self) -> String {
        format!("watched_{}_{}", self.port.number, self.port.transport.0)
    }
}

/// One sensor's own table.
#[derive(Clone, Debug, Serialize)]
pub struct SensorSummary {
    /// The name to publish.
    pub name: String,
    /// The region that it stands in.
    pub region: Region,
    /// Its scans a day.
    pub rate: Change<f64>,
    /// Its first ports.
    pub ports: Vec<Ranked<Port>>,
}

/// The sensors of one side of the border, taken together.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// How many sensors these are.
    pub sensors: usize,
    /// Scans a sensor and day.
    pub rate: Change<f64>,
    /// First ports.
    pub ports: Vec<Ranked<Port>>,
    /// First regions.
    pub source_regions: Vec<Ranked<Region>>,
}
