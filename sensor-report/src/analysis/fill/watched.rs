//! Services that are looked at whatever their rank.

use super::{
    super::{
        Subject,
        hourly::LineKey,
        keys::{PortId, RegionId},
        rank::Entry,
        uniques,
    },
    Filler, NOTHING, region_of,
};
use crate::model::{Change, PreviousRank, Step, WatchedService};

impl Filler<'_> {
    pub(super) fn watched(&self, port: PortId, ports: &[Entry<PortId>]) -> WatchedService {
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
}

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
