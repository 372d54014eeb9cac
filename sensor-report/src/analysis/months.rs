//! The long figures: watched services by month, over all the daily tables that are held.
//!
//! A month is one of UTC, as the daily tables are. A sensor counts as observing on each day that it has a daily table of, and
//! counts in a month when it has half as many such days as the sensor with most of them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sensor_records::{Place, Table};

use super::{
    Progress,
    cube::{COLUMNS, rows},
    keys::{PortId, RegionId},
    maps::{Map, Set},
};
use crate::{
    model::{Line, Region, Series, Step},
    scan::{Columns, ScanError, Unreadable, scan},
    store::Store,
};

/// Packets of watched services by month and sensor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Months {
    packets: Map<(Date, u16, PortId, RegionId), u64>,
    days: BTreeMap<(Date, u16), u32>,
}

/// Reads every daily table that there is.
pub(crate) fn months(
    store: &Store,
    numbers: &Map<String, u16>,
    chosen: &Set<u16>,
    watched: &Set<PortId>,
    progress: &dyn Progress,
) -> Result<(Months, Vec<Unreadable>), ScanError> {
    let Some(days) = store.days(Table::DailyCells)? else {
        return Ok(Default::default());
    };
    let mut files = store.files(Table::DailyCells, days)?;
    let number = |place: &Place| {
        numbers
            .get(&place.sensor)
            .copied()
            .filter(|number| chosen.contains(number))
    };
    files.retain(|place| number(place).is_some());
    progress.expect(files.len());
    let fold = |part: &mut Months, place: &Place, columns: Columns<'_>| {
        let Some(sensor) = number(place) else {
            return Ok(());
        };
        let month = place.day.0.first_of_month();
        rows(columns, false, |row| {
            if row.is_scan && watched.contains(&row.port) {
                let key = (month, sensor, row.port, row.region);
                *part.packets.entry(key).or_default() += row.packets;
            }
        })
    };
    let found = scan::<Months>(store, &files, &COLUMNS, &fold, &|| progress.advance())?;
    let mut months = Months::default();
    let unreadable: Set<&Place> = found.unreadable.iter().map(|file| &file.place).collect();
    for place in files.iter().filter(|place| !unreadable.contains(place)) {
        if let Some(sensor) = number(place) {
            *months
                .days
                .entry((place.day.0.first_of_month(), sensor))
                .or_default() += 1;
        }
    }
    for (key, packets) in found.parts.into_iter().flat_map(|part| part.packets) {
        *months.packets.entry(key).or_default() += packets;
    }
    Ok((months, found.unreadable))
}

impl Months {
    /// Packets a sensor and day of a service, by month: a line for each region.
    pub(crate) fn series(&self, port: PortId, regions: &[RegionId], last: Date) -> Series<Region> {
        let at = self.held(last);
        let lines = regions.iter().filter_map(|region| {
            Some(Line {
                key: region.region()?,
                values: at.iter().map(|month| self.rate(*month, port, *region)).collect(),
            })
        });
        Series {
            step: Step::Month,
            lines: lines.collect(),
            at,
        }
    }

    /// Months of which some sensor has half the days or more, up to the one of the last day: a few days at an edge
    /// are no month.
    fn held(&self, last: Date) -> Vec<Date> {
        let mut held: Vec<Date> = self
            .days
            .iter()
            .filter(|((month, _), days)| {
                *month <= last && **days * 2 >= u32::from(month.days_in_month().unsigned_abs())
            })
            .map(|((month, _), _)| *month)
            .collect();
        held.dedup();
        held
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate is no count")]
    fn rate(&self, month: Date, port: PortId, region: RegionId) -> Option<f64> {
        let of_month = self.days.range((month, 0)..=(month, u16::MAX));
        // A sensor that was there for a few days of a month says little of it, and of its first day only a part.
        let most = of_month.clone().map(|(_, days)| *days).max().unwrap_or(0);
        let of_month = of_month.filter(|(_, days)| **days * 2 >= most);
        let rates: Vec<f64> = of_month
            .map(|((_, sensor), days)| {
                let packets = self
                    .packets
                    .get(&(month, *sensor, port, region))
                    .copied()
                    .unwrap_or(0);
                packets as f64 / f64::from(*days)
            })
            .collect();
        (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64)
    }
}
