//! Draws the records of each sensor, hour by hour, and writes them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use sensor_common::Outcome;
use sensor_records::{Existing, RecordsError, Row, Writer, rows::CoverageRow};

use crate::{
    Plan, Sensor, SensorTruth, Truth, Volume,
    calendar::{DAY, HOUR, day_of, midnight, text},
    draw,
    events::Planted,
    profile::{self, MIRAI, Stream},
    rows::{self, Daily},
};

/// Why nothing, or not all, was written.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// The records cannot be written.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// A thread died.
    #[error("a thread that drew records died: this is a fault of the generator; run it again with `--small`")]
    Thread,
}

/// Ports beside the named ones at scale 1: as many as a /16 sees in most hours.
const UNNAMED_PORTS: f64 = 2_000.0;

/// Draws and writes everything; `advance` is told each day of a sensor that is done.
///
/// # Errors
/// When the directory does not take the records, or they are there already.
pub fn write(root: &Path, plan: &Plan, advance: &(dyn Fn() + Sync)) -> Result<Truth, SynthError> {
    let planted = Planted::new(plan);
    let mut streams = profile::streams(plan.seed, unnamed_ports(plan.scale));
    streams.extend(planted.streams(&streams));
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let draw = || -> Result<(), SynthError> {
        // The largest sensor is the last and takes longest: begin with it.
        while let Some(place) = plan
            .fleet
            .sensors
            .len()
            .checked_sub(1 + next.fetch_add(1, Ordering::Relaxed))
        {
            let sensor = &plan.fleet.sensors[place];
            let mut drawing = Drawing::new(root, plan, &planted, &streams, place)?;
            drawing.run(advance)?;
            let result = (sensor.id.clone(), drawing.truth, drawing.volumes);
            done.lock().map_err(|_| SynthError::Thread)?.push(result);
        }
        Ok(())
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(draw)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| SynthError::Thread)?)
    })?;
    let done = done.into_inner().map_err(|_| SynthError::Thread)?;
    Ok(truth(plan, &planted, done))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a made-up number"
)]
fn unnamed_ports(scale: f64) -> u64 {
    (UNNAMED_PORTS * scale.sqrt()).clamp(100.0, 50_000.0) as u64
}

type Done = (String, [SensorTruth; 2], BTreeMap<&'static str, Volume>);

fn truth(plan: &Plan, planted: &Planted, done: Vec<Done>) -> Truth {
    let mut truth = Truth {
        seed: plan.seed,
        events: planted.events(plan),
        ..Truth::default()
    };
    for (period, (from, to)) in [
        (&mut truth.earlier, plan.calendar.earlier()),
        (&mut truth.later, plan.calendar.later()),
    ] {
        (period.from, period.to) = (text(from), text(to));
    }
    for (id, [earlier, later], volumes) in done {
        truth.earlier.sensors.insert(id.clone(), earlier);
        truth.later.sensors.insert(id, later);
        for (table, volume) in volumes {
            truth.volumes.entry(table.to_owned()).or_default().add(volume);
        }
    }
    truth
}

/// One sensor's records while they are drawn.
struct Drawing<'plan> {
    plan: &'plan Plan,
    planted: &'plan Planted,
    streams: &'plan [Stream],
    place: usize,
    sensor: &'plan Sensor,
    writer: Writer,
    /// Expected packets an hour of each stream, added up, for the Japanese day that began at `rates_of`.
    cumulative: Vec<f64>,
    rates_of: i64,
    day: Vec<Daily>,
    truth: [SensorTruth; 2],
    volumes: BTreeMap<&'static str, Volume>,
    written_today: BTreeSet<&'static str>,
}

impl<'plan> Drawing<'plan> {
    fn new(
        root: &Path,
        plan: &'plan Plan,
        planted: &'plan Planted,
        streams: &'plan [Stream],
        place: usize,
    ) -> Result<Self, SynthError> {
        let sensor = &plan.fleet.sensors[place];
        let truth = SensorTruth {
            region: sensor.region.to_owned(),
            addresses: sensor.addresses,
            daily_hours: Vec::new(),
            ..SensorTruth::default()
        };
        Ok(Self {
            plan,
            planted,
            streams,
            place,
            sensor,
            writer: Writer::open(root, &sensor.id)?,
            cumulative: Vec::new(),
            rates_of: i64::MIN,
            day: Vec::new(),
            truth: [truth.clone(), truth],
            volumes: BTreeMap::new(),
            written_today: BTreeSet::new(),
        })
    }

    fn run(&mut self, advance: &dyn Fn()) -> Result<(), SynthError> {
        let (first_hour, last_hour) = self.plan.calendar.hours();
        let first = day_of(midnight(self.plan.calendar.history)).min(first_hour);
        for day in (first..=last_hour).step_by(usize::try_from(DAY).unwrap_or(usize::MAX)) {
            if self
                .planted
                .in_service_from(self.place)
                .is_some_and(|from| day + DAY <= from)
            {
                advance();
                continue;
            }
            self.day = vec![Daily::default(); self.streams.len()];
            let hourly = day >= first_hour;
            let mut coverage = Vec::new();
            for hour in (day..day + DAY).step_by(usize::try_from(HOUR).unwrap_or(usize::MAX)) {
                if !self.planted.observes(self.place, hour) {
                    continue;
                }
                let drawn = self.draw_hour(hour);
                coverage.push(self.count(hour, &drawn));
                if hourly {
                    self.write_hour(hour, &drawn)?;
                    if self.plan.hourly_coverage {
                        self.put(hour, coverage.split_off(0))?;
                    }
                }
            }
            // Of the months before, a day's hours of coverage stand in one file: readers go by the column.
            if !coverage.is_empty() {
                self.put(day, coverage)?;
            }
            self.write_day(day)?;
            advance();
        }
        Ok(())
    }

    /// Packets by stream of an hour.
    fn draw_hour(&mut self, hour: i64) -> Vec<(usize, u64)> {
        self.set_rates(hour);
        let mut rng = draw::rng(self.plan.seed, &[3, self.place as u64, hour.unsigned_abs()]);
        let factor = self.hour_factor(hour);
        let total = self.cumulative.last().copied().unwrap_or(0.0) * factor;
        let mut drawn = BTreeMap::new();
        if total < 1_000.0 {
            for _ in 0..draw::poisson(&mut rng, total) {
                let at = rng.f64() * total / factor;
                let stream = self.cumulative.partition_point(|sum| *sum <= at);
                *drawn.entry(stream.min(self.streams.len() - 1)).or_insert(0) += 1;
            }
        } else {
            let mut before = 0.0;
            for (stream, sum) in self.cumulative.iter().enumerate() {
                let packets = draw::poisson(&mut rng, (sum - before) * factor);
                if packets > 0 {
                    drawn.insert(stream, packets);
                }
                before = *sum;
            }
        }
        if let Some((port, packets)) = self.planted.edge(self.place, hour)
            && let Some(stream) = self.streams.iter().position(|stream| stream.port == port)
        {
            drawn.insert(stream, packets);
        }
        drawn.into_iter().collect()
    }

    /// Day and night, and what is not known beforehand: the same for every sensor.
    #[expect(clippy::cast_precision_loss, reason = "hours of a day")]
    fn hour_factor(&self, hour: i64) -> f64 {
        let mut rng = draw::rng(self.plan.seed, &[4, hour.unsigned_abs()]);
        let of_day = (hour.rem_euclid(DAY) / HOUR) as f64 / 24.0;
        let daily = 1.0 + 0.1 * (std::f64::consts::TAU * of_day).sin();
        daily * (0.05 * draw::normal(&mut rng)).exp()
    }

    /// The streams' rates of the Japanese day that an hour is in.
    fn set_rates(&mut self, hour: i64) {
        let begins = (hour + 9 * HOUR) - (hour + 9 * HOUR).rem_euclid(DAY) - 9 * HOUR;
        if self.rates_of == begins {
            return;
        }
        self.rates_of = begins;
        let size = f64::from(self.sensor.addresses) * self.plan.scale;
        let mut sum = 0.0;
        self.cumulative.clear();
        for (number, stream) in (0_u64..).zip(self.streams) {
            let mut rng = draw::rng(self.plan.seed, &[5, number, begins.unsigned_abs()]);
            let noise = (0.1 * draw::normal(&mut rng)).exp();
            sum += stream.rate * size * noise * self.planted.factor(stream, self.place, begins);
            self.cumulative.push(sum);
        }
    }

    /// Counts an hour for its day and for the truth, and gives its coverage.
    fn count(&mut self, hour: i64, drawn: &[(usize, u64)]) -> CoverageRow {
        let mut row = rows::coverage(self.sensor, hour, self.planted.database(hour));
        let truth = self.truth_of(hour);
        for (stream, packets) in drawn {
            let daily = &mut self.day[*stream];
            let stream = &self.streams[*stream];
            daily.packets += packets;
            daily.hours += 1;
            daily.largest = daily.largest.max(rows::largest(stream, *packets));
            let signed = rows::signed(*packets);
            let outcome = match stream.transport {
                "tcp" => Outcome::ObservedTcp,
                "udp" => Outcome::ObservedUdp,
                _ => Outcome::ObservedIcmp,
            };
            row.outcome.0[outcome as usize] += signed;
            *(if stream.class == "scan" {
                &mut row.class_scan
            } else {
                &mut row.class_backscatter
            }) += signed;
            row.recorded += signed;
            row.cells_rows += 1;
            let Some((period, day)) = truth else { continue };
            let truth = &mut self.truth[period];
            truth.packets += packets;
            if stream.class == "scan" {
                let port = match stream.transport {
                    "icmp" => "0/icmp".to_owned(),
                    transport => format!("{}/{transport}", stream.port),
                };
                truth.add(stream.region, &port, stream.tools & MIRAI != 0, day, *packets);
            }
        }
        row.observed = row.recorded;
        // A few packets to others come by everywhere.
        row.outcome.0[Outcome::NotWatched as usize] = 7;
        row.seen = row.observed + 7;
        if let Some((period, day)) = truth {
            let truth = &mut self.truth[period];
            truth.observed_seconds += HOUR.unsigned_abs();
            if truth.daily_hours.len() <= day {
                truth.daily_hours.resize(day + 1, 0);
            }
            truth.daily_hours[day] += 1;
        }
        row
    }

    /// Which quarter an hour is in, 0 or 1, and which day of it.
    fn truth_of(&self, hour: i64) -> Option<(usize, usize)> {
        let periods = [self.plan.calendar.earlier(), self.plan.calendar.later()];
        let period = periods
            .iter()
            .position(|(from, to)| (*from..*to).contains(&hour))?;
        let day = usize::try_from((hour - periods[period].0) / DAY).ok()?;
        Some((period, day))
    }

    fn write_hour(&mut self, hour: i64, drawn: &[(usize, u64)]) -> Result<(), SynthError> {
        let rows: Vec<_> = drawn
            .iter()
            .map(|(stream, packets)| rows::cell(&self.streams[*stream], hour, *packets))
            .collect();
        self.put(hour, rows)
    }

    fn write_day(&mut self, day: i64) -> Result<(), SynthError> {
        let rows: Vec<_> = self
            .streams
            .iter()
            .zip(&self.day)
            .filter(|(_, daily)| daily.packets > 0)
            .map(|(stream, daily)| rows::daily_cell(stream, daily))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.put(day, rows)?;
        let first = self.planted.in_service_from(self.place);
        let first = first.unwrap_or_else(|| day_of(midnight(self.plan.calendar.history)));
        self.put(day, vec![rows::sensor(self.sensor, first, day + DAY)])?;
        for table in std::mem::take(&mut self.written_today) {
            self.volumes.entry(table).or_default().sensor_days += 1;
        }
        Ok(())
    }

    fn put<R: Row>(&mut self, seconds: i64, mut rows: Vec<R>) -> Result<(), SynthError> {
        let written = self.writer.write(seconds, &mut rows, &Existing::Refuse)?;
        self.written_today.insert(R::TABLE.name());
        self.volumes.entry(R::TABLE.name()).or_default().add(Volume {
            files: 1,
            rows: written.rows as u64,
            bytes: written.bytes,
            sensor_days: 0,
        });
        Ok(())
    }
}
