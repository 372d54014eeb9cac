//! The tick: flushes the caches, reads the totals, and publishes what is known.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

pub use super::recorder::Recorder;
use super::{aggregate::Answer, drain::Shared};
use crate::{
    config::Config,
    export::{
        published::{Published, State},
        remembered::Remembered,
        series::Series,
    },
    kernel::{Attachment, Counters, KernelError, Sensor},
    pipeline::{
        snapshot::{Frame, Snapshot},
        totals::KernelTotals,
    },
    region::{Changed, RegionHandle},
};
use jiff::Timestamp;
use prometheus::Histogram;

/// How long a tick waits for the drain to come up to its barrier.
const BARRIER_PATIENCE: Duration = Duration::from_secs(5);
/// How long the caches may take to empty themselves through the ring at the end.
const EMPTYING_PATIENCE: Duration = Duration::from_secs(3);

/// All that a tick works with.
pub struct Ticker {
    /// The programs.
    pub sensor: Sensor,
    /// The totals.
    pub counters: Counters,
    /// Where the program is attached.
    pub attachments: Vec<Attachment>,
    /// Where barriers are asked for.
    pub shared: Arc<Shared>,
    /// Where they are answered.
    pub derived: Receiver<Answer>,
    /// Where the state goes.
    pub published: Arc<Published>,
    /// How long flushes take.
    pub flush_duration: Histogram,
    /// Set when somebody asks for the region database to be loaded anew.
    pub reload: Arc<AtomicBool>,
    /// The region database.
    pub regions: Arc<RegionHandle>,
    /// What the operator decided.
    pub config: Config,
    /// Where records go.
    pub recorder: Option<Recorder>,
}

/// Starts ticking, until the sender of `stopped` is dropped.
///
/// # Errors
/// The thread cannot be started.
pub fn spawn(ticker: Ticker, stopped: Receiver<()>) -> std::io::Result<JoinHandle<Result<(), KernelError>>> {
    thread::Builder::new()
        .name("tick".into())
        .spawn(move || Ticking::new(ticker).run(&stopped))
}

struct Ticking {
    ticker: Ticker,
    started: Timestamp,
    series: Series,
    remembered: Option<Remembered>,
    /// Names and indices as they were attached: what came stays counted when an interface is gone.
    interfaces: Vec<(String, u32)>,
    last_seen: u64,
    last_packet: f64,
}

impl Ticking {
    fn new(ticker: Ticker) -> Self {
        let config = &ticker.config;
        let mut series = Series::new(config.listed_ports, &config.watched_ports);
        let remembered = config
            .state_directory
            .as_deref()
            .map(|directory| Remembered::open(directory, &mut series));
        Self {
            remembered,
            interfaces: ticker
                .attachments
                .iter()
                .map(|attachment| (attachment.interface.clone(), attachment.index))
                .collect(),
            series,
            ticker,
            started: Timestamp::now(),
            last_seen: 0,
            last_packet: 0.0,
        }
    }

    fn run(mut self, stopped: &Receiver<()>) -> Result<(), KernelError> {
        let interval = self.ticker.config.flush_interval;
        let mut next = Instant::now();
        loop {
            self.tick()?;
            // A tick that took longer than the interval is followed by the next at once, not by several.
            next = (next + interval).max(Instant::now());
            let wait = next.saturating_duration_since(Instant::now());
            if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                break;
            }
        }
        self.ticker.sensor.detach()?;
        self.ticker.attachments.clear();
        self.empty_caches()?;
        self.tick()?;
        self.say_goodbye();
        Ok(())
    }

    /// A ring smaller than the caches takes them in several rounds; one is enough for any other.
    fn empty_caches(&mut self) -> Result<(), KernelError> {
        let deadline = Instant::now() + EMPTYING_PATIENCE;
        loop {
            let stayed = self.ticker.sensor.flush()?.stayed;
            let number = self.ticker.shared.request_barrier();
            // A drain that does not answer will not empty the ring either; the last tick says so.
            if self.await_barrier(number).is_none() || stayed == 0 {
                return Ok(());
            }
            if Instant::now() >= deadline {
                tracing::warn!(
                    records = stayed,
                    "the caches could not be emptied in time: the detail of what stays in them is lost"
                );
                return Ok(());
            }
        }
    }

    fn tick(&mut self) -> Result<(), KernelError> {
        self.look_at_regions();
        let begun = Instant::now();
        let flushed = self.ticker.sensor.flush()?;
        self.ticker.flush_duration.observe(begun.elapsed().as_secs_f64());
        for (cpu, cause) in &flushed.failed {
            tracing::warn!(cpu, cause, "a CPU's flow cache could not be flushed");
        }
        if !flushed.unproven.is_empty() {
            tracing::warn!(
                cpus = ?flushed.unproven,
                stayed = flushed.stayed,
                "the ring had no room for the markers of these CPUs: until the next flush, what is known of their \
                 caches is old"
            );
        }
        self.look_at_attachments();
        let number = self.ticker.shared.request_barrier();
        let totals = self.ticker.counters.read(&self.interfaces)?;
        let Some(answer) = self.await_barrier(number) else {
            tracing::warn!(
                stayed = flushed.stayed,
                "the drain is behind: this tick publishes nothing, and nothing is lost by that"
            );
            return Ok(());
        };
        self.publish(totals, &answer);
        Ok(())
    }

    /// An interface may go while its program is loaded. That is said once, and shown for as long as it is so.
    fn look_at_attachments(&mut self) {
        for attachment in &mut self.ticker.attachments {
            let before = attachment.present;
            if let Err(error) = attachment.look() {
                tracing::debug!(interface = attachment.interface, %error, "the program cannot be looked for");
            } else if before && !attachment.present {
                tracing::error!(
                    interface = attachment.interface,
                    "the program is not attached any more: was the interface deleted? Restart the sensor when it is back"
                );
            } else if !before && attachment.present {
                tracing::info!(interface = attachment.interface, "the program is attached again");
            }
        }
    }

    /// Loads the region database anew when its files changed or somebody asked; a bad one is refused and the old stays.
    fn look_at_regions(&self) {
        let asked = self.ticker.reload.swap(false, Ordering::AcqRel);
        if !asked && !self.ticker.regions.poll_changed() {
            return;
        }
        match self.ticker.regions.reload() {
            Ok(Changed::No) => tracing::info!("the region database is the one in use"),
            Ok(Changed::Yes { after, .. }) => {
                let files: Vec<String> = after
                    .info()
                    .files()
                    .map(|file| file.path.display().to_string())
                    .collect();
                tracing::info!(
                    ?files,
                    regions = after.info().region_count,
                    "region database loaded anew"
                );
            }
            Err(error) => {
                tracing::error!(%error, "the new region database is refused; the old one stays in use");
            }
        }
    }

    fn await_barrier(&self, number: u64) -> Option<Answer> {
        let deadline = Instant::now() + BARRIER_PATIENCE;
        loop {
            let wait = deadline.saturating_duration_since(Instant::now());
            match self.ticker.derived.recv_timeout(wait) {
                // The answer to an earlier tick that was too late.
                Ok(answer) if answer.barrier.number < number => {}
                Ok(answer) => return Some(answer),
                Err(_) => return None,
            }
        }
    }

    fn publish(&mut self, totals: KernelTotals, answer: &Answer) {
        let now = Timestamp::now();
        if totals.seen() != self.last_seen {
            self.last_seen = totals.seen();
            self.last_packet = now.as_duration().as_secs_f64();
        }
        let frame = Frame {
            sensor: &self.ticker.config.sensor_id,
            from: self.started,
            to: now,
            xdp_mode: self
                .ticker
                .attachments
                .first()
                .map_or("none", |attachment| attachment.mode.name()),
            report: answer.barrier.report,
            lost_queue: answer.barrier.lost_queue,
        };
        let xdp_mode = frame.xdp_mode;
        let snapshot = Snapshot::new(&frame, &totals, &answer.derived);
        if let Some(recorder) = &mut self.ticker.recorder {
            let regions = self.ticker.regions.table();
            recorder.tick(&totals, answer.barrier.lost_queue, xdp_mode, regions.info());
        }
        let derived = &answer.derived;
        let scrapes = self.ticker.published.scrapes();
        let sums = self.series.update(&totals, derived, scrapes);
        if let Some(remembered) = &mut self.remembered {
            remembered.keep(&self.series);
        }
        self.ticker.published.set(State {
            snapshot,
            listed_ports: self.series.ports.rows().collect(),
            other_ports: self.series.ports.other(sums.ports),
            listed_regions: self.series.regions.rows().collect(),
            other_regions: self.series.regions.other(sums.regions),
            listed_pairs: self.series.pairs.rows().collect(),
            other_pairs: self.series.pairs.other(sums.pairs),
            tools: derived.tools.clone(),
            sources: derived.sources.clone(),
            cells: (derived.cells, derived.cells_overflow),
            regions: self.ticker.regions.table().info().clone(),
            attachments: self.ticker.attachments.clone(),
            records: self.ticker.recorder.as_ref().map(Recorder::status),
            ring_used_bytes: answer.barrier.ring_used,
            last_packet_seconds: self.last_packet,
            totals,
        });
    }

    fn say_goodbye(&self) {
        let Some(state) = self.ticker.published.get() else {
            return;
        };
        let law = &state.snapshot.conservation;
        tracing::info!(
            seen = state.snapshot.seen,
            observed = law.observed,
            drained = law.drained,
            resident = law.resident,
            lost_ring = law.lost_ring,
            lost_queue = law.lost_queue,
            difference = law.difference,
            "detached; these are the last totals"
        );
    }
}
