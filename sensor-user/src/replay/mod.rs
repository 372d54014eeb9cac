//! Replay: the packets of capture files through the same classifier and the same pipeline as a live ring.

mod recording;
mod sketches;
mod table;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use indicatif::{ProgressBar, ProgressStyle};
use ipnet::IpNet;
use jiff::Timestamp;

use self::recording::Recording;
pub use self::table::print;
use crate::{
    capture::{self, Capture, CaptureError},
    config::default_watched_ports,
    kernel::WatchList,
    pipeline::{
        arrival::{Arrival, BATCH},
        conservation::Report,
        derive::{Aggregator, record_of},
        ledger::Books,
        snapshot::{Frame, Snapshot},
        totals::KernelTotals,
    },
    region::RegionTable,
};

/// Packets between two steps of the progress bar.
const PROGRESS_STEP: u64 = 1 << 16;

/// What is replayed, and how.
pub struct Replay {
    /// The files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Observed prefixes; empty for every address.
    pub watch: Vec<IpNet>,
    /// Where sources are.
    pub regions: Arc<RegionTable>,
    /// The sensor's id in the snapshot.
    pub sensor: String,
    /// Where records go, if anywhere.
    pub records: Option<PathBuf>,
}

/// What a replay came to.
#[derive(Debug)]
pub struct Replayed {
    /// All that was counted.
    pub snapshot: Snapshot,
    /// What could not be read, file by file. What came before it is counted.
    pub errors: Vec<CaptureError>,
    /// Packets of link types that cannot be read, by link type.
    pub skipped: BTreeMap<String, u64>,
}

impl Replay {
    /// Reads all files, one after the other.
    ///
    /// # Errors
    /// The watch list is too large, or records cannot be written. A file that cannot be read is in the answer instead.
    pub fn run(&self) -> anyhow::Result<Replayed> {
        let everything = ["0.0.0.0/0".parse()?, "::/0".parse()?];
        let watch = if self.watch.is_empty() {
            &everything[..]
        } else {
            &self.watch[..]
        };
        let mut counting = Counting {
            watch: WatchList::new(watch)?,
            totals: KernelTotals::zero(),
            aggregator: Aggregator::new(Arc::clone(&self.regions), &default_watched_ports()),
            first: None,
            last: None,
            recording: match &self.records {
                Some(directory) => Some(Recording::open(
                    directory,
                    &self.sensor,
                    Arc::clone(&self.regions),
                )?),
                None => None,
            },
            arrivals: Vec::with_capacity(BATCH),
        };
        let mut errors = Vec::new();
        let mut skipped = BTreeMap::new();
        for file in &self.files {
            match Capture::open(file) {
                Ok(mut capture) => {
                    if let Err(error) = counting.count(&mut capture) {
                        errors.push(error);
                    }
                    for skip in capture.skipped() {
                        *skipped.entry(skip.link_type.to_string()).or_default() += skip.packets;
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        counting.take_in();
        if let Some(recording) = counting.recording.take() {
            recording.close(&counting.watch)?;
        }
        Ok(Replayed {
            snapshot: counting.snapshot(&self.sensor),
            errors,
            skipped,
        })
    }
}

struct Counting {
    watch: WatchList,
    totals: KernelTotals,
    aggregator: Aggregator,
    first: Option<i64>,
    last: Option<i64>,
    recording: Option<Recording>,
    /// Records that wait for others, to be taken in together.
    arrivals: Vec<Arrival>,
}

impl Counting {
    /// Counts a capture up to its end, or up to where it cannot be read.
    fn count(&mut self, capture: &mut Capture) -> Result<(), CaptureError> {
        let bar = progress(capture.total_bytes());
        let mut packets = 0_u64;
        loop {
            if packets.is_multiple_of(PROGRESS_STEP) {
                bar.set_position(capture.position());
            }
            packets += 1;
            let Some(frame) = capture.next()? else {
                bar.finish_and_clear();
                return Ok(());
            };
            let nanoseconds = frame.timestamp.map(capture::Timestamp::nanoseconds);
            let result = capture::classify(&frame, &self.watch);
            self.packet(result, nanoseconds);
        }
    }

    fn packet(
        &mut self,
        result: Result<sensor_common::Observation, sensor_common::Outcome>,
        nanoseconds: Option<i64>,
    ) {
        if let Some(time) = nanoseconds {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
        // A packet without a time came when the one before it did, as far as anybody can tell.
        let micros = nanoseconds.or(self.last).unwrap_or(0).div_euclid(1_000);
        let result = result.as_ref().map_err(|outcome| *outcome);
        self.totals.count(result);
        if let Some(recording) = &mut self.recording {
            recording.packet(result, micros);
        }
        if let Ok(observation) = result {
            let record = record_of(observation);
            self.arrivals.push(Arrival::new(record, micros, micros));
            if self.arrivals.len() == BATCH {
                self.take_in();
            }
        }
    }

    /// Takes in what was gathered.
    fn take_in(&mut self) {
        self.aggregator.add_all(&mut self.arrivals);
        if let Some(recording) = &mut self.recording {
            recording.add_all(&self.arrivals);
        }
        self.arrivals.clear();
    }

    fn snapshot(&self, sensor: &str) -> Snapshot {
        let derived = self.aggregator.derived();
        let frame = Frame {
            sensor,
            from: time_of(self.first),
            to: time_of(self.last),
            xdp_mode: "replay",
            // Every packet is a record of its own here, read as soon as it was made.
            report: Report {
                read_packets: derived.packets,
                read_records: derived.records,
                observed_packets: self.totals.observed(),
                ..Report::default()
            },
            lost_queue: (0, 0),
            earlier: Books::default(),
        };
        Snapshot::new(&frame, &self.totals, &derived)
    }
}

/// A capture's time; files without packets, and times beyond the year 9999, are shown as 1970.
fn time_of(nanoseconds: Option<i64>) -> Timestamp {
    nanoseconds
        .and_then(|time| Timestamp::from_nanosecond(time.into()).ok())
        .unwrap_or_default()
}

fn progress(total: Option<u64>) -> ProgressBar {
    // Indicatif draws on a terminal alone.
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    match style {
        Ok(style) if total.is_some() => bar.with_style(style),
        _ => bar,
    }
}
