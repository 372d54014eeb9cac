//! When the next frames are due.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{BATCH_FRAMES, Pace};

/// A schedule: frame `n` is due at `n × over ÷ frames` after the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pacer {
    start: Instant,
    /// Nothing: every frame is due at once.
    schedule: Option<Schedule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Schedule {
    frames: u128,
    over: Duration,
}

/// The longest that a batch may cover, so that slow traffic comes evenly.
const BATCH_COVERS: Duration = Duration::from_millis(1);

impl Pacer {
    /// `frames` is how many there are in all.
    pub(super) fn new(start: Instant, pace: Pace, frames: u64) -> Self {
        let schedule = match pace {
            Pace::Unlimited => None,
            Pace::PerSecond(rate) => Some(Schedule {
                frames: rate.get().into(),
                over: Duration::from_secs(1),
            }),
            Pace::Within(over) => Some(Schedule {
                frames: frames.max(1).into(),
                over,
            }),
        };
        Self { start, schedule }
    }

    /// How many frames to send at once.
    pub(super) fn batch_frames(&self) -> usize {
        self.schedule.map_or(BATCH_FRAMES, Schedule::batch_frames)
    }

    /// Sleeps until the frame after `sent` others is due.
    pub(super) fn wait(&self, sent: u64) {
        if let Some(schedule) = self.schedule {
            thread::sleep(schedule.due(sent).saturating_sub(self.start.elapsed()));
        }
    }
}

impl Schedule {
    fn batch_frames(self) -> usize {
        let covered = BATCH_COVERS.as_nanos() * self.frames / self.over.as_nanos().max(1);
        usize::try_from(covered).map_or(BATCH_FRAMES, |frames| frames.clamp(1, BATCH_FRAMES))
    }

    fn due(self, sent: u64) -> Duration {
        let nanoseconds = self.over.as_nanos() * u128::from(sent) / self.frames;
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_due_evenly() {
        let schedule = Schedule {
            frames: 1_000,
            over: Duration::from_secs(2),
        };
        assert_eq!(schedule.due(0), Duration::ZERO);
        assert_eq!(schedule.due(1), Duration::from_millis(2));
        assert_eq!(schedule.due(500), Duration::from_secs(1));
        assert_eq!(schedule.due(1_000), Duration::from_secs(2));
    }

    #[test]
    fn a_batch_covers_no_more_than_a_millisecond() {
        for (rate, frames) in [(1, 1), (999, 1), (10_000, 10), (63_999, 63), (1_000_000, 64)] {
            let schedule = Schedule {
                frames: rate,
                over: Duration::from_secs(1),
            };
            assert_eq!(schedule.batch_frames(), frames, "{rate}");
        }
    }

    #[test]
    fn no_time_at_all_means_at_once() {
        let pacer = Pacer::new(Instant::now(), Pace::Within(Duration::ZERO), 0);
        assert_eq!(pacer.batch_frames(), BATCH_FRAMES);
        pacer.wait(u64::MAX);
    }
}
