//! The tick: flushes the caches, reads the totals, and publishes what is known.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use prometheus::Histogram;
use sensor_common::counters::PORT_COUNT;

use super::{aggregate::Answer, drain::Shared};
use crate::{
    config::Config,
    export::{
        PortName, PortTransport,
        listing::Listing,
        published::{Published, State},
    },
    kernel::{Attachment, Counters, KernelError, Sensor},
    pipeline::{
        snapshot::{Frame, Snapshot},
        totals::KernelTotals,
    },
};

/// How long a tick waits for the drain to come up to its barrier.
const BARRIER_PATIENCE: Duration = Duration::from_secs(5);
/// Ports that are listed for ranking so high.
const RANKED_PORTS: usize = 32;
/// The time over which ports are ranked.
const RANKING_WINDOW: Duration = Duration::from_mins(5);

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
    /// What the operator decided.
    pub config: Config,
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
    listing: Listing<PortName, 3>,
    ranking: Ranking,
    /// Names and indices as they were attached: what came stays counted when an interface is gone.
    interfaces: Vec<(String, u32)>,
    last_seen: u64,
    last_packet: f64,
}

impl Ticking {
    fn new(ticker: Ticker) -> Self {
        let config = &ticker.config;
        Self {
            interfaces: ticker
                .attachments
                .iter()
                .map(|attachment| (attachment.interface.clone(), attachment.index))
                .collect(),
            listing: Listing::new(config.listed_ports, config.watched_ports.iter().copied()),
            ticker,
            started: Timestamp::now(),
            ranking: Ranking::default(),
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
        self.tick()?;
        self.say_goodbye();
        Ok(())
    }

    fn tick(&mut self) -> Result<(), KernelError> {
        let begun = Instant::now();
        let flushed = self.ticker.sensor.flush()?;
        self.ticker.flush_duration.observe(begun.elapsed().as_secs_f64());
        for (cpu, cause) in &flushed.failed {
            tracing::warn!(cpu, cause, "a CPU's flow cache could not be flushed");
        }
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
        let snapshot = Snapshot::new(&frame, &totals, &answer.derived);
        let ports = PortTotals(&totals);
        let ranked = self.ranking.update(&ports);
        let scrapes = self.ticker.published.scrapes();
        self.listing.update(|port| ports.of(port), &ranked, scrapes);
        self.ticker.published.set(State {
            snapshot,
            listed_ports: self.listing.rows().collect(),
            other_ports: self.listing.other(ports.all()),
            attachments: self.ticker.attachments.clone(),
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

/// Totals of ports by their names.
struct PortTotals<'a>(&'a KernelTotals);

impl PortTotals<'_> {
    /// Packets, SYN, Mirai.
    fn of(&self, name: PortName) -> [u64; 3] {
        let counters = &self.0.ports[usize::from(name.port)];
        match name.transport {
            PortTransport::Tcp => [counters.tcp, counters.syn, counters.mirai],
            PortTransport::Udp => [counters.udp, 0, 0],
            PortTransport::Icmp if name.port == 0 => [self.0.echo_requests(), 0, 0],
            PortTransport::Icmp => [0; 3],
        }
    }

    fn all(&self) -> [u64; 3] {
        let mut all = [self.0.echo_requests(), 0, 0];
        for counters in &self.0.ports {
            all[0] += counters.tcp + counters.udp;
            all[1] += counters.syn;
            all[2] += counters.mirai;
        }
        all
    }

    fn names() -> impl Iterator<Item = PortName> {
        let name = |transport| move |port| PortName { transport, port };
        let icmp = name(PortTransport::Icmp)(0);
        (0..=u16::MAX)
            .map(name(PortTransport::Tcp))
            .chain((0..=u16::MAX).map(name(PortTransport::Udp)))
            .chain([icmp])
    }
}

/// Which ports rank over the last minutes: compared with totals from one to two half windows ago.
#[derive(Default)]
struct Ranking {
    older: HashMap<PortName, u64>,
    newer: HashMap<PortName, u64>,
    turned: Option<Instant>,
}

impl Ranking {
    fn update(&mut self, ports: &PortTotals<'_>) -> Vec<PortName> {
        let totals: HashMap<PortName, u64> = PortTotals::names()
            .map(|name| (name, ports.of(name)[0]))
            .filter(|(_, packets)| *packets > 0)
            .collect();
        debug_assert!(totals.len() <= 2 * PORT_COUNT + 1);
        let mut growth: Vec<(u64, PortName)> = totals
            .iter()
            .map(|(name, packets)| (packets - self.older.get(name).unwrap_or(&0), *name))
            .filter(|(growth, _)| *growth > 0)
            .collect();
        growth.sort_unstable_by_key(|(growth, name)| (std::cmp::Reverse(*growth), *name));
        if self
            .turned
            .is_none_or(|turned| turned.elapsed() >= RANKING_WINDOW / 2)
        {
            self.older = std::mem::replace(&mut self.newer, totals);
            self.turned = Some(Instant::now());
        }
        growth
            .into_iter()
            .take(RANKED_PORTS)
            .map(|(_, name)| name)
            .collect()
    }
}
