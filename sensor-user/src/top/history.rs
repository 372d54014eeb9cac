//! The answers of the last minutes, so that totals become rates.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use super::picture::Picture;

/// Steps of a trend line. One more answer than that is kept.
pub const TREND_STEPS: usize = 20;

/// Rows of each list that the sensor is asked for.
pub const ROW_LIMIT: usize = 2000;

/// What a series of totals is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// All packets seen.
    Seen,
    /// One destination port.
    Port(String, u16),
    /// One source region.
    Region(String),
    /// One port from one region.
    Pair(String, u16, String),
    /// One tool, by its label.
    Tool(String),
    /// One class.
    Class(String),
}

/// Totals of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Packets.
    pub packets: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
    /// Unique sources, where they are kept.
    pub sources: Option<u64>,
}

/// Which of the totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// All packets.
    #[default]
    Packets,
    /// Those with the Mirai mark.
    Mirai,
}

impl Total {
    /// The total that is asked for.
    pub fn of(self, counted: Counted) -> u64 {
        match counted {
            Counted::Packets => self.packets,
            Counted::Mirai => self.mirai,
        }
    }
}

/// One answer, by key.
#[derive(Debug)]
struct Sample {
    to: Timestamp,
    /// No list was cut, so a key that is not there counted nothing.
    complete: bool,
    totals: HashMap<Key, Total>,
}

/// The answers of the last minutes.
#[derive(Debug, Default)]
pub struct History {
    samples: VecDeque<Sample>,
    latest: Option<Picture>,
}

impl History {
    /// Takes an answer; whether it says something new.
    pub fn push(&mut self, picture: Picture) -> bool {
        let Some(to) = picture.to else {
            return false;
        };
        if let Some(last) = self.samples.back() {
            if last.to == to {
                return false;
            }
            // A sensor that counts from the beginning again, or another one at the same address.
            let restarted = self
                .latest
                .as_ref()
                .is_some_and(|latest| latest.sensor != picture.sensor || latest.from != picture.from);
            if restarted || to < last.to || picture.seen < total(last, &Key::Seen).packets {
                self.samples.clear();
            }
        }
        self.samples.push_back(Sample {
            to,
            complete: [
                picture.ports.len(),
                picture.port_regions.len(),
                picture.source_regions.len(),
            ]
            .into_iter()
            .all(|rows| rows < ROW_LIMIT),
            totals: totals(&picture),
        });
        if self.samples.len() > TREND_STEPS + 1 {
            self.samples.pop_front();
        }
        self.latest = Some(picture);
        true
    }

    /// The last answer.
    pub fn latest(&self) -> Option<&Picture> {
        self.latest.as_ref()
    }

    /// Whether the rate is of the last step, not the mean since the sensor began.
    pub fn has_steps(&self) -> bool {
        self.samples.len() > 1
    }

    /// The total of a key in the last answer.
    pub fn total(&self, key: &Key) -> Total {
        self.samples
            .back()
            .map_or(Total::default(), |sample| total(sample, key))
    }

    /// Packets a second over the last step, or since the sensor began when there is no step yet.
    pub fn rate(&self, key: &Key, counted: Counted) -> f64 {
        if let Some(rate) = self.steps(key, counted).last() {
            return rate;
        }
        let Some((from, to)) = self
            .latest
            .as_ref()
            .and_then(|picture| picture.from.zip(picture.to))
        else {
            return 0.0;
        };
        per_second(self.total(key).of(counted), from, to)
    }

    /// Packets a second of each step, oldest first.
    pub fn trend(&self, key: &Key, counted: Counted) -> Vec<f64> {
        self.steps(key, counted).collect()
    }

    fn steps(&self, key: &Key, counted: Counted) -> impl DoubleEndedIterator<Item = f64> {
        self.samples
            .iter()
            .zip(self.samples.iter().skip(1))
            .map(move |(earlier, later)| per_second(gain(earlier, later, key, counted), earlier.to, later.to))
    }
}

/// What a key gained between two answers. A key that is missing in a cut list had some total that nobody knows:
/// its gain is left out, not guessed.
fn gain(earlier: &Sample, later: &Sample, key: &Key, counted: Counted) -> u64 {
    let Some(after) = later.totals.get(key) else {
        return 0;
    };
    let before = match earlier.totals.get(key) {
        Some(before) => *before,
        None if earlier.complete => Total::default(),
        None => return 0,
    };
    after.of(counted).saturating_sub(before.of(counted))
}

fn total(sample: &Sample, key: &Key) -> Total {
    sample.totals.get(key).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn per_second(packets: u64, from: Timestamp, to: Timestamp) -> f64 {
    let seconds = to.duration_since(from).as_secs_f64();
    if seconds > 0.0 {
        packets as f64 / seconds
    } else {
        0.0
    }
}

fn totals(picture: &Picture) -> HashMap<Key, Total> {
    let plain = |packets| Total {
        packets,
        ..Total::default()
    };
    let mut totals = HashMap::from([(Key::Seen, plain(picture.seen))]);
    totals.extend(picture.ports.iter().map(|row| {
        let key = Key::Port(row.transport.clone(), row.port);
        (key, marked(row.packets, row.mirai, row.sources))
    }));
    totals.extend(picture.source_regions.iter().map(|row| {
        let key = Key::Region(row.source_region.clone());
        (key, marked(row.packets, row.mirai, row.sources))
    }));
    totals.extend(picture.port_regions.iter().map(|row| {
        let key = Key::Pair(row.transport.clone(), row.port, row.source_region.clone());
        (key, marked(row.packets, row.mirai, row.sources))
    }));
    totals.extend(
        picture
            .tools
            .iter()
            .map(|row| (Key::Tool(row.label()), marked(row.packets, 0, row.sources))),
    );
    totals.extend(
        picture
            .classes
            .iter()
            .map(|(class, packets)| (Key::Class(class.clone()), plain(*packets))),
    );
    totals
}

fn marked(packets: u64, mirai: u64, sources: Option<u64>) -> Total {
    Total {
        packets,
        mirai,
        sources,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::picture::PortRow;

    fn answer(second: i64, packets: u64, other: Option<u64>) -> Picture {
        let mut ports = vec![port(23, packets)];
        ports.extend(other.map(|packets| port(80, packets)));
        Picture {
            sensor: "here".into(),
            from: Some(Timestamp::UNIX_EPOCH),
            to: Timestamp::from_second(second).ok(),
            seen: packets + other.unwrap_or(0),
            ports,
            ..Picture::default()
        }
    }

    fn port(port: u16, packets: u64) -> PortRow {
        PortRow {
            transport: "tcp".into(),
            port,
            packets,
            mirai: packets / 2,
            sources: None,
        }
    }

    fn key(port: u16) -> Key {
        Key::Port("tcp".into(), port)
    }

    #[test]
    fn the_first_answer_gives_the_mean_and_the_next_the_step() {
        let mut history = History::default();
        assert!(history.push(answer(10, 100, None)));
        assert!(!history.has_steps());
        assert!((history.rate(&key(23), Counted::Packets) - 10.0).abs() < 1e-9);
        assert!(history.push(answer(20, 400, None)));
        assert!((history.rate(&key(23), Counted::Packets) - 30.0).abs() < 1e-9);
        assert!((history.rate(&key(23), Counted::Mirai) - 15.0).abs() < 1e-9);
    }

    #[test]
    fn the_same_answer_again_is_no_step() {
        let mut history = History::default();
        assert!(history.push(answer(10, 100, None)));
        assert!(!history.push(answer(10, 100, None)));
        assert!(!history.has_steps());
    }

    #[test]
    fn a_port_that_appears_gained_what_it_shows_but_only_where_the_list_was_whole() {
        let mut history = History::default();
        history.push(answer(10, 100, None));
        history.push(answer(20, 100, Some(50)));
        assert!((history.rate(&key(80), Counted::Packets) - 5.0).abs() < 1e-9);

        let mut cut = answer(10, 100, None);
        cut.ports
            .extend((1000..).take(ROW_LIMIT).map(|number| port(number, 1)));
        let mut history = History::default();
        history.push(cut);
        history.push(answer(20, 5000, Some(50)));
        assert!(history.rate(&key(80), Counted::Packets).abs() < 1e-9);
    }

    #[test]
    fn a_restarted_sensor_begins_a_new_history() {
        let mut history = History::default();
        history.push(answer(10, 100, None));
        history.push(answer(20, 200, None));
        let mut restarted = answer(30, 20, None);
        restarted.from = Timestamp::from_second(28).ok();
        assert!(history.push(restarted));
        assert!(!history.has_steps());
        assert!((history.rate(&key(23), Counted::Packets) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn no_more_answers_are_kept_than_a_trend_needs() {
        let mut history = History::default();
        for second in 1..100 {
            history.push(answer(second, second.unsigned_abs() * 10, None));
        }
        let trend = history.trend(&key(23), Counted::Packets);
        assert_eq!(trend.len(), TREND_STEPS);
        assert!(trend.iter().all(|rate| (rate - 10.0).abs() < 1e-9));
    }
}
