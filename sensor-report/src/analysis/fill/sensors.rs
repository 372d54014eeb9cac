//! Each sensor by itself, and those of either side of the border together.

use super::{
    super::{
        cube::CellKey,
        keys::{PortId, RegionId},
        rank::Compared,
    },
    Filler, NOTHING, SENSOR_TOP, port_of, region_of,
};
use crate::model::{Change, Ranked, Region, SensorSummary, Side};

const NO_SOURCES: Change<Option<f64>> = Change {
    before: None,
    after: None,
};

impl Filler<'_> {
    pub(super) fn sensors(&self) -> Vec<SensorSummary> {
        let numbers = self.material.now.observed.keys().copied();
        let mut summaries: Vec<_> = numbers
            .filter(|number| self.all.has_sensor(*number))
            .filter_map(|number| {
                let sensor = self.material.sensors.get(usize::from(number))?;
                let request = self.material.request;
                let own = Compared::new(
                    &self.material.before,
                    &self.material.now,
                    request.measure,
                    |found| found == number,
                );
                Some(SensorSummary {
                    name: sensor.name.clone(),
                    region: sensor.region.clone().unwrap_or_else(|| Region("ZZ".to_owned())),
                    rate: own
                        .table(|_| true, |_| Some(()))
                        .first()
                        .map_or(NOTHING, |entry| entry.rates),
                    ports: first_rows(&own, port_of, PortId::port),
                })
            })
            .collect();
        summaries.sort_by(|one, other| one.name.cmp(&other.name));
        summaries
    }
}

fn first_rows<K: Ord + Copy + std::hash::Hash, M>(
    compared: &Compared<'_>,
    key: impl Fn(&CellKey) -> Option<K>,
    model: impl Fn(K) -> Option<M>,
) -> Vec<Ranked<M>> {
    let table = compared.table(|_| true, key);
    let first = table
        .iter()
        .filter(|entry| entry.rank.is_some_and(|rank| rank <= SENSOR_TOP));
    first
        .filter_map(|entry| Some(entry.ranked(model(entry.key)?, None, NO_SOURCES)))
        .collect()
}

pub(super) fn side(compared: &Compared<'_>) -> Option<Side> {
    (compared.weights.after.sensors() > 0).then(|| Side {
        sensors: compared.weights.after.sensors(),
        rate: compared
            .table(|_| true, |_| Some(()))
            .first()
            .map_or(NOTHING, |entry| entry.rates),
        ports: first_rows(compared, port_of, PortId::port),
        source_regions: first_rows(compared, region_of, RegionId::region),
    })
}
