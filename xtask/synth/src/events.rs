//! What happens in the later quarter.

use serde::Serialize;

use crate::{
    Plan,
    calendar::{DAY, HOUR, text},
    profile::{Stream, stream},
};

/// Something that a report has to find. Times are RFC 3339 in UTC; ends do not belong to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// A region loses its rank through one port.
    RankLost {
        /// Which region.
        source_region: &'static str,
        /// Which port's packets become fewer.
        port: &'static str,
        /// What is left of them.
        factor: f64,
    },
    /// A region's packets rise in the last month through one port.
    Rise {
        /// Which region.
        source_region: &'static str,
        /// Which port.
        port: &'static str,
        /// From when on.
        from: String,
        /// How many times as many packets to that port.
        factor: f64,
    },
    /// A region's packets become fewer day by day.
    Decline {
        /// Which region.
        source_region: &'static str,
        /// The last ten days' expected average in parts of the first ten days'.
        factor: f64,
    },
    /// One source sends for two weeks.
    Burst {
        /// From which region.
        source_region: &'static str,
        /// To which port.
        port: &'static str,
        /// From when on.
        from: String,
        /// Until when.
        to: String,
    },
    /// A sensor does not observe.
    Outage {
        /// Its id.
        sensor: String,
        /// From when on.
        from: String,
        /// Until when.
        to: String,
    },
    /// A sensor that was not there before.
    Added {
        /// Its id.
        sensor: String,
        /// From when on.
        from: String,
        /// What it gets more of than others.
        port: &'static str,
        /// How many times as many.
        factor: f64,
    },
    /// Packets of one region are another's since a new region database.
    Reclassified {
        /// Which region had them.
        from: &'static str,
        /// Which has them now.
        to: &'static str,
        /// From when on.
        at: String,
        /// What part of them.
        part: f64,
    },
    /// Packets at the edges of the quarters, on the first sensor.
    Edge {
        /// To which port.
        port: &'static str,
        /// When.
        at: String,
        /// How many.
        packets: u64,
    },
}

/// The ports at the edges: half past midnight and half past 23 hours in Japan.
const EDGES: [(i32, &str, u64); 4] = [
    (40_001, "40001/tcp", 1_009),
    (40_002, "40002/tcp", 1_013),
    (40_003, "40003/tcp", 1_019),
    (40_004, "40004/tcp", 1_021),
];
const RANK_LOST: f64 = 0.2;
const RISE: f64 = 80.0;
const DECLINE: f64 = 0.8;
const BURST_PORT: i32 = 40_404;
/// Packets an hour and address: so much that the port is among the first.
const BURST: f64 = 40.0;
const ADDED: f64 = 8.0;
const RECLASSIFIED: f64 = 0.6;

/// The events of a plan, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Planted {
    is_on: bool,
    begins: i64,
    ends: i64,
    rises: i64,
    burst: (i64, i64),
    outage: (usize, i64, i64),
    added: (usize, i64),
    reclassified: i64,
}

impl Planted {
    pub(crate) fn new(plan: &Plan) -> Self {
        let calendar = &plan.calendar;
        let (begins, ends) = calendar.later();
        let last_month = ends - 31 * DAY;
        Self {
            is_on: plan.with_events,
            begins,
            ends,
            rises: last_month,
            burst: (calendar.moment(37, 0), calendar.moment(51, 0)),
            outage: (
                plan.fleet.with_outage,
                calendar.moment(60, 10),
                calendar.moment(65, 16),
            ),
            added: (plan.fleet.added, calendar.moment(31, 0)),
            reclassified: calendar.moment(45, 0),
        }
    }

    /// The streams that events alone have. The edges' have no rate.
    pub(crate) fn streams(&self, usual: &[Stream]) -> Vec<Stream> {
        if !self.is_on {
            return Vec::new();
        }
        let mut streams = vec![Stream {
            rate: BURST,
            ..stream("tcp", BURST_PORT, "LT", 0)
        }];
        streams.extend(EDGES.map(|(port, ..)| stream("tcp", port, "SE", 0)));
        let russian = usual.iter().filter(|stream| stream.region == "RU");
        streams.extend(russian.map(|stream| Stream {
            region: "KZ",
            ..stream.clone()
        }));
        streams
    }

    /// How many times its usual rate a stream has on a sensor, in a day that begins at a Japanese midnight.
    pub(crate) fn factor(&self, stream: &Stream, sensor: usize, at: i64) -> f64 {
        if !self.is_on {
            return 1.0;
        }
        let in_quarter = at >= self.begins;
        let reclassified = at >= self.reclassified;
        let mut factor = match (stream.region, stream.port) {
            ("KR", 445) if in_quarter => RANK_LOST,
            ("US", 81) if at >= self.rises => RISE,
            ("CN", _) if in_quarter => self.decline(at),
            ("LT", BURST_PORT) if !(self.burst.0..self.burst.1).contains(&at) => 0.0,
            ("RU", _) if reclassified => 1.0 - RECLASSIFIED,
            ("KZ", _) if reclassified => RECLASSIFIED,
            ("KZ", _) => 0.0,
            _ => 1.0,
        };
        if sensor == self.added.0 && stream.port == 1433 {
            factor *= ADDED;
        }
        factor
    }

    /// A straight line whose averages over the first and the last ten days are 1 to [`DECLINE`].
    #[expect(clippy::cast_precision_loss, reason = "days of a quarter")]
    fn decline(&self, at: i64) -> f64 {
        let days = (self.ends - self.begins) as f64 / DAY as f64;
        let day = ((at - self.begins) as f64 / DAY as f64).clamp(0.0, days);
        1.0 - (1.0 - DECLINE) * (day - 4.5) / (days - 10.0)
    }

    /// Whether one source sends all of a stream.
    pub(crate) fn is_one_source(stream: &Stream) -> bool {
        stream.port == BURST_PORT
    }

    /// Whether a sensor observes in the hour that begins then.
    pub(crate) fn observes(&self, sensor: usize, hour: i64) -> bool {
        if !self.is_on {
            return true;
        }
        let out = sensor == self.outage.0 && (self.outage.1..self.outage.2).contains(&hour);
        !out && (sensor != self.added.0 || hour >= self.added.1)
    }

    /// When a sensor is in service first, where that is within the quarters.
    pub(crate) fn in_service_from(&self, sensor: usize) -> Option<i64> {
        (self.is_on && sensor == self.added.0).then_some(self.added.1)
    }

    /// Ports and packets that come beside all else in the hour that begins then.
    pub(crate) fn edge(&self, sensor: usize, hour: i64) -> Option<(i32, u64)> {
        if !self.is_on || sensor != 0 {
            return None;
        }
        let place = self.edges().iter().position(|edge| *edge == hour)?;
        Some((EDGES[place].0, EDGES[place].2))
    }

    fn edges(&self) -> [i64; 4] {
        [self.begins - HOUR, self.begins, self.ends - HOUR, self.ends]
    }

    /// The region database in use: its digest, and when it was built.
    pub(crate) fn database(&self, at: i64) -> (String, i64) {
        let (digit, built) = if self.is_on && at >= self.reclassified {
            ("b", self.reclassified - DAY)
        } else {
            ("a", self.begins - 200 * DAY)
        };
        (digit.repeat(64), built)
    }

    /// The events, as the truth names them.
    pub(crate) fn events(&self, plan: &Plan) -> Vec<Event> {
        if !self.is_on {
            return Vec::new();
        }
        let sensor = |place: usize| plan.fleet.sensors[place].id.clone();
        let mut events = vec![
            Event::RankLost {
                source_region: "KR",
                port: "445/tcp",
                factor: RANK_LOST,
            },
            Event::Rise {
                source_region: "US",
                port: "81/tcp",
                from: text(self.rises),
                factor: RISE,
            },
            Event::Decline {
                source_region: "CN",
                factor: DECLINE,
            },
            Event::Burst {
                source_region: "LT",
                port: "40404/tcp",
                from: text(self.burst.0),
                to: text(self.burst.1),
            },
            Event::Outage {
                sensor: sensor(self.outage.0),
                from: text(self.outage.1),
                to: text(self.outage.2),
            },
            Event::Added {
                sensor: sensor(self.added.0),
                from: text(self.added.1),
                port: "1433/tcp",
                factor: ADDED,
            },
            Event::Reclassified {
                from: "RU",
                to: "KZ",
                at: text(self.reclassified),
                part: RECLASSIFIED,
            },
        ];
        events.extend(
            EDGES
                .iter()
                .zip(self.edges())
                .map(|((_, port, packets), hour)| Event::Edge {
                    port,
                    at: text(hour + HOUR / 2),
                    packets: *packets,
                }),
        );
        events
    }
}
