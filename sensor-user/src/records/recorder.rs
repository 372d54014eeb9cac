//! The thread that writes records. It waits for the disk, and nobody waits for it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use sensor_keep::{Addition, Interval, Keeper, Reached, Settings, Status, add_coverage, hour_of};
use sensor_records::{
    Micros,
    rows::{CoverageRow, SensorRow, UniqueRow},
};

use super::{Adopted, Reading, rows::addition};
use crate::pipeline::hourly::Hour;

/// How often what is due is looked for.
const MAINTENANCE: Duration = Duration::from_secs(10);

/// What goes to the recorder.
pub enum Message {
    /// What the pipeline added.
    Hours(Vec<Hour>),
    /// The counters outlive daemons: these are those that this one adopted. Comes first, if at all.
    Adopted(Box<Adopted>),
    /// What an interval saw, by hour, and what the counters showed at its end.
    Coverage(BTreeMap<i64, CoverageRow>, Box<Reading>),
    /// Sketches of an hour.
    Uniques(i64, Vec<UniqueRow>),
}

/// The way to the recorder.
#[derive(Clone, Debug)]
pub struct Handle {
    sender: Sender<Message>,
    idle: Arc<AtomicBool>,
}

impl Handle {
    /// Hands something over. A recorder that is gone is noticed by the daemon elsewhere.
    pub fn send(&self, message: Message) {
        let _ = self.sender.send(message);
    }

    /// Whether the recorder took what it was given last. Whoever asks and hears yes has the turn.
    #[must_use]
    pub fn take_turn(&self) -> bool {
        self.idle.swap(false, Ordering::AcqRel)
    }
}

/// Starts the recorder; it ends when nobody can send any more. `epoch` is the number of counters that outlive daemons.
///
/// # Errors
/// The thread cannot be started.
pub fn spawn(
    settings: Settings,
    description: SensorRow,
    status: Arc<Status>,
    epoch: Option<u64>,
) -> std::io::Result<(Handle, JoinHandle<()>)> {
    let (sender, receiver) = channel();
    let idle = Arc::new(AtomicBool::new(true));
    let recorder = Recorder {
        settings,
        description,
        status,
        idle: Arc::clone(&idle),
        keeper: None,
        pending: BTreeMap::new(),
        adopted: None,
        reached: epoch.map(|epoch| Reached {
            epoch,
            counters: Reading::default().counters(),
            before: (0, 0),
        }),
        maintained: None,
        complained: None,
    };
    let thread = thread::Builder::new()
        .name("records".into())
        .spawn(move || recorder.run(&receiver))?;
    Ok((Handle { sender, idle }, thread))
}

struct Recorder {
    settings: Settings,
    description: SensorRow,
    status: Arc<Status>,
    idle: Arc<AtomicBool>,
    /// None until the disk can be written.
    keeper: Option<Keeper>,
    /// What is not written yet, by hour.
    pending: BTreeMap<i64, Addition>,
    /// Adopted, and not compared with the records yet.
    adopted: Option<Box<Adopted>>,
    /// How far the totals are followed once what is pending is written, where they outlive this daemon.
    reached: Option<Reached>,
    maintained: Option<Instant>,
    /// What was said of the disk last: each cause is said once.
    complained: Option<String>,
}

impl Recorder {
    fn run(mut self, messages: &Receiver<Message>) {
        self.step();
        loop {
            match messages.recv_timeout(MAINTENANCE) {
                Ok(message) => {
                    self.take(message);
                    while let Ok(message) = messages.try_recv() {
                        self.take(message);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.step();
        }
        self.step();
        if !self.pending.is_empty() {
            tracing::error!("the last interval of records could not be written: it is missing");
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Hours(hours) => {
                for hour in &hours {
                    let added = addition(hour);
                    let to = self.at(added.hour);
                    to.cells.extend(added.cells);
                    to.sources.extend(added.sources);
                    to.folded_ports.extend(added.folded_ports);
                    to.records += added.records;
                    add_coverage(&mut to.coverage, &added.coverage);
                }
            }
            Message::Adopted(adopted) => {
                self.reached = Some(adopted.reached());
                self.adopted = Some(adopted);
            }
            Message::Coverage(rows, reading) => {
                for (hour, row) in rows {
                    add_coverage(&mut self.at(hour).coverage, &row);
                }
                if let Some(reached) = &mut self.reached {
                    reached.counters = reading.counters();
                }
            }
            // A later sketch of an hour has all that an earlier one has.
            Message::Uniques(hour, rows) => self.at(hour).uniques = rows,
        }
    }

    fn at(&mut self, hour: i64) -> &mut Addition {
        self.pending.entry(hour).or_insert_with(|| Addition {
            hour,
            ..Addition::default()
        })
    }

    fn step(&mut self) {
        let now = jiff::Timestamp::now().as_second();
        match self.try_step(now) {
            Ok(()) => {
                if self.complained.take().is_some() {
                    tracing::info!("records can be written again");
                }
            }
            Err(error) => {
                // The gap stands in the coverage as soon as that can be written.
                self.at(hour_of(now)).coverage.write_failures += 1;
                let cause = error.to_string();
                if self.complained.as_ref() != Some(&cause) {
                    tracing::error!(%error, "records cannot be written; counting goes on");
                    self.complained = Some(cause);
                }
            }
        }
    }

    fn try_step(&mut self, now: i64) -> Result<(), sensor_keep::KeepError> {
        let keeper = if let Some(keeper) = &mut self.keeper {
            keeper
        } else {
            let opened = Keeper::open(self.settings.clone(), Arc::clone(&self.status));
            if opened.is_err() {
                self.status.failed();
            }
            let mut keeper = opened?;
            keeper.note_gap(now)?;
            self.keeper.insert(keeper)
        };
        if let Some(adopted) = &self.adopted {
            let owed = adopted.owed(keeper.followed()?.as_ref());
            self.adopted = None;
            if let Some(owed) = owed {
                let to = self.pending.entry(hour_of(now)).or_insert_with(|| Addition {
                    hour: hour_of(now),
                    ..Addition::default()
                });
                add_coverage(&mut to.coverage, &owed.coverage);
                to.records += owed.records;
            }
        }
        if !self.pending.is_empty() {
            let interval = Interval {
                hours: std::mem::take(&mut self.pending).into_values().collect(),
                reached: self.reached.clone(),
            };
            if let Err(error) = keeper.commit(&interval, now) {
                let back = interval
                    .hours
                    .into_iter()
                    .map(|addition| (addition.hour, addition));
                self.pending = back.collect();
                return Err(error);
            }
        }
        self.idle.store(true, Ordering::Release);
        if self.maintained.is_none_or(|last| last.elapsed() >= MAINTENANCE) {
            self.maintained = Some(Instant::now());
            self.description.valid_to = Micros::from_seconds(now);
            keeper.describe(&self.description)?;
            keeper.maintain(now)?;
        }
        Ok(())
    }
}
