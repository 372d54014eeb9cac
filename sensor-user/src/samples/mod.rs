//! The samples of packets: from the kernel's ring, read and named, into files.
//!
//! A thread of its own does it, at the end of a ring of its own: a disk that stalls fills that ring, and what it refuses
//! is counted. Counting packets never waits for any of it.

mod books;
pub mod commands;

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use sensor_common::sample::{Reason, SampleHead};
use sensor_evidence::{
    packet::{Layout, Transport},
    pcapng::Packet,
    probe::Probes,
    sip::Request,
    store::{Store, StoreError},
};

pub use self::books::{Books, Kept};
use crate::kernel::{Samples, samples::sample, sys};

/// Milliseconds between two looks at the ring.
const SLEEP: i32 = 50;
/// Octets that are read before anything else is looked at.
const READ_LIMIT: u64 = 1 << 20;
/// How long nothing is written after the disk refused, and how often the kernel's books are read.
const PAUSE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_secs(1);

/// What keeps samples.
pub struct Keeper {
    /// The kernel's side.
    pub samples: Samples,
    /// The files.
    pub store: Store,
    /// The table of probes.
    pub probes: Probes,
    /// The sensor's id.
    pub sensor: String,
    /// Names of interfaces by their index.
    pub interfaces: HashMap<u32, String>,
    /// What is told to the metrics.
    pub books: Arc<Books>,
}

/// Starts the thread; it ends when `stop` is set and the ring is empty.
///
/// # Errors
/// The thread cannot be started.
pub fn spawn(keeper: Keeper, stop: Arc<AtomicBool>) -> io::Result<JoinHandle<()>> {
    let run = Run {
        namer: Namer {
            probes: keeper.probes,
            sensor: keeper.sensor,
            interfaces: keeper.interfaces,
        },
        samples: keeper.samples,
        store: keeper.store,
        books: keeper.books,
        refused: None,
    };
    thread::Builder::new()
        .name("samples".into())
        .spawn(move || run.until(&stop))
}

struct Run {
    namer: Namer,
    samples: Samples,
    store: Store,
    books: Arc<Books>,
    /// When the disk last refused a sample.
    refused: Option<Instant>,
}

impl Run {
    fn until(mut self, stop: &AtomicBool) {
        let mut looked: Option<Instant> = None;
        loop {
            let stopping = stop.load(Ordering::Acquire);
            let read = self.drain();
            if stopping || looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
                looked = Some(Instant::now());
                self.look();
            }
            if read > 0 {
                continue;
            }
            if stopping {
                return;
            }
            if let Err(error) = self.samples.ring.wait(SLEEP) {
                tracing::error!(%error, "the ring of samples cannot be waited for: no more samples are kept");
                return;
            }
        }
    }

    fn drain(&mut self) -> u64 {
        let Self {
            samples,
            store,
            namer,
            books,
            refused,
        } = self;
        let now = wall_less_monotonic();
        samples.ring.read(READ_LIMIT, |entry| {
            let Some((head, frame)) = sample(entry) else {
                books.unreadable();
                return;
            };
            let (packet, named) = namer.packet(&head, frame, now);
            books.named(&named);
            if refused.is_some_and(|refused: Instant| refused.elapsed() < PAUSE) {
                books.refused();
                return;
            }
            match store.put(&packet) {
                Ok(()) => {
                    if refused.take().is_some() {
                        tracing::info!("samples are kept again");
                    }
                    books.stored();
                }
                Err(error) => {
                    say_refused(refused, &error);
                    books.refused();
                }
            }
        })
    }

    fn look(&self) {
        self.books.files(self.store.octets(), self.store.removed_files());
        match self.samples.totals() {
            Ok(totals) => self.books.kernel(totals),
            Err(error) => tracing::warn!(%error, "the books of samples cannot be read"),
        }
    }
}

fn say_refused(refused: &mut Option<Instant>, error: &StoreError) {
    if refused.is_none() {
        tracing::error!(%error, "samples are lost until there is room");
    }
    *refused = Some(Instant::now());
}

/// What is to be added to a time of the kernel's clock to have the time of day, in nanoseconds.
fn wall_less_monotonic() -> i64 {
    let monotonic = i64::try_from(sys::monotonic_nanoseconds()).unwrap_or(0);
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(0) - monotonic
}

/// What a payload was named by, all of closed sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The scanner that sent a SIP request: its place in the table.
    pub sip: Option<usize>,
    /// Whether it is a SIP request at all.
    pub method: Option<&'static str>,
    /// Which probe: its place in the table.
    pub probe: Option<usize>,
}

impl Named {
    /// Names the payload of a frame.
    #[must_use]
    pub fn of(frame: &[u8], probes: &Probes) -> Self {
        let mut named = Self::default();
        let Some(layout) = Layout::of_ethernet(frame) else {
            return named;
        };
        let payload = layout.payload(frame);
        let port = layout.ports.map_or(0, |(_, destination)| destination);
        if matches!(layout.kind, Transport::Tcp | Transport::Udp)
            && let Some(request) = Request::read(payload)
        {
            named.method = Some(request.method);
            named.sip = probes.scanners().of(&request);
        } else {
            named.probe = probes.of(layout.kind, port, payload);
        }
        named
    }
}

/// Makes packets of files from samples of the ring.
struct Namer {
    probes: Probes,
    sensor: String,
    interfaces: HashMap<u32, String>,
}

impl Namer {
    fn packet(&self, head: &SampleHead, frame: &[u8], wall_less_monotonic: i64) -> (Packet, Named) {
        let named = Named::of(frame, &self.probes);
        let interface = self
            .interfaces
            .get(&head.interface)
            .cloned()
            .unwrap_or_else(|| head.interface.to_string());
        let reasons: Vec<_> = Reason::ALL
            .into_iter()
            .filter(|reason| head.reasons & *reason as u32 != 0)
            .map(Reason::name)
            .collect();
        let mut comment = format!(
            "sensor={} interface={interface} reason={}",
            self.sensor,
            reasons.join(",")
        );
        let label = |labels: &[String], place: Option<usize>| labels.get(place?).cloned();
        let sip = label(self.probes.scanners().labels(), named.sip);
        let probe = label(self.probes.labels(), named.probe);
        for (key, value) in [
            ("method", named.method),
            ("sip", sip.as_deref()),
            ("probe", probe.as_deref()),
        ] {
            if let Some(value) = value {
                comment = format!("{comment} {key}={value}");
            }
        }
        let packet = Packet {
            nanoseconds: head.nanoseconds.saturating_add_signed(wall_less_monotonic),
            interface,
            wire_octets: head.wire_bytes,
            frame: frame.to_vec(),
            comment,
        };
        (packet, named)
    }
}
