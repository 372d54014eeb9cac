//! Live frames through a veth pair: bare drop, the generator alone and the whole sensor, in turns.
//!
//! Each has a place of its own, so that nothing is attached or aimed between two measurements: one veth pair ends at
//! a program that only drops, another at the daemon's, and a third generator has nowhere to send to.

use std::{path::PathBuf, thread, time::Duration};

use anyhow::{Result, ensure};

use super::{
    load_of_others::Watch,
    report::{LiveCosts, ProfileCosts, Sides},
};
use crate::{
    daemon::{Daemon, Settings, Snapshot},
    live::{DARK_PREFIX_V6, Generator, PortCounts, Profile, Run, online_cpus},
    network::{DARK_PREFIX, LabLock, Network},
};

/// How often the daemon is asked whether it has caught up, and how long it may take.
const LOOK: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_mins(2);
/// What counts as idle: a look in which the daemon ran for less than this.
const IDLE: Duration = Duration::from_millis(20);

/// What is measured.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Measurements of each of the three.
    pub rounds: usize,
    /// Frames of each measurement.
    pub frames: u64,
    /// On how many CPUs they are generated.
    pub cpus: usize,
    /// Of which profiles.
    pub profiles: Vec<Profile>,
    /// The daemon.
    pub program: PathBuf,
    /// The generator's object file.
    pub generator: PathBuf,
}

/// Measures every profile. `progress` is told of each measurement that is done.
///
/// # Errors
/// Something keeps it from being measured, or frames do not arrive.
pub fn measure_live(lock: &LabLock, options: &LiveOptions, progress: &impl Fn(Profile)) -> Result<LiveCosts> {
    let online = online_cpus()?;
    ensure!(
        options.cpus > 0 && options.cpus <= online.len(),
        "frames cannot be generated on {} CPUs: {} are online; give another number with `--cpus`",
        options.cpus,
        online.len()
    );
    let cpus = &online[..options.cpus];
    let networks = (Network::pair(lock, "bench-bare")?, Network::pair(lock, "bench")?);
    let load = || Generator::load(&options.generator, PortCounts::Left);
    let (mut bare, mut sensor, nowhere) = (load()?, load()?, load()?);
    aim(&mut bare, &networks.0, cpus)?;
    aim(&mut sensor, &networks.1, cpus)?;
    networks
        .0
        .enter(|| bare.attach_bare_drop(networks.0.rx().index))??;
    let settings = Settings {
        interfaces: vec![networks.1.rx().name.to_owned()],
        watch: vec![DARK_PREFIX.to_owned(), DARK_PREFIX_V6.to_owned()],
        ..Settings::default()
    };
    let daemon = Daemon::start(networks.1.sensor(), &options.program, &settings)?;
    let bench = Bench {
        options,
        cpus,
        generators: [&bare, &nowhere, &sensor],
        daemon: &daemon,
    };
    let profiles = options
        .profiles
        .iter()
        .map(|&profile| bench.profile(profile, progress))
        .collect::<Result<_>>()?;
    bench.check_arrivals(&networks.0, &networks.1)?;
    daemon.stop()?;
    Ok(LiveCosts {
        rounds: options.rounds,
        frames: options.frames,
        cpus: options.cpus,
        profiles,
    })
}

fn aim(generator: &mut Generator, network: &Network, cpus: &[u32]) -> Result<()> {
    network.sender().enter(|| {
        cpus.iter()
            .try_for_each(|&cpu| generator.aim(cpu, network.tx().index))
    })??;
    Ok(())
}

struct Bench<'bench> {
    options: &'bench LiveOptions,
    cpus: &'bench [u32],
    /// Those that send to the bare drop, to nobody, and to the sensor.
    generators: [&'bench Generator; 3],
    daemon: &'bench Daemon<'bench>,
}

impl Bench<'_> {
    fn profile(&self, profile: Profile, progress: &impl Fn(Profile)) -> Result<ProfileCosts> {
        let before = self.settled()?;
        // The first frames find cold caches and pages that nobody has touched: they are not counted.
        for generator in self.generators {
            self.run(generator, profile)?;
        }
        self.await_idle()?;

        let (watch, daemon_before) = (Watch::start()?, self.daemon.cpu_time()?);
        let mut sides = [const { Vec::new() }; 3];
        let mut generating = Duration::ZERO;
        for _ in 0..self.options.rounds {
            for (side, generator) in sides.iter_mut().zip(self.generators) {
                let run = self.run(generator, profile)?;
                generating += (run.time * self.threads()).saturating_sub(run.waited);
                side.push(self.nanoseconds(run));
                self.await_idle()?;
                progress(profile);
            }
        }
        let daemon = self.daemon.cpu_time()?.saturating_sub(daemon_before);
        let others = watch.finish(generating + daemon)?;

        let after = self.settled()?;
        let [drop, generator, sensor] = sides;
        Ok(ProfileCosts::new(
            profile,
            &Sides {
                drop,
                generator,
                sensor,
            },
            others,
            &before,
            &after,
        ))
    }

    fn run(&self, generator: &Generator, profile: Profile) -> Result<Run> {
        Ok(generator.generate(profile, self.options.frames, self.cpus, |_| ())?)
    }

    fn threads(&self) -> u32 {
        u32::try_from(self.cpus.len()).unwrap_or(u32::MAX)
    }

    /// Wall time a frame, whichever CPU it was on.
    #[expect(clippy::cast_precision_loss, reason = "frames are far below 2^53")]
    fn nanoseconds(&self, run: Run) -> f64 {
        run.time.as_secs_f64() * 1e9 / self.options.frames as f64
    }

    /// Waits until the daemon has taken in what came: it must not compete with the next measurement.
    fn await_idle(&self) -> Result<()> {
        let mut waited = Duration::ZERO;
        let mut before = self.daemon.cpu_time()?;
        loop {
            thread::sleep(LOOK);
            let now = self.daemon.cpu_time()?;
            if now.saturating_sub(before) < IDLE {
                return Ok(());
            }
            waited += LOOK;
            ensure!(
                waited < PATIENCE,
                "the daemon is busy although nothing is sent to it"
            );
            before = now;
        }
    }

    /// The daemon's totals when they hold everything that was sent to it.
    fn settled(&self) -> Result<Snapshot> {
        let [_, _, sensor] = self.generators;
        let sent = sensor.truth()?.frames();
        let mut waited = Duration::ZERO;
        loop {
            let snapshot = self.daemon.snapshot(0)?;
            if snapshot.seen == sent && snapshot.conservation.accounts_for_all() {
                return Ok(snapshot);
            }
            ensure!(
                waited < PATIENCE,
                "of {sent} frames the sensor has seen {}: {:?}",
                snapshot.seen,
                snapshot.conservation
            );
            thread::sleep(LOOK);
            waited += LOOK;
        }
    }

    /// That every frame came through to either side: one that is lost on the way costs less than one that is dropped.
    fn check_arrivals(&self, bare: &Network, sensor: &Network) -> Result<()> {
        let [to_bare, _, to_sensor] = self.generators;
        for (generator, network) in [(to_bare, bare), (to_sensor, sensor)] {
            let (sent, arrived) = (generator.truth()?.frames(), network.received()?);
            ensure!(
                sent == arrived,
                "of {sent} frames {arrived} arrived: the veth pair lost the others, and the figures mean nothing"
            );
        }
        Ok(())
    }
}
