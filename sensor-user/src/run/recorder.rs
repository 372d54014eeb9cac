//! What the tick tells the records: what each interval saw.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use sensor_keep::{Status, hour_of};
use sensor_records::rows::CoverageRow;

use super::takeover::Taken;
use crate::{
    pipeline::totals::KernelTotals,
    records::{Adopted, Circumstances, Handle, Message, Pace, Reading, seconds_by_hour},
    region::RegionInfo,
};

/// The tick's side of the records.
pub struct Recorder {
    /// The way there.
    handle: Handle,
    pace: Pace,
    circumstances: Circumstances,
    status: Arc<Status>,
    last: Reading,
    last_tick: Instant,
    /// Whether the start of the daemon is still to be counted.
    starting: bool,
}

impl Recorder {
    /// A recorder that has been told nothing yet.
    pub fn new((handle, pace): (Handle, Pace), circumstances: Circumstances, status: Arc<Status>) -> Self {
        Self {
            handle,
            pace,
            circumstances,
            status,
            last: Reading::default(),
            last_tick: Instant::now(),
            starting: true,
        }
    }

    /// The counters are those of an earlier daemon: what they showed then is for the keeper to compare.
    pub fn adopt(&mut self, epoch: u64, totals: &KernelTotals, earlier: &Taken) {
        self.last = Reading::of(totals, (0, 0), (0, 0));
        self.handle.send(Message::Adopted(Box::new(Adopted {
            epoch,
            reading: self.last.clone(),
            read: earlier.books.accounted(),
            died: earlier.died,
        })));
    }

    /// The way to the records for who has rows and sketches, and when sketches are due.
    pub fn for_rows(&self) -> (Handle, Pace) {
        (self.handle.clone(), self.pace)
    }

    /// What the keeper says of itself.
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status)
    }

    /// Tells what came since the last tick. What came stands in the hour of now, the seconds in those that they are of.
    pub fn tick(
        &mut self,
        totals: &KernelTotals,
        lost_queue: (u64, u64),
        xdp_mode: &str,
        regions: &RegionInfo,
    ) {
        let reading = Reading::of(totals, lost_queue, (0, 0));
        let mut row = reading.since(&self.last);
        self.last = reading.clone();
        row.starts = i64::from(std::mem::take(&mut self.starting));
        xdp_mode.clone_into(&mut self.circumstances.xdp_mode);
        self.circumstances.put(&mut row, regions);
        let seconds = self.last_tick.elapsed().as_secs_f64();
        self.last_tick = Instant::now();
        let now = jiff::Timestamp::now();
        let end = now.as_duration().as_secs_f64();
        let mut rows = BTreeMap::from([(hour_of(now.as_second()), row)]);
        for (hour, seconds) in seconds_by_hour(end - seconds, end) {
            let row: &mut CoverageRow = rows.entry(hour).or_default();
            row.seconds_observed = seconds;
        }
        self.handle.send(Message::Coverage(rows, Box::new(reading)));
    }
}
