//! The keeper: takes intervals in, and does what is due.

use std::{path::PathBuf, sync::Arc};

use sensor_records::{
    Existing, Kept, Table, Writer,
    rows::{CoverageRow, SensorRow},
};

use crate::{
    Addition, Caps, Followed, HOUR, Interval, KeepError, Status, budget, close::close_hour, daily::close_day,
    day_of, hour_of, store::Store,
};

/// Hours without any observation that are written down as gaps, at most: a month. Longer ones show by having no rows.
const MAX_GAP_HOURS: i64 = 31 * 24;

/// Seconds until what all files take is added up anew; an hour's end does it too.
const ADD_UP_EVERY: i64 = 600;

/// How records are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The directory of records.
    pub directory: PathBuf,
    /// The sensor's id.
    pub sensor: String,
    /// The most rows of an hour.
    pub caps: Caps,
    /// Tables that are kept for another time than [`Table::kept`] says.
    pub kept: Vec<(Table, Kept)>,
    /// The most bytes that all files may have.
    pub max_bytes: Option<u64>,
    /// Bytes of the disk that stay free.
    pub min_free: u64,
    /// Seconds that an hour stays open after its end, for what comes late.
    pub grace: i64,
}

impl Settings {
    /// The defaults.
    #[must_use]
    pub fn new(directory: PathBuf, sensor: String) -> Self {
        Self {
            directory,
            sensor,
            caps: Caps::default(),
            kept: Vec::new(),
            max_bytes: None,
            min_free: 1 << 30,
            grace: 60,
        }
    }

    /// How long a table is kept.
    #[must_use]
    pub fn kept(&self, table: Table) -> Kept {
        let other = self.kept.iter().find(|(of, _)| *of == table);
        other.map_or(table.kept(), |(_, kept)| *kept)
    }
}

/// Keeps the records of one sensor.
pub struct Keeper {
    settings: Settings,
    status: Arc<Status>,
    store: Store,
    writer: Writer,
    /// The day of the last look at what is too old.
    retired: Option<i64>,
    /// Whether the disk is within its budget.
    has_room: bool,
    /// Bytes of all files, and when they were last added up.
    used: Option<(u64, i64)>,
    /// A replay's records go where none are, once.
    once: bool,
}

impl Keeper {
    /// Opens the records of a sensor.
    ///
    /// # Errors
    /// The directory or the open hour in it cannot be written.
    pub fn open(settings: Settings, status: Arc<Status>) -> Result<Self, KeepError> {
        let name = settings.sensor.clone();
        Self::open_as(&name, settings, status, false)
    }

    /// Opens records that are written once, from the first hour to the last, and never over others: a replay's.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn open_once(settings: Settings, status: Arc<Status>) -> Result<Self, KeepError> {
        let name = format!("{}.replay", settings.sensor);
        // What a replay that died left is worth nothing: its files are there or it begins anew.
        Store::remove(&settings.directory, &name);
        Self::open_as(&name, settings, status, true)
    }

    /// Opens the records of a sensor whose open hour has a name.
    fn open_as(name: &str, settings: Settings, status: Arc<Status>, once: bool) -> Result<Self, KeepError> {
        let writer = Writer::open(&settings.directory, &settings.sensor)?;
        let store = Store::open(&settings.directory, name)?;
        Ok(Self {
            settings,
            status,
            store,
            writer,
            retired: None,
            has_room: true,
            used: None,
            once,
        })
    }

    /// Adds an interval to the open hours, whole or not at all. When this returns, a crash loses nothing of it.
    ///
    /// # Errors
    /// The disk does not take it: it can be given again, with what came meanwhile.
    pub fn commit(&mut self, interval: &Interval, now: i64) -> Result<(), KeepError> {
        let mut caps = self.settings.caps;
        if !self.has_room {
            // No new rows of the table that gives way first; what is there goes on counting.
            caps.sources = 0;
            caps.folded_ports = 0;
        }
        let done = self.store.commit(interval, &caps);
        match &done {
            Ok(()) => self.status.committed(now),
            Err(_) => self.status.failed(),
        }
        done
    }

    /// How far the records have followed counters that outlive a daemon, if ever.
    ///
    /// # Errors
    /// The open hour cannot be read.
    pub fn followed(&self) -> Result<Option<Followed>, KeepError> {
        self.store.followed()
    }

    /// Notes what the sensor is, from `valid_from` to `valid_to`, which moves on while it holds.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn describe(&mut self, description: &SensorRow) -> Result<(), KeepError> {
        self.store.describe(description)
    }

    /// Writes down the hours since the last that was written, in which nobody observed. To be called once, before the
    /// first interval.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn note_gap(&mut self, now: i64) -> Result<(), KeepError> {
        let last = self.store.hours()?.last().map(|(hour, _)| *hour);
        let Some(last) = last.max(self.store.closed()?) else {
            return Ok(());
        };
        let first = (last + HOUR).max(hour_of(now) - MAX_GAP_HOURS * HOUR);
        let gaps = (0..)
            .map(|number| first + number * HOUR)
            .take_while(|hour| *hour < hour_of(now))
            .map(|hour| Addition {
                hour,
                coverage: CoverageRow::default(),
                ..Addition::default()
            });
        let gaps = Interval {
            hours: gaps.collect(),
            reached: None,
        };
        if gaps.hours.is_empty() {
            return Ok(());
        }
        tracing::warn!(
            hours = gaps.hours.len(),
            "nothing was observed in these hours: they are written down as gaps"
        );
        self.commit(&gaps, now)
    }

    /// Does what is due: closes hours and days, removes what is too old, and keeps to the disk's budget.
    ///
    /// # Errors
    /// A step could not be done; it is tried again the next time, and nothing is lost meanwhile.
    pub fn maintain(&mut self, now: i64) -> Result<(), KeepError> {
        let done = self.try_maintain(now);
        if done.is_err() {
            self.status.failed();
        }
        done
    }

    fn try_maintain(&mut self, now: i64) -> Result<(), KeepError> {
        // Room first: without it nothing else can be done.
        self.make_room(now)?;
        for (hour, closing) in self.store.hours()? {
            if hour + HOUR + self.settings.grace <= now {
                self.close_hour(hour, closing)?;
                self.used = None;
            }
        }
        self.close_days(now)?;
        if self.retired != Some(day_of(now)) {
            budget::retire(&self.writer, &self.settings, &self.status, now)?;
            self.retired = Some(day_of(now));
        }
        Ok(())
    }

    fn make_room(&mut self, now: i64) -> Result<(), KeepError> {
        let known = self
            .used
            .filter(|(_, at)| (*at..at + ADD_UP_EVERY).contains(&now));
        let (mut used, at) = match known {
            Some(known) => known,
            None => (budget::bytes_below(&self.settings.directory)?, now),
        };
        self.has_room = budget::make_room(&self.writer, &self.settings, &self.status, &mut used)?;
        self.used = Some((used, at));
        Ok(())
    }

    /// Closes every hour and day, whether they are over or not: the end of a replay.
    ///
    /// # Errors
    /// A file cannot be written, or is there already.
    pub fn close_all(mut self) -> Result<(), KeepError> {
        for (hour, closing) in self.store.hours()? {
            self.close_hour(hour, closing)?;
        }
        self.close_days(i64::MAX)?;
        if self.once {
            let name = format!("{}.replay", self.settings.sensor);
            drop(self.store);
            Store::remove(&self.settings.directory, &name);
        }
        Ok(())
    }

    fn close_hour(&mut self, hour: i64, closing: String) -> Result<(), KeepError> {
        let existing = self.existing(closing);
        close_hour(&mut self.store, &self.writer, &self.status, hour, &existing)
    }

    fn close_days(&mut self, now: i64) -> Result<(), KeepError> {
        let open = self.store.hours()?;
        for (day, closing) in self.store.days()? {
            let over = now.saturating_sub(self.settings.grace) >= day + crate::DAY;
            if over && !open.iter().any(|(hour, _)| day_of(*hour) == day) {
                let existing = self.existing(closing);
                close_day(&mut self.store, &self.writer, &self.status, day, &existing)?;
            }
        }
        Ok(())
    }

    fn existing(&self, closing: String) -> Existing {
        if self.once {
            Existing::Refuse
        } else {
            Existing::SameClosingOrNextPart(closing)
        }
    }
}
