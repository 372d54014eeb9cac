//! How long a scrape takes while the sensor is flooded, and at rest.

use std::{
    fmt, thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::{
    Spread,
    complete::{Complete, Place, Programs, await_idle},
    flood,
    load_of_others::Watch,
    measured::{Belief, milliseconds},
};
use crate::{
    daemon::{Daemon, own_cpu_time},
    live::{Profile, online_cpus},
    network::LabLock,
};

/// Where the daemon serves, in a namespace of its own.
const URL: &str = "http://127.0.0.1:10023/metrics";
/// With so many ports there are two thousand series, the most that a sensor is meant to have. A port is listed when it ranks at
/// a flush: so these come often.
const LISTED: &str = "[export]\nlisted_ports = 472\n[kernel]\nflush_interval = \"500ms\"\n";
/// Between two scrapes.
const PAUSE: Duration = Duration::from_millis(20);
/// How long is flooded before, so that every list of ports and regions is full.
const FILLING: Duration = Duration::from_secs(90);

/// What is measured.
#[derive(Clone, Debug)]
pub struct ScrapeOptions {
    /// Scrapes of each.
    pub scrapes: usize,
    /// What is run.
    pub programs: Programs,
}

/// What scrapes take, in milliseconds, over one connection, as Prometheus does it.
#[derive(Clone, Debug, Serialize)]
pub struct ScrapeTimes {
    /// Scrapes of each.
    pub scrapes: usize,
    /// Series in the last one.
    pub series: usize,
    /// Octets of the last one.
    pub octets: usize,
    /// Frames of the flood a second, while scrapes were measured.
    pub flood_frames_a_second: f64,
    /// While nothing is sent.
    pub rest: Latencies,
    /// While frames of any source to any port come as fast as one CPU makes them.
    pub flood: Latencies,
    /// What others took of the machine meanwhile.
    #[serde(flatten)]
    pub belief: Belief,
}

/// How long each took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latencies {
    /// Median and range.
    pub milliseconds: Spread,
    /// The 99th percentile.
    pub p99: f64,
}

impl Latencies {
    fn of(times: &[f64]) -> Self {
        Self {
            milliseconds: Spread::of(times),
            p99: Spread::quantile(times, 0.99),
        }
    }
}

/// Measures.
///
/// # Errors
/// The daemon cannot be started, or does not answer.
pub fn measure_scrapes(lock: &LabLock, options: &ScrapeOptions) -> Result<ScrapeTimes> {
    let cpu = *online_cpus()?.first().context("no CPU is online")?;
    let place = Place::make(lock, "bench", &options.programs, &[cpu])?;
    let complete = Complete::new(place.network.rx().name)?;
    complete.configure(LISTED)?;
    let namespace = place.network.sensor();
    let daemon = Daemon::start(namespace, &options.programs.daemon, &complete.settings)?;
    let scrape = || namespace.enter(|| scrapes(options.scrapes))?;
    flood::during(&place.generator, Profile::Uniform, cpu, || {
        thread::sleep(FILLING);
        Ok(())
    })?;
    place.settled(&daemon)?;
    await_idle(|| Ok(daemon.cpu_time()?))?;

    let (watch, before) = (Watch::start()?, own_cpu_time()? + daemon.cpu_time()?);
    let rest = scrape()?;
    let sent = place.generator.truth()?.frames();
    let begun = Instant::now();
    let (flood, flooding) = flood::during(&place.generator, Profile::Uniform, cpu, scrape)?;
    let seconds = begun.elapsed().as_secs_f64();
    let sent = place.generator.truth()?.frames() - sent;
    // The flood's own thread is one of ours.
    let own = own_cpu_time()? + daemon.cpu_time()?;
    let belief = Belief::of(watch.finish(own.saturating_sub(before).max(flooding))?);
    place.settled(&daemon)?;
    place.check_arrivals()?;
    daemon.stop()?;
    Ok(ScrapeTimes {
        scrapes: options.scrapes,
        series: flood.series,
        octets: flood.octets,
        flood_frames_a_second: rate(sent, seconds),
        rest: Latencies::of(&rest.milliseconds),
        flood: Latencies::of(&flood.milliseconds),
        belief,
    })
}

#[expect(clippy::cast_precision_loss, reason = "frames are far below 2^53")]
fn rate(frames: u64, seconds: f64) -> f64 {
    frames as f64 / seconds
}

struct Scrapes {
    milliseconds: Vec<f64>,
    series: usize,
    octets: usize,
}

/// So many, one after the other, over a connection that stays open.
fn scrapes(count: usize) -> Result<Scrapes> {
    let agent = ureq::Agent::new_with_defaults();
    let scrape = || -> Result<String> {
        let mut answer = agent.get(URL).call()?;
        Ok(answer.body_mut().with_config().limit(64 << 20).read_to_string()?)
    };
    // The first one makes the connection.
    let mut text = scrape()?;
    let mut milliseconds_each = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        text = scrape()?;
        milliseconds_each.push(milliseconds(begun.elapsed()));
        thread::sleep(PAUSE);
    }
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    ensure!(series > 0, "a scrape has no series: {text}");
    Ok(Scrapes {
        milliseconds: milliseconds_each,
        series,
        octets: text.len(),
    })
}

impl fmt::Display for ScrapeTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} scrapes of {} series ({} octets), ms: median [least–greatest], 99th percentile",
            self.scrapes, self.series, self.octets
        )?;
        writeln!(
            f,
            "  at rest      {:>24.2} {:>8.2}",
            self.rest.milliseconds, self.rest.p99
        )?;
        writeln!(
            f,
            "  in the flood {:>24.2} {:>8.2}   ({:.2} million frames a second)",
            self.flood.milliseconds,
            self.flood.p99,
            self.flood_frames_a_second / 1e6
        )?;
        write!(f, "{}", self.belief)
    }
}
