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

/// Hours that are open at once, and one more.
const UNSKETCHED_HOURS: usize = 3;

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
        unsketched: BTreeMap::new(),
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
    /// Seconds that were observed since the last sketches of their hour came.
    unsketched: BTreeMap<i64, f64>,
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
                    *self.unsketched.entry(hour).or_default() += row.seconds_observed;
                    add_coverage(&mut self.at(hour).coverage, &row);
                }
                if let Some(reached) = &mut self.reached {
                    reached.counters = reading.counters();
                }
                while self.unsketched.len() > UNSKETCHED_HOURS {
                    self.unsketched.pop_first();
                }
            }
            // A later sketch of an hour has all that an earlier one has.
            Message::Uniques(hour, rows) => {
                let seconds = self.unsketched.insert(hour, 0.0).unwrap_or(0.0);
                let addition = self.at(hour);
                addition.uniques = rows;
                *addition.coverage.uniques_seconds.get_or_insert(0.0) += seconds;
            }
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

#[cfg(test)]
mod tests {
    use sensor_records::read_rows;
    use sensor_sketch::{Distinct, Sketch, SourceKey};

    use super::*;

    /// What a sensor says that observed for ten seconds.
    fn observed(hour: i64) -> Message {
        let row = CoverageRow {
            seconds_observed: 10.0,
            ..CoverageRow::default()
        };
        Message::Coverage(BTreeMap::from([(hour, row)]), Box::default())
    }

    /// Sketches of sources with these numbers.
    fn sketches(hour: i64, sources: std::ops::Range<u32>) -> Message {
        let mut sketch = Distinct::default();
        for source in sources {
            let hash = SourceKey::public().hash(sensor_common::Address::v4(source));
            sketch.insert(hash.coupon());
        }
        let row = UniqueRow {
            dimension: "all".to_owned(),
            family: "hll".to_owned(),
            sketch: Sketch::Distinct(sketch).to_bytes(),
            ..UniqueRow::default()
        };
        Message::Uniques(hour, vec![row])
    }

    fn live(settings: &Settings, messages: Vec<Message>) {
        let (handle, thread) = spawn(settings.clone(), SensorRow::default(), Arc::default(), None).unwrap();
        for message in messages {
            handle.send(message);
        }
        drop(handle);
        thread.join().unwrap();
    }

    #[test]
    fn sources_that_die_with_a_daemon_are_said_and_those_before_stay() {
        let directory = tempfile::tempdir().unwrap();
        let hour = hour_of(jiff::Timestamp::now().as_second());
        let settings = Settings {
            min_free: 0,
            ..Settings::new(directory.path().to_owned(), "a".to_owned())
        };
        // The first life hands its sketches over once, and dies thirty seconds later.
        let seconds = |count| (0..count).map(|_| observed(hour));
        let mut first: Vec<Message> = seconds(6).collect();
        first.push(sketches(hour, 0..100));
        first.extend(seconds(3));
        live(&settings, first);
        // The next one knows nothing of those before, and some come again.
        let mut second: Vec<Message> = seconds(2).collect();
        second.push(sketches(hour, 50..150));
        second.push(sketches(hour, 50..160));
        live(&settings, second);
        Keeper::open(settings, Arc::default())
            .unwrap()
            .close_all()
            .unwrap();
        let place = |table| {
            let place = sensor_records::Place::of(table, "a", hour);
            directory.path().join(place.path())
        };
        let coverage: Vec<CoverageRow> = read_rows(&place(sensor_records::Table::Coverage)).unwrap();
        assert!((coverage[0].seconds_observed - 110.0).abs() < 1e-9);
        assert!((coverage[0].uniques_seconds.unwrap() - 80.0).abs() < 1e-9);
        let uniques: Vec<UniqueRow> = read_rows(&place(sensor_records::Table::Uniques)).unwrap();
        assert_eq!(uniques.len(), 1);
        assert!(
            (uniques[0].estimate - 160.0).abs() < 0.5,
            "{}",
            uniques[0].estimate
        );
    }
}
