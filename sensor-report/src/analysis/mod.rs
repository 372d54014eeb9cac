//! From tables to a report: what is read, in which order, and how the parts of the model are filled.
//!
//! Three passes: exact sums of both periods from the daily tables and the hours at their edges; then every hour of the
//! period, for the ports and regions that are worth it; then the hours of surges.

mod covered;
mod cube;
mod devices;
mod explain;
mod fill;
mod frame;
mod hourly;
mod interest;
mod keys;
mod lines;
mod maps;
mod moments;
mod months;
mod networks;
mod outages;
mod rank;
mod rates;
mod reading;
mod reclassified;
mod request;
mod roster;
mod surge_sources;
mod surges;
mod timeline;
mod uniques;

pub use self::request::{AnalysisError, Request};

use crate::{
    model::{Region, Report, SensorChoice},
    scan::Unreadable,
    store::Store,
};

use self::{
    covered::Covered, explain::Subject, hourly::Hourly, rank::Known, reading::Reading, roster::Sensor,
};

/// Told how far an analysis is.
pub trait Progress: Sync {
    /// So many more files will be read.
    fn expect(&self, files: usize);
    /// One more was read.
    fn advance(&self);
}

/// Nobody is told.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn expect(&self, _files: usize) {}
    fn advance(&self) {}
}

/// A report, and the files that it had to do without.
#[derive(Debug)]
pub struct Analysed {
    /// The report.
    pub report: Report,
    /// Files that could not be read: what is in them is missing in the report.
    pub unreadable: Vec<Unreadable>,
}

/// Everything that was read, for [`fill`] to make a report of.
struct Material<'request> {
    request: &'request Request,
    sensors: Vec<Sensor>,
    before: Known,
    now: Known,
    covered: Covered,
    hourly: Hourly,
    changes: Vec<i64>,
    surges: Vec<crate::model::Surge>,
    runs: Vec<surges::Run>,
    months: months::Months,
    estimates: crate::model::Change<uniques::Estimates>,
    timeline: timeline::Timeline,
    networks: crate::model::Change<networks::Networks>,
    devices: Option<crate::model::Devices>,
}

/// Reads what is needed, and makes the report.
///
/// # Errors
/// When the period or the zone cannot be reported, nothing was observed, or the tables are out of reach.
pub fn analyse(store: &Store, request: &Request, progress: &dyn Progress) -> Result<Analysed, AnalysisError> {
    let (material, unreadable) = Reading::new(store, request, progress).all()?;
    Ok(Analysed {
        report: fill::report(&material),
        unreadable,
    })
}

/// A sensor whose region is not configured is taken for a domestic one.
fn is_domestic(region: Option<&Region>, request: &Request) -> bool {
    region.is_none_or(|region| *region == request.domestic)
}

fn is_chosen(region: Option<&Region>, request: &Request) -> bool {
    match request.sensors {
        SensorChoice::All => true,
        SensorChoice::Domestic => is_domestic(region, request),
        SensorChoice::Overseas => !is_domestic(region, request),
    }
}
