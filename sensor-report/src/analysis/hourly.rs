//! Second pass: the hours of a period, of the ports and regions that the first pass found worth it.

use sensor_records::{Place, Table};

use super::{
    Progress,
    cube::{COLUMNS, rows},
    frame::Frame,
    keys::{PortId, RegionId},
    maps::{Map, Set},
};
use crate::{
    scan::{Columns, ScanError, Unreadable, scan},
    store::Store,
};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// So long before and after a new region database its regions are compared.
pub(crate) const WINDOW_SECONDS: i64 = 7 * DAY;
/// In rows with fewer packets than this the largest source says nothing: of one packet it always sent all.
const TELLING: u64 = 10;

/// Ports that Mirai and its kin look for: a TCP scan of one of these without the mark is told of apart. The first two
/// are of Mirai's published source, the others of variants that NICTER's and JPCERT/CC's reports name.
pub(crate) const IOT_PORTS: [u16; 9] = [23, 2323, 37_215, 52_869, 5_555, 7_547, 8_080, 81, 60_023];

/// What a line of a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum LineKey {
    All,
    Port(PortId),
    Region(RegionId),
    PortRegion(PortId, RegionId),
    /// With the Mirai mark, from everywhere.
    Mirai,
    /// With the Mirai mark, from domestic sources.
    DomesticMirai,
    /// TCP scans of [`IOT_PORTS`] without the mark.
    Unmarked,
}

/// Packets of an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HourSums {
    pub(crate) packets: u64,
    /// Packets in rows that are large enough to tell something of sources.
    pub(crate) telling: u64,
    /// Of those, the packets of each row's largest source.
    pub(crate) largest: u64,
}

impl HourSums {
    pub(crate) fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.telling += other.telling;
        self.largest += other.largest;
    }
}

/// What is looked at closely.
#[derive(Clone, Debug)]
pub(crate) struct Interest {
    pub(crate) ports: Set<PortId>,
    pub(crate) regions: Set<RegionId>,
    /// Ports whose regions have lines of their own.
    pub(crate) watched: Set<PortId>,
    pub(crate) domestic: RegionId,
    /// Sensors that surges are looked for on.
    pub(crate) steady: Set<u16>,
    /// When a new region database came into use.
    pub(crate) changes: Vec<i64>,
}

/// A cell in the week before, or after, a new region database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AroundKey {
    pub(crate) change: u8,
    pub(crate) after: bool,
    pub(crate) sensor: u16,
    pub(crate) port: PortId,
    pub(crate) region: RegionId,
}

/// The hours and days of a period.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hourly {
    /// By day, sensor and line.
    pub(crate) days: Map<(u16, u16, LineKey), u64>,
    /// By line and hour (seconds since 1970), over the steady sensors.
    pub(crate) hours: Map<(LineKey, i64), HourSums>,
    pub(crate) around: Map<AroundKey, u64>,
}

impl Hourly {
    fn merge(&mut self, other: Self) {
        for (key, packets) in other.days {
            *self.days.entry(key).or_default() += packets;
        }
        for (key, sums) in other.hours {
            self.hours.entry(key).or_default().add(sums);
        }
        for (key, packets) in other.around {
            *self.around.entry(key).or_default() += packets;
        }
    }
}

/// Reads every hour of a period.
pub(crate) fn hourly(
    store: &Store,
    frame: &Frame,
    numbers: &Map<String, u16>,
    interest: &Interest,
    progress: &dyn Progress,
) -> Result<(Hourly, Vec<Unreadable>), ScanError> {
    let mut files = store.files(Table::Cells, frame.utc_days())?;
    files.retain(|place| numbers.contains_key(&place.sensor));
    progress.expect(files.len());
    let fold = |part: &mut Hourly, place: &Place, columns: Columns<'_>| {
        let Some(&sensor) = numbers.get(&place.sensor) else {
            return Ok(());
        };
        rows(columns, true, |row| {
            let Some(hour) = row.hour.filter(|_| row.is_scan) else {
                return;
            };
            let Some((_, day)) = frame.place(hour) else { return };
            let day = u16::try_from(day).unwrap_or(u16::MAX);
            let of_port = interest.ports.contains(&row.port);
            let of_region = interest.regions.contains(&row.region);
            let lines = [
                Some(LineKey::All),
                of_port.then_some(LineKey::Port(row.port)),
                of_region.then_some(LineKey::Region(row.region)),
                (interest.watched.contains(&row.port) && (of_region || row.region == interest.domestic))
                    .then_some(LineKey::PortRegion(row.port, row.region)),
                row.mirai.then_some(LineKey::Mirai),
                (row.mirai && row.region == interest.domestic).then_some(LineKey::DomesticMirai),
                (!row.mirai && is_iot(row.port)).then_some(LineKey::Unmarked),
            ];
            let telling = row.packets >= TELLING;
            let sums = HourSums {
                packets: row.packets,
                telling: if telling { row.packets } else { 0 },
                largest: if telling { row.largest } else { 0 },
            };
            for line in lines.into_iter().flatten() {
                *part.days.entry((day, sensor, line)).or_default() += row.packets;
                if interest.steady.contains(&sensor) && matches!(line, LineKey::Port(_) | LineKey::Region(_))
                {
                    let hour = hour - hour.rem_euclid(HOUR);
                    part.hours.entry((line, hour)).or_default().add(sums);
                }
            }
            for (change, at) in (0_u8..).zip(&interest.changes) {
                if (at - WINDOW_SECONDS..at + WINDOW_SECONDS).contains(&hour) {
                    let key = AroundKey {
                        change,
                        after: hour >= *at,
                        sensor,
                        port: row.port,
                        region: row.region,
                    };
                    *part.around.entry(key).or_default() += row.packets;
                }
            }
        })
    };
    let found = scan::<Hourly>(store, &files, &COLUMNS, &fold, &|| progress.advance())?;
    let mut hourly = Hourly::default();
    found.parts.into_iter().for_each(|part| hourly.merge(part));
    Ok((hourly, found.unreadable))
}

/// Whether a port is one of [`IOT_PORTS`].
pub(crate) fn is_iot(port: PortId) -> bool {
    port.is_tcp() && port.port().is_some_and(|port| IOT_PORTS.contains(&port.number))
}
