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
    kernel::{RingReader, sys},
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
}

impl Shared {
    /// Asks for a barrier behind all that is in the ring now; gives its number.
    pub fn request_barrier(&self) -> u64 {
        self.barrier.fetch_add(1, Ordering::AcqRel) + 1
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
    queue: SyncSender<Item>,
    shared: Arc<Shared>,
    lag: Histogram,
) -> std::io::Result<JoinHandle<()>> {
    let drain = Drain {
        ring,
        queue,
        shared,
        lag,
        books: Conservation::default(),
        batch: Batch::default(),
        lost_queue: (0, 0),
        answered: 0,
        barriers: VecDeque::new(),
    };
    thread::Builder::new()
        .name("drain".into())
        .spawn(move || drain.run())
}

struct Drain {
    ring: RingReader,
    queue: SyncSender<Item>,
    shared: Arc<Shared>,
    lag: Histogram,
    books: Conservation,
    batch: Batch,
    lost_queue: (u64, u64),
    /// The last barrier that was seen.
    answered: u64,
    /// Barriers that wait until the ring is read up to their position, and for room in the queue.
    barriers: VecDeque<(u64, u64)>,
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
            let read = self.read();
            self.send_batch();
            self.answer_barriers();
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

    fn read(&mut self) -> u64 {
        let Self {
            ring,
            books,
            batch,
            lag,
            queue,
            lost_queue,
            ..
        } = self;
        ring.read(READ_LIMIT, |mut bytes| {
            batch.bytes.extend_from_slice(bytes);
            while let Some(entry) = next_entry(&mut bytes) {
                match entry {
                    Entry::Record(record) => {
                        books.record(&record);
                        batch.records += 1;
                        batch.packets += u64::from(record.packets);
                    }
                    Entry::Marker(marker) => check(books, &marker, lag),
                }
            }
            if batch.bytes.len() >= BATCH_BYTES {
                send(batch, queue, lost_queue);
            }
        })
    }

    fn send_batch(&mut self) {
        if !self.batch.bytes.is_empty() {
            send(&mut self.batch, &self.queue, &mut self.lost_queue);
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

    fn answer_barriers(&mut self) {
        while let Some((number, position)) = self.barriers.front().copied() {
            if self.ring.position() < position {
                return;
            }
            let barrier = Item::Barrier(Barrier {
                number,
                report: self.books.report(),
                lost_queue: self.lost_queue,
                ring_used: self.ring.waiting(),
            });
            match self.queue.try_send(barrier) {
                Ok(()) | Err(TrySendError::Disconnected(_)) => self.barriers.pop_front(),
                Err(TrySendError::Full(_)) => return,
            };
        }
    }
}

fn send(batch: &mut Batch, queue: &SyncSender<Item>, lost: &mut (u64, u64)) {
    let bytes = batch.bytes.split().freeze();
    batch.bytes.reserve(BATCH_BYTES + 2048);
    let (records, packets) = (
        std::mem::take(&mut batch.records),
        std::mem::take(&mut batch.packets),
    );
    if queue.try_send(Item::Batch(bytes)).is_err() {
        lost.0 += records;
        lost.1 += packets;
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
