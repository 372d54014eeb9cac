//! Fills the types of the model from what was read.

use std::collections::BTreeMap;

use super::{
    Material, Subject,
    cube::CellKey,
    explain::explain,
    hourly::{LineKey, is_iot},
    is_chosen, is_domestic,
    keys::{PortId, RegionId},
    lines::Lines,
    rank::{Compared, Entry},
    rates::{BySensor, group},
    reclassified, roster, uniques,
};
use crate::model::{
    Cause, Cell, Change, Coverage, Explanation, Membership, Mirai, MiraiPort, MiraiRegion, Options, Overview,
    PreviousRank, Provenance, Ranked, Ranking, Region, Report, SCHEMA, SensorSummary, Side, Span, Step,
    WatchedService,
};

/// A previous rank beyond this is told as "outside".
const OUTSIDE_AFTER: usize = 10;
const FEW_SOURCES: u64 = 10;
/// From here on the packets of the largest sources are nearly all.
const ONE_SOURCE: f64 = 0.9;
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
        sensors: filler.sensors(),
        domestic: side(&of_side(true)),
        overseas: side(&of_side(false)),
        surges: material.surges.clone(),
        coverage,
        provenance: provenance(material),
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

    fn explanations<K: Copy>(
        &self,
        table: &[Entry<K>],
        subject: impl Fn(K) -> Subject,
        membership: &Membership,
    ) -> Vec<Explanation> {
        let (rows, left) = self.shown(table);
        let mut explanations = Vec::new();
        for entry in rows.into_iter().chain(left) {
            let subject = subject(entry.key);
            for mut explanation in explain(&self.all, entry, subject, membership) {
                let mut others = self.moved(subject, explanation.span);
                others.extend(self.few_sources(subject, &explanation));
                explanation.causes.splice(0..0, others);
                explanations.push(explanation);
            }
        }
        explanations
    }

    /// New region databases that moved packets from or to a region within a span.
    fn moved(&self, subject: Subject, span: Span) -> Vec<Cause> {
        let observed: BTreeMap<u16, &roster::Observed> = self
            .material
            .now
            .observed
            .iter()
            .filter(|(number, _)| self.all.has_sensor(**number))
            .map(|(number, observed)| (*number, observed))
            .collect();
        let moved = reclassified::moved(&self.material.hourly, &self.material.changes, &observed);
        let is_in_span = |at: i64| match span {
            Span::Periods | Span::TenDays => true,
            Span::Month(month) => {
                let ends = self.material.request.zone.start(month.last_of_month());
                ends.is_ok_and(|end| at <= end.as_second() + 86_400)
            }
        };
        moved
            .into_iter()
            .filter(|moved| is_in_span(moved.at))
            .flat_map(|moved| moved.subjects.into_iter().zip(moved.causes))
            .filter_map(|(found, cause)| (found == subject).then_some(cause))
            .collect()
    }

    /// A surge of one source makes the change when its packets are most of it.
    fn few_sources(&self, subject: Subject, explanation: &Explanation) -> Option<Cause> {
        let run = self
            .material
            .runs
            .iter()
            .find(|run| run.subject == subject && run.largest_source() >= ONE_SOURCE)?;
        let is_rise = explanation.rate.difference() > 0.0;
        (is_rise && explanation.span == Span::Periods).then(|| Cause {
            cell: Cell::FewSources {
                sources: 1,
                from: roster::text(run.from),
                to: roster::text(run.to),
            },
            rate: explanation.rate,
            share: run.largest_source(),
        })
    }

    fn watched(&self, port: PortId, ports: &[Entry<PortId>]) -> WatchedService {
        let regions = self.table(region_of, |cell| cell.port == port);
        let domestic = RegionId::of(&self.material.request.domestic);
        let line = |region: RegionId| LineKey::PortRegion(port, region);
        let mut ranking = self.ranking(&regions, RegionId::region, Subject::Region, line);
        // Averages and sources are of the region's packets to this port alone.
        for row in ranking.rows.iter_mut().chain(&mut ranking.left) {
            let region = RegionId::of(&row.key);
            row.ten_days = self
                .all
                .ten_days(|cell| cell.port == port && cell.region == region);
            row.sources = self.sources(uniques::Of::PortRegion(port, region));
        }
        let mut shown: Vec<RegionId> = ranking.rows.iter().map(|row| RegionId::of(&row.key)).collect();
        if !shown.contains(&domestic) {
            shown.push(domestic);
        }
        let last = self.material.request.period.to;
        let months = self.material.months.series(port, &shown, last);
        let none = |key| self.none(key);
        let of_domestic = regions
            .iter()
            .find(|entry| entry.key == domestic)
            .cloned()
            .unwrap_or_else(|| none(()).with(domestic));
        let standing = ports
            .iter()
            .find(|entry| entry.key == port)
            .cloned()
            .unwrap_or_else(|| none(()).with(port));
        WatchedService {
            port: port.port().unwrap_or_else(|| crate::model::Port::new(0, "tcp")),
            standing: self.ranked(
                &standing,
                port.port().unwrap_or_else(|| crate::model::Port::new(0, "tcp")),
                Subject::Port(port),
            ),
            domestic: of_domestic.ranked(
                self.material.request.domestic.clone(),
                self.all
                    .ten_days(|cell| cell.port == port && cell.region == domestic),
                self.sources(uniques::Of::PortRegion(port, domestic)),
            ),
            daily: self.lines.series(
                shown
                    .iter()
                    .filter_map(|region| Some((line(*region), region.region()?))),
            ),
            months: months.clone(),
            sources: self.material.timeline.series(
                Step::Month,
                &months.at,
                shown
                    .iter()
                    .filter_map(|region| Some((uniques::Of::PortRegion(port, *region), region.region()?))),
            ),
            source_regions: ranking,
        }
    }

    /// An entry of what was never seen.
    fn none(&self, key: ()) -> Entry<()> {
        Entry {
            key,
            rank: None,
            previous_rank: if self.all.has_previous() {
                PreviousRank::New
            } else {
                PreviousRank::NoData
            },
            rates: NOTHING,
            comparable: NOTHING,
            packets: Change { before: 0, after: 0 },
        }
    }

    fn mirai(&self) -> Mirai {
        let domestic = RegionId::of(&self.material.request.domestic);
        let regions = self.table(region_of, |cell| cell.mirai);
        let unmarked = self.whole(|cell| !cell.mirai && is_iot(cell.port));
        let top = self.material.request.top.max(SENSOR_TOP);
        let source_regions = regions
            .iter()
            .filter(|entry| entry.rank.is_some_and(|rank| rank <= top))
            .filter_map(|entry| {
                Some(MiraiRegion {
                    key: entry.key.region()?,
                    packets: entry.packets,
                    rate: entry.rates,
                    sources: self.sources(uniques::Of::Mirai(entry.key)),
                })
            });
        Mirai {
            packets: self.whole(|cell| cell.mirai).packets,
            sources: self.sources(uniques::Of::AllMirai),
            domestic_packets: self.whole(|cell| cell.mirai && cell.region == domestic).packets,
            domestic_sources: self.sources(uniques::Of::Mirai(domestic)),
            daily: self.lines.series([
                (LineKey::DomesticMirai, "domestic".to_owned()),
                (LineKey::Mirai, "all".to_owned()),
            ]),
            daily_sources: self.material.timeline.series(
                Step::Day,
                &self.material.now.frame.period.dates().collect::<Vec<_>>(),
                [
                    (uniques::Of::Mirai(domestic), "domestic".to_owned()),
                    (uniques::Of::AllMirai, "all".to_owned()),
                ],
            ),
            source_regions: source_regions.collect(),
            ports: self.mirai_ports(top),
            unmarked: unmarked.rates,
            unmarked_sources: Change {
                before: self.material.estimates.before.unmarked(),
                after: self.material.estimates.after.unmarked(),
            },
            unmarked_daily: self.lines.series([(LineKey::Unmarked, "unmarked".to_owned())]),
        }
    }

    /// Ports by their packets with the mark.
    fn mirai_ports(&self, top: usize) -> Vec<MiraiPort> {
        let sums = group(
            &self.material.now.cube,
            |cell| self.all.has_sensor(cell.sensor),
            |cell| (cell.port, cell.mirai),
        );
        let of = |port: PortId, mirai: bool| -> u64 {
            sums.get(&(port, mirai))
                .map_or(0, |packets: &BySensor| packets.values().sum())
        };
        let mut ports: Vec<_> = sums
            .keys()
            .filter(|(_, mirai)| *mirai)
            .filter_map(|(port, _)| {
                let mirai = of(*port, true);
                Some(MiraiPort {
                    key: port.port()?,
                    all: mirai + of(*port, false),
                    mirai,
                })
            })
            .collect();
        ports.sort_by(|one, other| other.mirai.cmp(&one.mirai).then(one.key.cmp(&other.key)));
        ports.truncate(top);
        ports
    }

    fn sensors(&self) -> Vec<SensorSummary> {
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

    fn coverage(&self) -> Coverage {
        let material = self.material;
        let until = roster::known_until(&material.now.frame, &material.covered);
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
            let (sensor, outages) = roster::outages(sensor, observed, &material.now.frame, until, zone);
            coverage.sensors.push(sensor);
            coverage.outages.extend(outages);
        }
        coverage.sensors.sort_by(|one, other| one.name.cmp(&other.name));
        coverage
            .outages
            .sort_by(|one, other| (&one.from, &one.sensor).cmp(&(&other.from, &other.sensor)));
        coverage
    }

    fn membership(&self) -> Membership {
        let has = |known: &super::rank::Known, number: u16| {
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

const NOTHING: Change<f64> = Change {
    before: 0.0,
    after: 0.0,
};
const NO_SOURCES: Change<Option<f64>> = Change {
    before: None,
    after: None,
};

impl Entry<()> {
    fn with<K>(self, key: K) -> Entry<K> {
        Entry {
            key,
            rank: self.rank,
            previous_rank: self.previous_rank,
            rates: self.rates,
            comparable: self.comparable,
            packets: self.packets,
        }
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

fn side(compared: &Compared<'_>) -> Option<Side> {
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

fn provenance(material: &Material<'_>) -> Provenance {
    Provenance {
        versions: BTreeMap::from([
            ("teiten-report".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("tables".to_owned(), sensor_records::SCHEMA_VERSION.to_string()),
        ]),
        region_databases: material.covered.databases.clone(),
        programs: material.covered.programs.clone(),
    }
}
