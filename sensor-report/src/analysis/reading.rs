//! The passes over the tables, in their order: what is read first says what is read closely.

use std::collections::BTreeMap;

use sensor_records::Place;

use super::{
    AnalysisError, Material, Progress, Request,
    covered::{self, Covered},
    cube, devices,
    frame::Frame,
    hourly,
    interest::{changes, interest, steady, subjects},
    is_chosen,
    keys::RegionId,
    maps::{Map, Set},
    months, networks,
    rank::{Compared, Known},
    reclassified,
    roster::{self, Sensor},
    surges, timeline, uniques,
};
use crate::{model::Change, period, scan::Unreadable, store::Store};

/// An analysis under way.
pub(super) struct Reading<'request> {
    store: &'request Store,
    request: &'request Request,
    progress: &'request dyn Progress,
    unreadable: Vec<Unreadable>,
}

/// Both periods, after the first pass.
struct Both {
    sensors: Vec<Sensor>,
    numbers: Map<String, u16>,
    before: Known,
    now: Known,
    covered: Covered,
    chosen: Set<u16>,
}

impl<'request> Reading<'request> {
    pub(super) fn new(
        store: &'request Store,
        request: &'request Request,
        progress: &'request dyn Progress,
    ) -> Self {
        Self {
            store,
            request,
            progress,
            unreadable: Vec::new(),
        }
    }

    /// Every pass: what was read, and the files that could not be.
    pub(super) fn all(mut self) -> Result<(Material<'request>, Vec<Unreadable>), AnalysisError> {
        let known = self.both_periods()?;
        let material = self.closely(known)?;
        let mut unreadable = self.unreadable;
        unreadable.sort_by(|one, other| one.place.cmp(&other.place));
        unreadable.dedup();
        Ok((material, unreadable))
    }

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
        let covered = covered::coverage(store, &frame, &in_report, progress)?;
        let covered_before = covered::times(store, &previous, progress)?;
        let (covered, covered_before) = (self.noted(covered), self.noted(covered_before));
        if covered.sensors.is_empty() {
            return Err(nothing(store, request));
        }
        let sensors = numbered(sensors, [&covered, &covered_before]);
        let numbers: Map<String, u16> = (0..)
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
        let chosen: Set<u16> = (0..)
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
        let estimates = Change {
            before: estimates(&before.frame)?,
            after: estimates(&now.frame)?,
        };
        let asked = networks::Asked {
            numbers: &numbers,
            chosen: &chosen,
            subjects: &if request.networks {
                subjects(request, &compared)
            } else {
                Set::default()
            },
            research: request.lists.research.as_deref(),
        };
        let mut of_networks = |frame: &Frame| -> Result<networks::Networks, AnalysisError> {
            if asked.subjects.is_empty() && asked.research.is_none() {
                return Ok(Default::default());
            }
            Ok(self.noted(networks::networks(store, frame, &asked, progress)?))
        };
        let networks = Change {
            before: of_networks(&before.frame)?,
            after: of_networks(&now.frame)?,
        };
        let devices = match &request.lists.devices {
            Some(list) => {
                let is_wanted = |place: &Place| {
                    let number = numbers.get(&place.sensor);
                    number.is_some_and(|number| chosen.contains(number))
                };
                let domestic = wanted.domestic;
                let found = devices::devices(store, &now.frame, &is_wanted, domestic, list, progress)?;
                Some(self.noted(found))
            }
            None => None,
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
            networks,
            devices,
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
