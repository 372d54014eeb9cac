//! When the sketches of unique sources go to the records, and how they stand there.

use std::time::Duration;

use sensor_common::{ToolSet, tool::Tool};
use sensor_keep::{HOUR, hour_of};
use sensor_records::{Micros, rows::UniqueRow};
use sensor_sketch::Sketch;

use crate::pipeline::sources::{Dimension, Sources};

/// The longest time that a death takes out of the sketches.
const MAX_PACE: Duration = Duration::from_mins(1);
/// Flush intervals between two hand-overs: sketches are larger than what else an interval adds.
const PACE_INTERVALS: u32 = 6;

/// When sketches are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Seconds between two hand-overs of the open hour.
    every: i64,
    /// Seconds after its end in which an hour is handed over again, three times as often.
    grace: i64,
}

impl Pace {
    /// The pace of a sensor that flushes in such intervals, and whose hours stay open for so many seconds of grace.
    #[must_use]
    pub fn new(flush_interval: Duration, grace: i64) -> Self {
        let every = (flush_interval * PACE_INTERVALS).min(MAX_PACE);
        Self {
            every: i64::try_from(every.as_secs()).unwrap_or(0),
            grace,
        }
    }

    /// The hours that are due at `now`, when the last hand-over was at `last`.
    #[must_use]
    pub fn due(self, last: Option<i64>, now: i64) -> Vec<i64> {
        let hours = self.open(now);
        let every = if hours.len() > 1 {
            self.every / 3
        } else {
            self.every
        };
        // A clock that was set back must not silence them.
        let waits = last.is_some_and(|last| (last..last + every).contains(&now));
        if waits { Vec::new() } else { hours }
    }

    /// The hours that are open at `now`, oldest first.
    #[must_use]
    pub fn open(self, now: i64) -> Vec<i64> {
        let hour = hour_of(now);
        let before = (now - hour < self.grace).then(|| hour - HOUR);
        before.into_iter().chain([hour]).collect()
    }
}

/// The sketches of an hour, as far as they are kept, as rows.
#[must_use]
pub fn unique_rows(sources: &Sources, hour: i64) -> Vec<UniqueRow> {
    let rows = sources.hour(hour).into_iter();
    rows.map(|(dimension, sketch)| row(dimension, &sketch, hour, sources.key_id()))
        .collect()
}

fn row(dimension: Dimension, sketch: &Sketch, hour: i64, key_id: &str) -> UniqueRow {
    let family = match sketch {
        Sketch::Distinct(_) => "hll",
        Sketch::Set(_) => "theta",
    };
    UniqueRow {
        hour: Micros::from_seconds(hour),
        dimension: dimension.name().to_owned(),
        transport: dimension.port().map(|port| port.transport.name().to_owned()),
        port: dimension.port().map(|port| port.port.into()),
        source_region: dimension.region().map(|region| region.code().to_owned()),
        tool: dimension.tool().map(tool_name),
        other: false,
        family: family.to_owned(),
        sketch: sketch.to_bytes(),
        estimate: sketch.estimate(),
        key_id: key_id.to_owned(),
    }
}

fn tool_name(mark: ToolSet) -> String {
    let tool = Tool::ALL.iter().find(|tool| tool.mark() == mark);
    tool.map_or_else(|| format!("{:#x}", mark.0), |tool| tool.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_669_982_400;

    #[test]
    fn every_hour_is_handed_over_each_minute_and_more_often_in_its_grace() {
        let pace = Pace::new(Duration::from_secs(10), 80);
        let mut last = None;
        let mut handed = Vec::new();
        for now in (NOON..NOON + 2 * HOUR).step_by(10) {
            let due = pace.due(last, now);
            if !due.is_empty() {
                last = Some(now);
            }
            handed.extend(due.into_iter().map(|hour| (hour, now)));
        }
        let times = |hour| -> Vec<i64> {
            let of_hour = handed.iter().filter(|(of, _)| *of == hour);
            of_hour.map(|(_, now)| now - hour).collect()
        };
        let times_of_noon = times(NOON);
        assert!(times_of_noon.windows(2).all(|pair| pair[1] - pair[0] <= 60));
        let late: Vec<i64> = times_of_noon
            .into_iter()
            .filter(|seconds| *seconds >= HOUR)
            .collect();
        assert!(
            late.len() >= 3 && late.iter().all(|seconds| *seconds < HOUR + 80),
            "{late:?}"
        );
        assert!(*late.last().unwrap() >= HOUR + 50, "{late:?}");
        // The hour before was in its grace at first.
        assert!(times(NOON - HOUR).iter().all(|seconds| *seconds < HOUR + 80));
    }

    #[test]
    fn no_pace_is_slower_than_a_minute_and_a_clock_that_goes_back_stops_nothing() {
        let slow = Pace::new(Duration::from_mins(10), 60);
        assert_eq!(slow.every, 60);
        assert!(slow.due(Some(NOON + 1_800), NOON + 1_830).is_empty());
        assert_eq!(slow.due(Some(NOON + 1_800), NOON + 1_860), [NOON]);
        assert_eq!(slow.due(Some(NOON + 1_800), NOON + 600), [NOON]);
        let quick = Pace::new(Duration::from_millis(100), 60);
        assert_eq!(quick.due(Some(NOON + 600), NOON + 600), [NOON]);
    }

    #[test]
    fn every_mark_has_the_name_of_its_tool() {
        let names: std::collections::BTreeSet<_> =
            Tool::ALL.iter().map(|tool| tool_name(tool.mark())).collect();
        assert_eq!(names.len(), Tool::COUNT);
        assert!(names.contains("mirai"));
    }
}
