//! `teiten notice`: from the sensor's records to what the owner of a network is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write},
    net::IpAddr,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use sensor_common::ToolSet;
use sensor_evidence::{
    event::Sighting,
    notice::{
        Filter, Language, Network, csv, letter, networks,
        research::{Research, ResearchError},
        stix,
    },
};
use sensor_records::{
    Place, RecordsError, Table, read_rows,
    rows::{CoverageRow, SourceRow},
};

use crate::region::{RegionSources, RegionTable};

/// The form of a notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// The columns of the Shadowserver Foundation's darknet event report
    Csv,
    /// Everything that is known
    Json,
    /// A bundle of STIX 2.1
    Stix,
    /// A letter for each network
    #[default]
    Text,
}

/// What keeps a notice from being written.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// The records cannot be read.
    #[error("{path} cannot be read: {source}; give the directory of records with `--records`")]
    Read {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of records cannot be.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The table of research scanners cannot be.
    #[error("{path}: {source}")]
    Research {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ResearchError,
    },
    /// Systems were asked for without a database of them.
    #[error("`--as` needs a database of autonomous systems: give it with `--asn FILE.mmdb`")]
    NoSystems,
    /// The output cannot be written.
    #[error("the notice cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// What is asked for.
#[derive(Debug)]
pub struct Question {
    /// The directory of records.
    pub records: PathBuf,
    /// Hours from this moment on.
    pub since: Timestamp,
    /// Hours before this moment.
    pub until: Option<Timestamp>,
    /// Which sources.
    pub filter: Filter,
    /// A database of autonomous systems, with the country databases beside it.
    pub systems: Option<RegionSources>,
    /// A table of research scanners beside the built-in one.
    pub research: Option<PathBuf>,
    /// The form.
    pub form: Form,
    /// The language of letters.
    pub language: Language,
}

/// What a notice came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Networks.
    pub networks: usize,
    /// Packets in the notice.
    pub packets: u64,
    /// Packets in rows of those hours that name no source: nobody can be told of them.
    pub without_source: u64,
}

/// Writes the notice.
///
/// # Errors
/// Records or tables cannot be read, or the notice not be written.
pub fn tell(question: &Question, out: &mut impl Write) -> Result<Told, NoticeError> {
    let research = load_research(question.research.as_deref())?;
    let systems = load_systems(question)?;
    let mut told = Told::default();
    let mut sightings = Vec::new();
    let mut sensors = BTreeSet::new();
    for (path, place) in files(&question.records, Table::Sources)? {
        for row in read_rows::<SourceRow>(&path)? {
            if !is_within(question, row.hour.0) {
                continue;
            }
            sensors.insert(place.sensor.clone());
            match sighting(row, systems.as_ref()) {
                Ok(sighting) if question.filter.takes(&sighting, &research) => sightings.push(sighting),
                Ok(_) => {}
                Err(packets) => told.without_source += packets,
            }
        }
    }
    let watched = watched_addresses(question)?;
    let networks = networks(&sightings, &question.filter, &research, watched);
    told.networks = networks.len();
    told.packets = networks.iter().map(|network| network.packets).sum();
    let name = sensors.into_iter().collect::<Vec<_>>().join(" ");
    write(question, &networks, &name, out)?;
    Ok(told)
}

fn write(
    question: &Question,
    networks: &[Network],
    sensors: &str,
    out: &mut impl Write,
) -> Result<(), NoticeError> {
    match question.form {
        Form::Csv => write!(out, "{}", csv(networks))?,
        Form::Json => writeln!(
            out,
            "{}",
            serde_json::to_string_pretty(networks).map_err(io::Error::from)?
        )?,
        Form::Stix => writeln!(out, "{}", stix(networks, sensors))?,
        Form::Text => {
            for (place, network) in networks.iter().enumerate() {
                if place > 0 {
                    writeln!(out, "\n{}\n", "-".repeat(72))?;
                }
                write!(out, "{}", letter(network, question.language))?;
            }
        }
    }
    Ok(())
}

fn load_research(path: Option<&Path>) -> Result<Research, NoticeError> {
    let text = match path {
        Some(path) => fs::read_to_string(path).map_err(|source| NoticeError::Read {
            path: path.to_owned(),
            source,
        })?,
        None => String::new(),
    };
    Research::with(&text).map_err(|source| NoticeError::Research {
        path: path.map_or_else(|| "the built-in table".into(), Path::to_owned),
        source,
    })
}

fn load_systems(question: &Question) -> Result<Option<RegionTable>, NoticeError> {
    let Some(sources) = &question.systems else {
        return match question.filter.system {
            Some(_) => Err(NoticeError::NoSystems),
            None => Ok(None),
        };
    };
    RegionTable::load(sources)
        .map(Some)
        .map_err(|error| NoticeError::Read {
            path: sources.systems.clone().unwrap_or_default(),
            source: io::Error::other(error),
        })
}

fn is_within(question: &Question, hour: i64) -> bool {
    hour >= question.since.as_microsecond()
        && question.until.is_none_or(|until| hour < until.as_microsecond())
}

/// The watched IPv4 addresses of all sensors, each at its most; `None` where the records do not say.
fn watched_addresses(question: &Question) -> Result<Option<u64>, NoticeError> {
    if !question.records.join(Table::Coverage.name()).is_dir() {
        return Ok(None);
    }
    let mut sensors: BTreeMap<String, u64> = BTreeMap::new();
    for (path, place) in files(&question.records, Table::Coverage)? {
        for row in read_rows::<CoverageRow>(&path)? {
            if is_within(question, row.hour.0) {
                let most = sensors.entry(place.sensor.clone()).or_default();
                *most = (*most).max(u64::try_from(row.watched_addresses).unwrap_or(0));
            }
        }
    }
    Ok(Some(sensors.into_values().sum()).filter(|watched| *watched > 0))
}

/// Every file of a table, in the order of their paths.
fn files(root: &Path, table: Table) -> Result<Vec<(PathBuf, Place)>, NoticeError> {
    let mut files = Vec::new();
    let mut folders = vec![root.join(table.name())];
    while let Some(folder) = folders.pop() {
        let failed = |source| NoticeError::Read {
            path: folder.clone(),
            source,
        };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(Ok(place)) = path.strip_prefix(root).ok().map(Place::parse) {
                files.push((path, place));
            }
        }
    }
    files.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(files)
}

/// A row as a sighting, or the packets of one that names no source.
fn sighting(row: SourceRow, systems: Option<&RegionTable>) -> Result<Sighting, u64> {
    let packets = u64::try_from(row.packets).unwrap_or(0);
    let Some(source) = row.source.as_ref().and_then(|text| text.parse::<IpAddr>().ok()) else {
        return Err(packets);
    };
    let port = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok());
    let marks = ToolSet(row.tools.and_then(|mask| u16::try_from(mask).ok()).unwrap_or(0));
    Ok(Sighting {
        source,
        region: row.source_region.unwrap_or_else(|| "ZZ".to_owned()),
        system: systems.and_then(|systems| systems.asn_ip(source)),
        transport: row.transport,
        port: port(row.port),
        folded_ports: row.ports.and_then(|ports| u64::try_from(ports).ok()),
        class: row.class,
        tools: marks.tools().map(|tool| tool.name().to_owned()).collect(),
        packets,
        first: row.first_seen.0,
        last: row.last_seen.0,
        peer_port: port(row.first_peer_port),
        destination_bits: row.destination_bits.cast_unsigned(),
    })
}
