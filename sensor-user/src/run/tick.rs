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
    kernel::{Attachment, Counters, KernelError, Ledger, Sensor, sys},
    pipeline::{
        ledger::{Amount, Books},
        snapshot::{Frame, Snapshot},
        totals::KernelTotals,
        wall_clock::WallClock,
    },
    region::{Changed, RegionHandle},
};
use jiff::Timestamp;
use prometheus::Histogram;

/// How long a tick waits for the drain to come up to its barrier.
const BARRIER_PATIENCE: Duration = Duration::from_secs(5);
/// How often attachments and clock are looked at, however long the flush interval is.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
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
    /// What daemons before this one did with records.
    pub earlier: Books,
    /// What the operator decided.
    pub config: Config,
    /// Where records go.
    pub recorder: Option<Recorder>,
    /// What shipping says of itself.
    pub ship: Option<Arc<sensor_ship::Status>>,
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
    /// Whether the totals go on and the series of ports do not, because nothing is known of the earlier ones.
    begin_here: bool,
    ledger: Arc<Ledger>,
    clock: WallClock,
    clock_steps: u64,
    last_seen: u64,
    last_packet: f64,
}

impl Ticking {
    fn new(ticker: Ticker) -> Self {
        let config = &ticker.config;
        let ledger = ticker.sensor.ledger();
        let mut series = Series::new(config.listed_ports, &config.watched_ports);
        let (remembered, goes_on) = match config.state_directory.as_deref() {
            Some(directory) => {
                let (remembered, goes_on) = Remembered::open(directory, ledger.epoch(), &mut series);
                (Some(remembered), goes_on)
            }
            None => (None, false),
        };
        let begin_here = ticker.sensor.adopted() && !goes_on;
        Self {
            remembered,
            begin_here,
            clock: WallClock::seen_before(ledger.clock_offset()),
            clock_steps: ticker.earlier.clock_steps,
            started: Timestamp::from_second(ledger.began()).unwrap_or_else(|_| Timestamp::now()),
            ledger,
            series,
            ticker,
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
            if self.wait(next, stopped) {
                break;
            }
        }
        if self.ticker.sensor.is_pinned() {
            return self.leave();
        }
        self.ticker.sensor.detach();
        self.ticker.attachments.clear();
        self.empty_caches()?;
        self.tick()?;
        self.say_goodbye("detached; these are the last totals");
        Ok(())
    }

    /// Waits for the next tick, and keeps watch meanwhile. Says whether the daemon stops.
    fn wait(&mut self, next: Instant, stopped: &Receiver<()>) -> bool {
        loop {
            let left = next.saturating_duration_since(Instant::now());
            if stopped.recv_timeout(left.min(WATCH_INTERVAL)) != Err(RecvTimeoutError::Timeout) {
                return true;
            }
            if Instant::now() >= next {
                return false;
            }
            self.keep_watch();
        }
    }

    /// Ends without a gap: the program stays where it is. What was read is published, the rest stays in the kernel for
    /// the next daemon.
    fn leave(mut self) -> Result<(), KernelError> {
        self.flush()?;
        let number = self.ticker.shared.request_last_barrier();
        let totals = self.read_totals()?;
        if let Some(answer) = self.await_barrier(number) {
            self.publish(totals, &answer);
            self.ledger.end_run();
        } else {
            tracing::error!(
                "the drain did not end in time: the next start declares what it had read as lost"
            );
        }
        self.say_goodbye("the program stays attached and counts on; these are the last totals");
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
        let stayed = self.flush()?;
        self.keep_watch();
        let number = self.ticker.shared.request_barrier();
        let totals = self.read_totals()?;
        let Some(answer) = self.await_barrier(number) else {
            tracing::warn!(
                stayed,
                "the drain is behind: this tick publishes nothing, and nothing is lost by that"
            );
            return Ok(());
        };
        self.publish(totals, &answer);
        Ok(())
    }

    /// Flushes every CPU; gives how many records stay in the caches.
    fn flush(&mut self) -> Result<u64, KernelError> {
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
        Ok(flushed.stayed)
    }

    /// Every total, with all that the configured interfaces ever counted: one that is made again has another number.
    fn read_totals(&self) -> Result<KernelTotals, KernelError> {
        let mut interfaces: Vec<_> = self
            .ledger
            .interfaces()
            .into_iter()
            .map(|(slot, name)| (name, slot))
            .collect();
        interfaces.retain(|(name, _)| self.ticker.config.interfaces.contains(name));
        self.ticker.counters.read(&interfaces)
    }

    /// Looks at the attachments and at the clock.
    fn keep_watch(&mut self) {
        let mode = self.ticker.config.mode;
        if self.ticker.sensor.watch(&mut self.ticker.attachments, mode) {
            // Readers must not wait for the next tick to see it.
            self.ticker.published.set_attachments(&self.ticker.attachments);
        }
        let now = Timestamp::now();
        let wall = i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX);
        if let Some(step) = self.clock.look(wall, sys::boot_nanoseconds()) {
            self.clock_steps += 1;
            tracing::warn!(
                seconds = std::time::Duration::from_nanos(step.unsigned_abs()).as_secs_f64()
                    * if step < 0 { -1.0 } else { 1.0 },
                "the wall clock stepped: stamps before and after differ by that much, intervals do not"
            );
        }
        if let Some(offset) = self.clock.offset() {
            self.ledger.set_clock_offset(offset);
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

    /// What became of all records that were read, by this daemon and those before it.
    fn books(&self, answer: &Answer) -> Books {
        let earlier = self.ticker.earlier;
        let (records, packets) = answer.barrier.lost_queue;
        Books {
            derived: earlier.derived.plus(Amount {
                packets: answer.derived.packets,
                records: answer.derived.records,
            }),
            lost_queue: earlier.lost_queue.plus(Amount { packets, records }),
            clock_steps: self.clock_steps,
            ..earlier
        }
    }

    fn publish(&mut self, totals: KernelTotals, answer: &Answer) {
        let books = self.books(answer);
        // Published means that a later daemon need not declare it lost.
        self.ledger.set_books(&books);
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
            earlier: self.ticker.earlier,
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
        if std::mem::take(&mut self.begin_here) {
            self.series.ports.begin_here(sums.ports);
        }
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
            ship: self.ticker.ship.clone(),
            ring_used_bytes: answer.barrier.ring_used,
            last_packet_seconds: self.last_packet,
            books,
            pinned: self.ticker.sensor.is_pinned(),
            read: Instant::now(),
            totals,
        });
    }

    fn say_goodbye(&self, words: &'static str) {
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
            lost_crash = law.lost_crash,
            difference = law.difference,
            "{words}"
        );
    }
}
