//! What was observed of the time, and what with.

use std::collections::BTreeMap;

use super::{
    super::{Material, outages, rank::Known},
    Filler,
};
use crate::model::{Coverage, Membership, Provenance};

impl Filler<'_> {
    pub(super) fn coverage(&self) -> Coverage {
        let material = self.material;
        let until = outages::known_until(&material.now.frame, &material.covered);
        let mut coverage = Coverage {
            sensors: Vec::new(),
            outages: Vec::new(),
            membership: self.membership(),
            conservation: material.covered.law.clone(),
        };
        for (number, observed) in &material.now.observed {
            let Some(sensor) = material.sensors.get(usize::from(*number)) else {
                continue;
            };
            if !self.all.has_sensor(*number) {
                continue;
            }
            let zone = &material.request.zone;
            let (sensor, found) = outages::outages(sensor, observed, &material.now.frame, until, zone);
            coverage.sensors.push(sensor);
            coverage.outages.extend(found);
        }
        coverage.sensors.sort_by(|one, other| one.name.cmp(&other.name));
        coverage
            .outages
            .sort_by(|one, other| (&one.from, &one.sensor).cmp(&(&other.from, &other.sensor)));
        coverage
    }

    fn membership(&self) -> Membership {
        let has = |known: &Known, number: u16| {
            let observed = known.observed.get(&number);
            observed.is_some_and(|observed| observed.seconds() > 0.0)
        };
        let mut membership = Membership::default();
        for (number, sensor) in (0_u16..).zip(&self.material.sensors) {
            if !self.all.has_sensor(number) {
                continue;
            }
            match (
                has(&self.material.before, number),
                has(&self.material.now, number),
            ) {
                (true, true) => membership.common += 1,
                (false, true) => membership.added.push(sensor.name.clone()),
                (true, false) => membership.removed.push(sensor.name.clone()),
                (false, false) => {}
            }
        }
        // Without a previous period every sensor would be new.
        if !self.all.has_previous() {
            membership.added.clear();
        }
        membership
    }
}

pub(super) fn provenance(material: &Material<'_>) -> Provenance {
    Provenance {
        versions: BTreeMap::from([
            ("teiten-report".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("tables".to_owned(), sensor_records::SCHEMA_VERSION.to_string()),
        ]),
        region_databases: material.covered.databases.clone(),
        programs: material.covered.programs.clone(),
    }
}
