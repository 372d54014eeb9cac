//! `teiten samples`: what lies in files of samples, for people and for others.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, BufWriter, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use sensor_evidence::{
    anonymise::{Anonymiser, KeyError},
    escape::{is_label, terminal, terminal_text},
    packet::Layout,
    pcapng::{Decoder, Encoder, Packet, PcapngError},
    probe::Probes,
    sip::Request,
    store,
};
use serde_json::json;

/// What can go wrong with files of samples.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// A file or directory cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is something else.
    #[error("{path}: {source}")]
    Form {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: PcapngError,
    },
    /// The export cannot be written.
    #[error("{path} cannot be written: {source}; it must not be there before")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What was printed cannot be.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// The files that are named: of a directory all of its files of samples, the oldest first.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, SamplesError> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let within = store::files(path).map_err(|source| SamplesError::Read {
                path: path.clone(),
                source,
            })?;
            files.extend(within);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn each_packet(
    path: &Path,
    mut take: impl FnMut(Packet) -> Result<(), SamplesError>,
) -> Result<(), SamplesError> {
    let file = File::open(path).map_err(|source| SamplesError::Read {
        path: path.to_owned(),
        source,
    })?;
    let mut decoder = Decoder::new(BufReader::new(file));
    loop {
        match decoder.packet() {
            Ok(Some(packet)) => take(packet)?,
            Ok(None) => return Ok(()),
            Err(source) => {
                return Err(SamplesError::Form {
                    path: path.to_owned(),
                    source,
                });
            }
        }
    }
}

fn moment(nanoseconds: u64) -> String {
    let time = jiff::Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Prints a line for each file: packets, first, last, size.
///
/// # Errors
/// A file cannot be read.
pub fn list(paths: &[PathBuf], out: &mut impl Write) -> Result<(), SamplesError> {
    writeln!(
        out,
        "{:>8} {:>10} {:27} {:27} file",
        "packets", "bytes", "first", "last"
    )?;
    for path in files(paths)? {
        let (mut packets, mut first, mut last) = (0_u64, u64::MAX, 0);
        each_packet(&path, |packet| {
            packets += 1;
            first = first.min(packet.nanoseconds);
            last = last.max(packet.nanoseconds);
            Ok(())
        })?;
        let bytes = path.metadata().map_or(0, |metadata| metadata.len());
        let (first, last) = match packets {
            0 => ("-".to_owned(), "-".to_owned()),
            _ => (moment(first), moment(last)),
        };
        let name = terminal_text(&path.display().to_string());
        writeln!(out, "{packets:>8} {bytes:>10} {first:27} {last:27} {name}")?;
    }
    Ok(())
}

/// Prints a line for each packet, or one JSON object; whatever a stranger wrote is escaped and cut.
///
/// # Errors
/// A file cannot be read.
pub fn show(paths: &[PathBuf], as_json: bool, out: &mut impl Write) -> Result<(), SamplesError> {
    for path in files(paths)? {
        each_packet(&path, |packet| {
            let line = if as_json { object(&packet) } else { line(&packet) };
            writeln!(out, "{line}").map_err(SamplesError::Output)
        })?;
    }
    Ok(())
}

fn line(packet: &Packet) -> String {
    let mut line = moment(packet.nanoseconds);
    let Some(layout) = Layout::of_ethernet(&packet.frame) else {
        return format!("{line} not IP, {} octets", packet.wire_octets);
    };
    let (from, to) = match layout.ports {
        Some((from, to)) => (
            std::net::SocketAddr::new(layout.source, from).to_string(),
            std::net::SocketAddr::new(layout.destination, to).to_string(),
        ),
        None => (layout.source.to_string(), layout.destination.to_string()),
    };
    line = format!(
        "{line} {from} > {to} {} {} octets [{}]",
        layout.kind.name(),
        packet.wire_octets,
        terminal_text(&packet.comment)
    );
    let payload = layout.payload(&packet.frame);
    match Request::read(payload) {
        Some(request) => {
            let shown = |value: Option<&[u8]>| value.map_or_else(|| "-".to_owned(), terminal);
            format!(
                "{line} {} {} | User-Agent: {} | From: {}",
                request.method,
                terminal(request.target),
                shown(request.user_agent),
                shown(request.from)
            )
        }
        None if payload.is_empty() => line,
        None => format!("{line} {}", terminal(payload)),
    }
}

fn object(packet: &Packet) -> String {
    let layout = Layout::of_ethernet(&packet.frame);
    let payload = layout
        .as_ref()
        .map_or(&[][..], |layout| layout.payload(&packet.frame));
    let request = Request::read(payload);
    let ports = layout.as_ref().and_then(|layout| layout.ports);
    json!({
        "time": moment(packet.nanoseconds),
        "source": layout.as_ref().map(|layout| layout.source),
        "destination": layout.as_ref().map(|layout| layout.destination),
        "transport": layout.as_ref().map(|layout| layout.kind.name()),
        "source_port": ports.map(|(source, _)| source),
        "destination_port": ports.map(|(_, destination)| destination),
        "octets": packet.wire_octets,
        "captured": packet.frame.len(),
        "interface": terminal_text(&packet.interface),
        "comment": terminal_text(&packet.comment),
        "sip": request.as_ref().map(|request| json!({
            "method": request.method,
            "tool": scanner(packet, request),
            "target": terminal(request.target),
            "user_agent": request.user_agent.map(terminal),
            "from": request.from.map(terminal),
        })),
        "payload": if request.is_some() { None } else { Some(terminal(payload)) },
    })
    .to_string()
}

/// Who sent a request: as the sensor noted it, whose table may have more names than the built-in one, or else by that.
fn scanner(packet: &Packet, request: &Request<'_>) -> Option<String> {
    let noted = packet
        .comment
        .split(' ')
        .find_map(|word| word.strip_prefix("sip="));
    if let Some(name) = noted.filter(|name| is_label(name)) {
        return Some(name.to_owned());
    }
    let probes = Probes::default();
    let place = probes.scanners().of(request)?;
    probes.scanners().labels().get(place).cloned()
}

/// What an export came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Packets in the new file.
    pub packets: u64,
    /// Packets that cannot be anonymised and were left out.
    pub left_out: u64,
}

/// Writes all packets into one new file that only its owner can read; with a key, so that they can be shared.
///
/// # Errors
/// A file cannot be read, the new one is there already or cannot be written, or the key cannot be used.
pub fn export(paths: &[PathBuf], to: &Path, key: Option<&Path>) -> Result<Exported, SamplesError> {
    let anonymiser = key.map(Anonymiser::load).transpose()?;
    let failed = |source| SamplesError::Write {
        path: to.to_owned(),
        source,
    };
    let files = files(paths)?;
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(to);
    let mut out = BufWriter::new(file.map_err(failed)?);
    let mut encoder = Encoder::default();
    let mut exported = Exported::default();
    out.write_all(&Encoder::section()).map_err(failed)?;
    for path in files {
        each_packet(&path, |packet| {
            let packet = match &anonymiser {
                Some(anonymiser) => anonymiser.packet(&packet),
                None => Some(packet),
            };
            let Some(packet) = packet else {
                exported.left_out += 1;
                return Ok(());
            };
            exported.packets += 1;
            out.write_all(&encoder.packet(&packet)).map_err(failed)
        })?;
    }
    out.flush().map_err(failed)?;
    Ok(exported)
}
