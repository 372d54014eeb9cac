//! Packets with the Mirai mark, and those that look for the same devices without it.

use super::{
    super::{
        hourly::{LineKey, is_iot},
        keys::{PortId, RegionId},
        rates::{BySensor, group},
        uniques,
    },
    Filler, SENSOR_TOP, region_of,
};
use crate::model::{Change, Mirai, MiraiPort, MiraiRegion, Step};

impl Filler<'_> {
    pub(super) fn mirai(&self) -> Mirai {
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
            devices: self.material.devices.clone(),
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
}
