//! Networks of sources: which of them made a change, and which of them belong to scanners of research.
//!
//! The tables have the networks that sent most on a day of UTC; only days that lie within a period are read, and a sensor
//! counts as observing on each that it has a table of. What a network sent on days on which it sent little is not there: figures are
//! what there is at least.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
};

use arrow_array::{Int32Array, Int64Array, StringArray};
use sensor_evidence::notice::research::Research;
use sensor_records::{Day, Place, Table};

use super::{
    Progress,
    explain::Subject,
    frame::Frame,
    keys::{PortId, RegionId},
    maps::{Map, Set},
    rates::BySensor,
};
use crate::{
    scan::{Columns, ScanError, Unreadable, scan, value},
    store::Store,
};

const COLUMNS: [&str; 8] = [
    "network",
    "system",
    "source_region",
    "transport",
    "port",
    "class",
    "other",
    "packets",
];
/// Networks that are told apart for each subject: beyond, those that have sent least so far are given up.
const MOST_NETWORKS: usize = 1 << 16;

/// Whose sources they are: the autonomous system's where it is known, else the network's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Owner {
    System(i64),
    Network(String),
}

impl Owner {
    /// As it is named in a report.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::System(number) => format!("AS{number}"),
            Self::Network(network) => network.clone(),
        }
    }
}

/// What networks sent in a period.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks {
    /// Packets by subject, owner and sensor.
    owners: HashMap<Subject, HashMap<Owner, BySensor>>,
    /// Packets of research by scanner and port.
    pub(crate) research: BTreeMap<(String, PortId), u64>,
    /// Days that each sensor has a table of.
    days: BTreeMap<u16, BTreeSet<Day>>,
}

/// What is asked of the tables.
pub(crate) struct Asked<'asked> {
    pub(crate) numbers: &'asked Map<String, u16>,
    pub(crate) chosen: &'asked Set<u16>,
    pub(crate) subjects: &'asked Set<Subject>,
    pub(crate) research: Option<&'asked Research>,
}

/// Reads the days of UTC that lie within a period.
pub(crate) fn networks(
    store: &Store,
    frame: &Frame,
    asked: &Asked<'_>,
    progress: &dyn Progress,
) -> Result<(Networks, Vec<Unreadable>), ScanError> {
    let (from, to) = frame.seconds();
    let number = |place: &Place| {
        let number = asked.numbers.get(&place.sensor).copied();
        number.filter(|number| asked.chosen.contains(number))
    };
    let mut files = store.files(Table::Networks, frame.utc_days())?;
    files.retain(|place| {
        number(place).is_some() && place.day.begins() >= from && place.day.plus(1).begins() <= to
    });
    progress.expect(files.len());
    let fold = |part: &mut Networks, place: &Place, columns: Columns<'_>| {
        let Some(sensor) = number(place) else {
            return Ok(());
        };
        rows(part, columns, sensor, asked)?;
        part.days.entry(sensor).or_default().insert(place.day);
        Ok(())
    };
    let found = scan::<Networks>(store, &files, &COLUMNS, &fold, &|| progress.advance())?;
    let mut all = Networks::default();
    found.parts.into_iter().for_each(|part| all.merge(part));
    Ok((all, found.unreadable))
}

fn rows(part: &mut Networks, columns: Columns<'_>, sensor: u16, asked: &Asked<'_>) -> Result<(), String> {
    let (network, system) = (columns.text("network")?, columns.counts("system")?);
    let (region, transport) = (columns.text("source_region")?, columns.text("transport")?);
    let (port, class) = (columns.small("port")?, columns.text("class")?);
    let (other, packets) = (columns.flags("other")?, columns.counts("packets")?);
    let mut scanners: HashMap<String, Option<String>> = HashMap::new();
    for row in (0..columns.0.num_rows()).filter(|row| class.value(*row) == "scan") {
        let count = u64::try_from(packets.value(row)).map_err(|_| "a count of packets is negative")?;
        let port = PortId::of_scan(transport.value(row), value(port, row, Int32Array::value));
        let Some(network) = value(network, row, StringArray::value).filter(|_| !other.value(row)) else {
            continue;
        };
        if let Some(research) = asked.research {
            let scanner = scanners
                .entry(network.to_owned())
                .or_insert_with(|| scanner_of(network, research));
            if let Some(name) = scanner {
                *part.research.entry((name.clone(), port)).or_default() += count;
            }
        }
        let region = RegionId::of_row(value(region, row, StringArray::value));
        for subject in [Subject::Port(port), Subject::Region(region)] {
            if asked.subjects.contains(&subject) {
                let owner = value(system, row, Int64Array::value)
                    .map_or_else(|| Owner::Network(network.to_owned()), Owner::System);
                part.add(subject, owner, sensor, count);
            }
        }
    }
    Ok(())
}

/// Whose scanner a whole network is.
fn scanner_of(network: &str, research: &Research) -> Option<String> {
    let address: IpAddr = network.split('/').next()?.parse().ok()?;
    research.of(address).map(str::to_owned)
}

impl Networks {
    fn add(&mut self, subject: Subject, owner: Owner, sensor: u16, packets: u64) {
        let owners = self.owners.entry(subject).or_default();
        *owners.entry(owner).or_default().entry(sensor).or_default() += packets;
        if owners.len() > MOST_NETWORKS {
            let mut sums: Vec<u64> = owners.values().map(|sensors| sensors.values().sum()).collect();
            let middle = sums.len() / 2;
            let (_, least, _) = sums.select_nth_unstable(middle);
            let least = *least;
            owners.retain(|_, sensors| sensors.values().sum::<u64>() > least);
        }
    }

    fn merge(&mut self, other: Self) {
        for (subject, owners) in other.owners {
            for (owner, sensors) in owners {
                for (sensor, packets) in sensors {
                    self.add(subject, owner.clone(), sensor, packets);
                }
            }
        }
        for (key, packets) in other.research {
            *self.research.entry(key).or_default() += packets;
        }
        for (sensor, days) in other.days {
            self.days.entry(sensor).or_default().extend(days);
        }
    }

    /// Days that each sensor has a table of.
    pub(crate) fn days(&self) -> impl Iterator<Item = (u16, usize)> {
        self.days.iter().map(|(sensor, days)| (*sensor, days.len()))
    }

    /// The owners that sent something to a port, or from a region.
    pub(crate) fn owners(&self, subject: Subject) -> impl Iterator<Item = &Owner> {
        self.owners.get(&subject).into_iter().flat_map(HashMap::keys)
    }

    /// What an owner sent of it, by sensor.
    pub(crate) fn packets(&self, subject: Subject, owner: &Owner) -> Option<&BySensor> {
        self.owners.get(&subject)?.get(owner)
    }
}
