//! How long the daemon takes from its start until it is attached and counts.

use std::{
    fmt, thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::{
    Spread,
    complete::{Complete, Place, Programs},
    measured::{Belief, milliseconds},
};
use crate::{
    daemon::Daemon,
    live::{Profile, online_cpus},
    network::LabLock,
};

/// How often the daemon is asked.
const LOOK: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_mins(1);
/// Frames that are then sent, to see that they are counted.
const FRAMES: u64 = 1_000;

/// What is measured.
#[derive(Clone, Debug)]
pub struct StartOptions {
    /// How many starts.
    pub rounds: usize,
    /// What is run.
    pub programs: Programs,
}

/// What starts take.
#[derive(Clone, Debug, Serialize)]
pub struct StartTimes {
    /// How many starts.
    pub rounds: usize,
    /// From the process's first moment until it publishes the totals of an attached program, the region database
    /// compiled, in milliseconds.
    pub milliseconds: Spread,
    /// What others took of the machine meanwhile.
    #[serde(flatten)]
    pub belief: Belief,
}

/// Measures, and holds of each start that every frame sent after it is counted.
///
/// # Errors
/// The daemon cannot be started, or misses a frame.
pub fn measure_starts(lock: &LabLock, options: &StartOptions) -> Result<StartTimes> {
    let (times, belief) = Belief::during(|| {
        (0..options.rounds)
            .map(|_| start(lock, options))
            .collect::<Result<Vec<f64>>>()
    })?;
    Ok(StartTimes {
        rounds: options.rounds,
        milliseconds: Spread::of(&times),
        belief,
    })
}

fn start(lock: &LabLock, options: &StartOptions) -> Result<f64> {
    let cpu = *online_cpus()?.first().context("no CPU is online")?;
    let place = Place::make(lock, "bench", &options.programs, &[cpu])?;
    let mut complete = Complete::new(place.network.rx().name)?;
    // Only so that the totals are soon seen to hold every frame.
    complete.settings.flush_interval = Some("1s".to_owned());
    let begun = Instant::now();
    let mut daemon = Daemon::spawn(
        place.network.sensor(),
        &options.programs.daemon,
        &complete.settings,
    )?;
    let time = loop {
        if daemon.snapshot(0).is_ok() {
            break milliseconds(begun.elapsed());
        }
        daemon.check_alive()?;
        ensure!(
            begun.elapsed() < PATIENCE,
            "the daemon publishes nothing: {}",
            daemon.log()
        );
        thread::sleep(LOOK);
    };
    place
        .generator
        .generate(Profile::Uniform, FRAMES, &[cpu], |_| ())?;
    place.settled(&daemon)?;
    daemon.stop()?;
    Ok(time)
}

impl fmt::Display for StartTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "start to attached and counting, region database compiled: {:.0} ms, {} starts",
            self.milliseconds, self.rounds
        )?;
        write!(f, "{}", self.belief)
    }
}
