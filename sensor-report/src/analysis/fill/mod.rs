//! Fills the types of the model from what was read.

mod coverage;
mod explanations;
mod mirai;
mod research;
mod sensors;
mod watched;

use super::{
    Material, Subject,
    cube::CellKey,
    hourly::LineKey,
    is_chosen, is_domestic,
    keys::{PortId, RegionId},
    lines::Lines,
    rank::{Compared, Entry},
    uniques,
};
use crate::model::{Change, Options, Overview, PreviousRank, Ranked, Ranking, Region, Report, SCHEMA};

/// A previous rank beyond this is told as "outside".
const OUTSIDE_AFTER: usize = 10;
const FEW_SOURCES: u64 = 10;
/// Length of the tables of one sensor, and of one side.
const SENSOR_TOP: usize = 10;

pub(super) fn report(material: &Material<'_>) -> Report {
    let request = material.request;
    let chosen = |number: u16| {
        let sensor = material.sensors.get(usize::from(number));
        sensor.is_some_and(|sensor| is_chosen(sensor.region.as_ref(), request))
    };
    let all = Compared::new(&material.before, &material.now, request.measure, chosen);
    let of_side = |domestic: bool| {
        Compared::new(&material.before, &material.now, request.measure, |number| {
            let sensor = material.sensors.get(usize::from(number));
            sensor.is_some_and(|sensor| is_domestic(sensor.region.as_ref(), request) == domestic)
        })
    };
    let filler = Filler {
        material,
        lines: Lines {
            known: &material.now,
            hourly: &material.hourly,
            measure: request.measure,
            sensors: (0..u16::MAX)
                .take(material.sensors.len())
                .filter(|number| chosen(*number))
                .collect(),
        },
        all,
    };
    let coverage = filler.coverage();
    let ports = filler.table(port_of, |_| true);
    let regions = filler.table(region_of, |_| true);
    let mut explanations = filler.explanations(&ports, Subject::Port, &coverage.membership);
    explanations.extend(filler.explanations(&regions, Subject::Region, &coverage.membership));
    Report {
        schema: SCHEMA,
        period: material.now.frame.period.clone(),
        previous: material.before.frame.period.clone(),
        has_previous: filler.all.has_previous(),
        options: filler.options(),
        overview: filler.overview(),
        ports: filler.ranking(&ports, PortId::port, Subject::Port, LineKey::Port),
        source_regions: filler.ranking(&regions, RegionId::region, Subject::Region, LineKey::Region),
        explanations,
        watched: request
            .watched
            .iter()
            .map(|port| filler.watched(PortId::of(port), &ports))
            .collect(),
        mirai: filler.mirai(),
        research: filler.research(&ports),
        sensors: filler.sensors(),
        domestic: sensors::side(&of_side(true)),
        overseas: sensors::side(&of_side(false)),
        surges: material.surges.clone(),
        coverage,
        provenance: coverage::provenance(material),
    }
}

fn port_of(cell: &CellKey) -> Option<PortId> {
    (cell.port != PortId::REST).then_some(cell.port)
}

/// Bogons are no region to rank: nobody knows where these come from.
fn region_of(cell: &CellKey) -> Option<RegionId> {
    let bogon = RegionId::of(&Region("XB".to_owned()));
    (cell.region != RegionId::REST && cell.region != bogon).then_some(cell.region)
}

struct Filler<'material> {
    material: &'material Material<'material>,
    lines: Lines<'material>,
    all: Compared<'material>,
}

impl Filler<'_> {
    fn options(&self) -> Options {
        let request = self.material.request;
        Options {
            measure: request.measure,
            top: request.top,
            outside_after: OUTSIDE_AFTER.max(request.top),
            sensors: request.sensors,
            domestic_region: request.domestic.clone(),
            timezone: request.zone.name().to_owned(),
            few_sources: FEW_SOURCES,
        }
    }

    fn table<K: Ord + Copy + std::hash::Hash>(
        &self,
        key: impl Fn(&CellKey) -> Option<K>,
        select: impl Fn(&CellKey) -> bool,
    ) -> Vec<Entry<K>> {
        self.all.table(select, key)
    }

    fn whole(&self, select: impl Fn(&CellKey) -> bool) -> Entry<()> {
        let entry = self.all.table(select, |_| Some(())).into_iter().next();
        entry.unwrap_or(Entry {
            key: (),
            rank: None,
            previous_rank: PreviousRank::New,
            rates: NOTHING,
            comparable: NOTHING,
            packets: Change { before: 0, after: 0 },
        })
    }

    fn overview(&self) -> Overview {
        let scans = self.whole(|_| true);
        let (sensors, addresses) = self
            .material
            .now
            .observed
            .iter()
            .filter(|(number, observed)| self.all.has_sensor(**number) && observed.seconds() > 0.0)
            .fold((0, 0), |(sensors, addresses), (_, observed)| {
                (sensors + 1, addresses + observed.addresses)
            });
        let packets = |cube: &super::cube::Cube| {
            let of_set = cube
                .packets
                .iter()
                .filter(|(number, _)| self.all.has_sensor(**number));
            of_set.map(|(_, packets)| packets).sum()
        };
        Overview {
            sensors,
            watched_addresses: addresses,
            days: self.lines.days_observed(),
            scans: scans.packets,
            packets: Change {
                before: packets(&self.material.before.cube),
                after: packets(&self.material.now.cube),
            },
            rate: scans.rates,
            sources: self.sources(uniques::Of::All),
            daily: self.lines.series([(LineKey::All, "all".to_owned())]),
        }
    }

    fn sources(&self, of: uniques::Of) -> Change<Option<f64>> {
        Change {
            before: self.material.estimates.before.get(of),
            after: self.material.estimates.after.get(of),
        }
    }

    fn sources_of(&self, subject: Subject) -> Change<Option<f64>> {
        self.sources(match subject {
            Subject::Port(port) => uniques::Of::Port(port),
            Subject::Region(region) => uniques::Of::Region(region),
        })
    }

    fn ranked<K: Copy, M>(&self, entry: &Entry<K>, key: M, subject: Subject) -> Ranked<M> {
        let ten_days = self.all.ten_days(|cell| subject.has(cell));
        entry.ranked(key, ten_days, self.sources_of(subject))
    }

    /// The first rows, and those that were among the first before.
    fn shown<'table, K>(&self, table: &'table [Entry<K>]) -> (Vec<&'table Entry<K>>, Vec<&'table Entry<K>>) {
        let top = self.material.request.top;
        let is_first = |entry: &&Entry<K>| entry.rank.is_some_and(|rank| rank <= top);
        let rows = table.iter().filter(is_first).collect();
        let was_first =
            |entry: &&Entry<K>| matches!(entry.previous_rank, PreviousRank::Rank(rank) if rank <= top);
        let mut left: Vec<_> = table
            .iter()
            .filter(|entry| was_first(entry) && !is_first(entry))
            .collect();
        left.sort_by_key(|entry| match entry.previous_rank {
            PreviousRank::Rank(rank) => rank,
            _ => usize::MAX,
        });
        (rows, left)
    }

    fn ranking<K: Copy, M>(
        &self,
        table: &[Entry<K>],
        model: impl Fn(K) -> Option<M>,
        subject: impl Fn(K) -> Subject,
        line: impl Fn(K) -> LineKey,
    ) -> Ranking<M> {
        let (rows, left) = self.shown(table);
        let ranked = |entry: &&Entry<K>| Some(self.ranked(entry, model(entry.key)?, subject(entry.key)));
        Ranking {
            rows: rows.iter().filter_map(ranked).collect(),
            left: left.iter().filter_map(ranked).collect(),
            distinct: table.iter().filter(|entry| entry.rank.is_some()).count(),
            daily: self.lines.series(
                rows.iter()
                    .filter_map(|entry| Some((line(entry.key), model(entry.key)?))),
            ),
        }
    }
}

const NOTHING: Change<f64> = Change {
    before: 0.0,
    after: 0.0,
};
