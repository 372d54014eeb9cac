//! The drain: reads the ring, keeps the books of conservation, and hands batches on. It never waits for anybody:
//! what the queue cannot take is lost as detail, and counted.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{SyncSender, TrySendError},
    },
    thread::{self, JoinHandle},
};

use bytes::{Bytes, BytesMut};
use prometheus::Histogram;
use sensor_common::record::Marker;

use crate::{
    kernel::{Ledger, RingReader, ring::Consumer, sys},
    pipeline::{
        conservation::{Conservation, Report},
        decode::{Entry, next_entry},
    },
};

/// Bytes of records to a batch.
const BATCH_BYTES: usize = 64 << 10;
/// Bytes that are read before anything else is looked at.
const READ_LIMIT: u64 = 1 << 20;
/// The longest and the shortest sleep between two looks at the ring, in milliseconds.
const SLEEP: (i32, i32) = (1, 32);

/// What goes to the aggregation.
pub enum Item {
    /// Records, and markers among them.
    Batch(Bytes),
    /// All that was in the ring when this was asked for has been handed on.
    Barrier(Barrier),
}

/// The state of the books when all before them was handed on.
#[derive(Clone, Copy, Debug)]
pub struct Barrier {
    /// Which request this answers.
    pub number: u64,
    /// The books.
    pub report: Report,
    /// Records and packets that the queue refused.
    pub lost_queue: (u64, u64),
    /// Bytes left in the ring.
    pub ring_used: u64,
}

/// What the drain shares with the tick.
#[derive(Debug, Default)]
pub struct Shared {
    stop: AtomicBool,
    barrier: AtomicU64,
    last: AtomicBool,
}

impl Shared {
    /// Asks for a barrier behind all that is in the ring now; gives its number.
    pub fn request_barrier(&self) -> u64 {
        self.barrier.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Asks for a barrier behind which nothing is read any more: what comes after it stays in the ring, for the next
    /// daemon. Gives its number.
    pub fn request_last_barrier(&self) -> u64 {
        self.last.store(true, Ordering::Release);
        self.request_barrier()
    }

    /// Ends the drain once the ring is empty.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }
}

/// Starts the drain.
///
/// # Errors
/// The thread cannot be started.
pub fn spawn(
    ring: RingReader,
    ledger: Arc<Ledger>,
    queue: SyncSender<Item>,
    shared: Arc<Shared>,
    lag: Histogram,
) -> std::io::Result<JoinHandle<()>> {
    let drain = Drain {
        ring,
        intake: Intake {
            books: Conservation::resume((0..).zip(ledger.drained().cpus)),
            ledger,
            queue,
            lag,
            batch: Batch::default(),
            lost_queue: (0, 0),
        },
        shared,
        answered: 0,
        barriers: VecDeque::new(),
    };
    thread::Builder::new()
        .name("drain".into())
        .spawn(move || drain.run())
}

struct Drain {
    ring: RingReader,
    intake: Intake,
    shared: Arc<Shared>,
    /// The last barrier that was seen.
    answered: u64,
    /// Barriers that wait until the ring is read up to their position, and for room in the queue.
    barriers: VecDeque<(u64, u64)>,
}

/// Takes what is read: into the books, into the ledger, and on to the aggregation.
struct Intake {
    books: Conservation,
    ledger: Arc<Ledger>,
    queue: SyncSender<Item>,
    lag: Histogram,
    batch: Batch,
    lost_queue: (u64, u64),
}

#[derive(Default)]
struct Batch {
    bytes: BytesMut,
    records: u64,
    packets: u64,
}

impl Drain {
    fn run(mut self) {
        let mut sleep = SLEEP.0;
        loop {
            let stopping = self.shared.stop.load(Ordering::Acquire);
            self.note_barrier();
            let read = self.ring.read_into(READ_LIMIT, &mut self.intake);
            self.intake.send_rest();
            let last = self.answer_barriers();
            if last {
                return;
            }
            if read > 0 {
                sleep = SLEEP.0;
                continue;
            }
            if stopping {
                return;
            }
            let wait = if self.barriers.is_empty() { sleep } else { SLEEP.0 };
            if let Err(error) = self.ring.wait(wait) {
                tracing::error!(%error, "the ring cannot be waited for");
                return;
            }
            sleep = (sleep * 2).min(SLEEP.1);
        }
    }

    /// A new request is for what is in the ring now.
    fn note_barrier(&mut self) {
        let requested = self.shared.barrier.load(Ordering::Acquire);
        if requested != self.answered {
            self.answered = requested;
            self.barriers.push_back((requested, self.ring.end()));
        }
    }

    /// Answers the barriers that the reading has come up to. Says whether that was the last there will be.
    fn answer_barriers(&mut self) -> bool {
        while let Some((number, position)) = self.barriers.front().copied() {
            if self.ring.position() < position {
                return false;
            }
            let barrier = Item::Barrier(Barrier {
                number,
                report: self.intake.books.report(),
                lost_queue: self.intake.lost_queue,
                ring_used: self.ring.waiting(),
            });
            match self.intake.queue.try_send(barrier) {
                Ok(()) | Err(TrySendError::Disconnected(_)) => self.barriers.pop_front(),
                Err(TrySendError::Full(_)) => return false,
            };
            if self.shared.last.load(Ordering::Acquire)
                && number == self.shared.barrier.load(Ordering::Acquire)
            {
                return true;
            }
        }
        false
    }
}

impl Consumer for Intake {
    fn take(&mut self, mut bytes: &[u8]) {
        self.batch.bytes.extend_from_slice(bytes);
        while let Some(entry) = next_entry(&mut bytes) {
            match entry {
                Entry::Record(record) => {
                    self.books.record(&record);
                    self.batch.records += 1;
                    self.batch.packets += u64::from(record.packets);
                }
                Entry::Marker(marker) => check(&mut self.books, &marker, &self.lag),
            }
        }
        if self.batch.bytes.len() >= BATCH_BYTES {
            self.send();
        }
    }

    fn note(&mut self, position: u64) {
        self.ledger.set_drained(position, self.books.read());
    }
}

impl Intake {
    fn send_rest(&mut self) {
        if !self.batch.bytes.is_empty() {
            self.send();
        }
    }

    fn send(&mut self) {
        let batch = &mut self.batch;
        let bytes = batch.bytes.split().freeze();
        batch.bytes.reserve(BATCH_BYTES + 2048);
        let (records, packets) = (
            std::mem::take(&mut batch.records),
            std::mem::take(&mut batch.packets),
        );
        if self.queue.try_send(Item::Batch(bytes)).is_err() {
            self.lost_queue.0 += records;
            self.lost_queue.1 += packets;
        }
    }
}

fn check(books: &mut Conservation, marker: &Marker, lag: &Histogram) {
    let balance = books.marker(marker);
    if balance.difference() != 0 || balance.resident < 0 {
        tracing::error!(
            cpu = marker.cpu,
            marker = balance.sequence,
            difference = balance.difference(),
            attempted = balance.attempted,
            read = balance.read,
            lost = balance.lost,
            observed = balance.observed,
            resident = balance.resident,
            "the law of conservation is broken"
        );
    }
    let age = sys::monotonic_nanoseconds().saturating_sub(marker.monotonic_nanoseconds);
    lag.observe(std::time::Duration::from_nanos(age).as_secs_f64());
}
