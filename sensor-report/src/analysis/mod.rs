//! From tables to a report: what is read, in which order, and how the parts of the model are filled.
//!
//! Three passes: exact sums of both periods from the daily tables and the hours at their edges; then every hour of the
//! period, for the ports and regions that are worth it; then the hours of surges.

mod cube;
mod explain;
mod fill;
mod frame;
mod hourly;
mod keys;
mod lines;
mod months;
mod rank;
mod rates;
mod reclassified;
mod roster;
mod surges;
mod timeline;
mod uniques;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    model::{Measure, Period, Port, Region, Report, SensorChoice},
    period::{self, PeriodError, Zone},
    scan::{ScanError, Unreadable},
    store::Store,
};

use self::{
    explain::Subject,
    frame::Frame,
    hourly::{Hourly, Interest},
    keys::{PortId, RegionId},
    rank::{Compared, Known},
    roster::{Covered, Sensor},
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

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The days.
    pub period: Period,
    /// Whose days these are.
    pub zone: Zone,
    /// What ranks go by.
    pub measure: Measure,
    /// Which sensors are in the rankings.
    pub sensors: SensorChoice,
    /// Which region is domestic.
    pub domestic: Region,
    /// Length of the tables.
    pub top: usize,
    /// Services that are looked at whatever their rank.
    pub watched: Vec<Port>,
    /// Whether the figures over all data held are made.
    pub months: bool,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// The period is none.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The tables cannot be read.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// Nothing was observed.
    #[error("{store} holds nothing of {from} to {to}{held}")]
    NothingObserved {
        /// Where was looked.
        store: String,
        /// The first day.
        from: jiff::civil::Date,
        /// The last day.
        to: jiff::civil::Date,
        /// What there is.
        held: String,
    },
    /// No sensor is of the kind that was asked for.
    #[error(
        "none of the {sensors} sensors that observed stands where it was asked for ({asked:?}, domestic is {domestic}): \
         take `--sensors all`, or another `--domestic`"
    )]
    NoSensor {
        /// How many there are.
        sensors: usize,
        /// What was asked for.
        asked: SensorChoice,
        /// Which region is domestic.
        domestic: Region,
    },
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
}

/// Reads what is needed, and makes the report.
///
/// # Errors
/// When the period or the zone cannot be reported, nothing was observed, or the tables are out of reach.
pub fn analyse(store: &Store, request: &Request, progress: &dyn Progress) -> Result<Analysed, AnalysisError> {
    let mut reading = Reading {
        store,
        request,
        progress,
        unreadable: Vec::new(),
    };
    let known = reading.both_periods()?;
    let material = reading.closely(known)?;
    let mut unreadable = reading.unreadable;
    unreadable.sort_by(|one, other| one.place.cmp(&other.place));
    unreadable.dedup();
    Ok(Analysed {
        report: fill::report(&material),
        unreadable,
    })
}

/// An analysis under way.
struct Reading<'request> {
    store: &'request Store,
    request: &'request Request,
    progress: &'request dyn Progress,
    unreadable: Vec<Unreadable>,
}

/// Both periods, after the first pass.
struct Both {
    sensors: Vec<Sensor>,
    numbers: HashMap<String, u16>,
    before: Known,
    now: Known,
    covered: Covered,
    chosen: HashSet<u16>,
}

impl<'request> Reading<'request> {
    /// What was read, without the files that could not be.
    fn noted<T>(&mut self, (read, unreadable): (T, Vec<Unreadable>)) -> T {
        self.unreadable.extend(unreadable);
        read
    }

    /// The first pass: who observed, and the sums of both periods.
    fn both_periods(&mut self) -> Result<Both, AnalysisError> {
        let Self {
            store,
            request,
            progress,
            ..
        } = *self;
        let frame = Frame::new(&request.period, &request.zone)?;
        let previous = Frame::whole(&period::before(&request.period)?, &request.zone)?;
        let mut sensors = self.noted(roster::sensors(store, &frame, progress)?);
        for (id, sensor) in self.noted(roster::sensors(store, &previous, progress)?) {
            sensors.entry(id).or_insert(sensor);
        }
        let in_report = |id: &str| {
            let sensor = sensors.get(id);
            sensor.is_none_or(|sensor| is_chosen(sensor.region.as_ref(), request))
        };
        let covered = roster::coverage(store, &frame, &in_report, progress)?;
        let covered_before = roster::coverage(store, &previous, &in_report, progress)?;
        let (covered, covered_before) = (self.noted(covered), self.noted(covered_before));
        if covered.sensors.is_empty() {
            return Err(nothing(store, request));
        }
        let sensors = numbered(sensors, [&covered, &covered_before]);
        let numbers: HashMap<String, u16> = (0..)
            .zip(&sensors)
            .map(|(number, sensor)| (sensor.id.clone(), number))
            .collect();
        let by_number = |covered: &Covered| {
            let observed = covered.sensors.iter();
            observed
                .filter_map(|(id, observed)| Some((*numbers.get(id)?, observed.clone())))
                .collect()
        };
        let now = Known {
            observed: by_number(&covered),
            cube: self.noted(cube::cube(store, &frame, &numbers, progress)?),
            frame,
        };
        let before = Known {
            observed: by_number(&covered_before),
            cube: self.noted(cube::cube(store, &previous, &numbers, progress)?),
            frame: previous,
        };
        let chosen: HashSet<u16> = (0..)
            .zip(&sensors)
            .filter(|(_, sensor)| is_chosen(sensor.region.as_ref(), request))
            .map(|(number, _)| number)
            .collect();
        if !now.observed.keys().any(|number| chosen.contains(number)) {
            return Err(AnalysisError::NoSensor {
                sensors: now.observed.len(),
                asked: request.sensors,
                domestic: request.domestic.clone(),
            });
        }
        Ok(Both {
            sensors,
            numbers,
            before,
            now,
            covered,
            chosen,
        })
    }

    /// The second pass and the third: hours, surges, months and sources.
    fn closely(&mut self, both: Both) -> Result<Material<'request>, AnalysisError> {
        let Self {
            store,
            request,
            progress,
            ..
        } = *self;
        let Both {
            sensors,
            numbers,
            before,
            now,
            covered,
            chosen,
        } = both;
        let compared = Compared::new(&before, &now, request.measure, |number| chosen.contains(&number));
        let steady = steady(&now, &chosen);
        let changes = changes(&covered);
        let interest = interest(request, &compared, steady.clone(), changes.clone());
        let hourly = self.noted(hourly::hourly(store, &now.frame, &numbers, &interest, progress)?);
        let of_steady: Vec<_> = now
            .observed
            .iter()
            .filter(|(number, _)| steady.contains(number))
            .map(|(_, observed)| observed)
            .collect();
        let of_chosen = now.observed.iter().filter(|(number, _)| chosen.contains(number));
        let of_chosen = of_chosen.map(|(number, observed)| (*number, observed)).collect();
        let shifted = reclassified::moved(&hourly, &changes, &of_chosen)
            .into_iter()
            .flat_map(|moved| moved.subjects)
            .collect();
        let runs = surges::runs(&hourly, &of_steady, &shifted);
        let surges = surges::surges(store, &runs, &numbers, &steady, &request.zone, progress)?;
        let surges = self.noted(surges);
        let months = if request.months {
            months::months(store, &numbers, &chosen, &interest.watched, progress)?
        } else {
            Default::default()
        };
        let months = self.noted(months);
        let wanted = uniques::Wanted {
            domestic: RegionId::of(&request.domestic),
            ports: interest.ports.clone(),
            regions: interest.regions.clone(),
            watched: interest.watched.clone(),
        };
        let timeline = timeline::timeline(
            store,
            &now.frame,
            &numbers,
            &chosen,
            &wanted,
            request.months,
            progress,
        )?;
        let timeline = self.noted(timeline);
        let mut estimates = |frame: &Frame| -> Result<uniques::Estimates, AnalysisError> {
            Ok(self.noted(uniques::estimates(
                store, frame, &numbers, &chosen, &wanted, progress,
            )?))
        };
        let estimates = crate::model::Change {
            before: estimates(&before.frame)?,
            after: estimates(&now.frame)?,
        };
        Ok(Material {
            request,
            sensors,
            before,
            now,
            covered,
            hourly,
            changes,
            surges,
            runs,
            months,
            estimates,
            timeline,
        })
    }
}

fn nothing(store: &Store, request: &Request) -> AnalysisError {
    let held = match store.days(sensor_records::Table::Coverage) {
        Ok(Some(days)) => format!("; it has records from {} to {}", days.start(), days.end()),
        _ => "; it has no records at all: is it the directory that the sensor writes to?".to_owned(),
    };
    AnalysisError::NothingObserved {
        store: store.to_string(),
        from: request.period.from,
        to: request.period.to,
        held,
    }
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

/// Every sensor, by its id; those without a row in `sensors` are known by their coverage alone.
fn numbered(mut sensors: BTreeMap<String, Sensor>, covered: [&Covered; 2]) -> Vec<Sensor> {
    for (id, observed) in covered.into_iter().flat_map(|covered| &covered.sensors) {
        sensors.entry(id.clone()).or_insert_with(|| Sensor {
            id: id.clone(),
            name: id.clone(),
            region: None,
            in_service_from: observed.hours.keys().next().copied().unwrap_or(i64::MIN),
        });
    }
    sensors.into_values().take(usize::from(u16::MAX)).collect()
}

/// Sensors that observed nearly as much as the one that observed most.
fn steady(now: &Known, chosen: &HashSet<u16>) -> HashSet<u16> {
    const NEARLY: f64 = 0.9;
    let of_chosen = now.observed.iter().filter(|(number, _)| chosen.contains(number));
    let most = of_chosen
        .clone()
        .map(|(_, observed)| observed.seconds())
        .fold(0.0, f64::max);
    of_chosen
        .filter(|(_, observed)| observed.seconds() >= NEARLY * most)
        .map(|(number, _)| *number)
        .collect()
}

/// When region databases came into use after the first.
fn changes(covered: &Covered) -> Vec<i64> {
    const MOST: usize = 16;
    covered
        .databases
        .iter()
        .skip(1)
        .filter_map(|database| database.from.parse::<jiff::Timestamp>().ok())
        .map(jiff::Timestamp::as_second)
        .take(MOST)
        .collect()
}

/// What is looked at closely: what ranks high in either period or in any piece of this one, and what was high on a day.
fn interest(request: &Request, compared: &Compared<'_>, steady: HashSet<u16>, changes: Vec<i64>) -> Interest {
    let first = request.top.max(10);
    let is_near = |rank: usize| rank <= first;
    let mut ports: HashSet<PortId> = compared.now.cube.candidates.iter().copied().collect();
    let mut regions = HashSet::new();
    for entry in compared.table(
        |_| true,
        |cell| Some(cell.port).filter(|port| *port != PortId::REST),
    ) {
        if entry.rank.is_some_and(is_near) || is_ranked_before(entry.previous_rank, first) {
            ports.insert(entry.key);
        }
    }
    for entry in compared.table(
        |_| true,
        |cell| Some(cell.region).filter(|region| *region != RegionId::REST),
    ) {
        // There are some 250 regions at most.
        if entry.rank.is_some() || is_ranked_before(entry.previous_rank, first) {
            regions.insert(entry.key);
        }
    }
    let watched: HashSet<PortId> = request.watched.iter().map(PortId::of).collect();
    ports.extend(&watched);
    Interest {
        ports,
        regions,
        watched,
        domestic: RegionId::of(&request.domestic),
        steady,
        changes,
    }
}

fn is_ranked_before(rank: crate::model::PreviousRank, first: usize) -> bool {
    matches!(rank, crate::model::PreviousRank::Rank(rank) if rank <= first)
}
