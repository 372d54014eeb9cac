//! Live frames through veth pairs: bare drop, the generator alone, the whole sensor and its peers, in turns.
//!
//! Each has a place of its own, so that nothing is attached or aimed between two measurements: one veth pair ends at
//! a program that only drops, another at the daemon's, one more at each peer, and one generator has nowhere to send to.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{
    complete::{Complete, Place, Programs, await_idle},
    load_of_others::Watch,
    measured::Belief,
    peers::{Kind, Peer},
    report::{LiveCosts, PeerRounds, ProfileCosts, Skipped},
    rounds::{Round, Rounds},
};
use crate::{
    daemon::Daemon,
    live::{Generator, PortCounts, Profile, online_cpus},
    network::LabLock,
};

/// What is measured.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Measurements of each.
    pub rounds: usize,
    /// Frames of each measurement.
    pub frames: u64,
    /// On how many CPUs they are generated.
    pub cpus: usize,
    /// Of which profiles.
    pub profiles: Vec<Profile>,
    /// Whether what operators use today is measured too.
    pub peers: bool,
    /// What is run.
    pub programs: Programs,
}

/// Measures every profile. `progress` is told of each measurement that is done.
///
/// # Errors
/// Something keeps it from being measured, or frames do not arrive. A peer that cannot be measured is in the answer
/// instead.
pub fn measure_live(lock: &LabLock, options: &LiveOptions, progress: &impl Fn(Profile)) -> Result<LiveCosts> {
    let online = online_cpus()?;
    ensure!(
        options.cpus > 0 && options.cpus <= online.len(),
        "frames cannot be generated on {} CPUs: {} are online; give another number with `--cpus`",
        options.cpus,
        online.len()
    );
    let cpus = &online[..options.cpus];
    let programs = &options.programs;
    let mut bare = Place::make(lock, "bench-bare", programs, cpus)?;
    let index = bare.network.rx().index;
    bare.network.enter(|| bare.generator.attach_bare_drop(index))??;
    let nowhere = Generator::load(&programs.generator, PortCounts::Left)?;
    let sensor = Place::make(lock, "bench", programs, cpus)?;
    let (peers, skipped) = if options.peers {
        start_peers(lock, programs, cpus)
    } else {
        (vec![], vec![])
    };
    let complete = Complete::new(sensor.network.rx().name)?;
    let daemon = Daemon::start(sensor.network.sensor(), &programs.daemon, &complete.settings)?;
    let bench = Bench {
        options,
        cpus,
        bare: &bare,
        nowhere: &nowhere,
        sensor: &sensor,
        daemon: &daemon,
        peers: &peers,
    };
    let profiles = options
        .profiles
        .iter()
        .map(|&profile| bench.profile(profile, progress))
        .collect::<Result<_>>()?;
    bare.check_arrivals()?;
    sensor.check_arrivals()?;
    let records_bytes = complete.records_bytes();
    daemon.stop()?;
    Ok(LiveCosts {
        rounds: options.rounds,
        frames: options.frames,
        cpus: options.cpus,
        profiles,
        skipped,
        records_bytes,
    })
}

/// Those that can be measured here, and why the others cannot.
fn start_peers(lock: &LabLock, programs: &Programs, cpus: &[u32]) -> (Vec<Peer>, Vec<Skipped>) {
    let (mut peers, mut skipped) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        let started = match kind.missing() {
            Some(reason) => Err(reason),
            None => Peer::start(lock, kind, programs, cpus).map_err(|error| one_line(&format!("{error:#}"))),
        };
        match started {
            Ok(peer) => peers.push(peer),
            Err(reason) => skipped.push(Skipped {
                name: kind.name().to_owned(),
                reason,
            }),
        }
    }
    (peers, skipped)
}

/// What programs say, without the ends of lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Bench<'bench> {
    options: &'bench LiveOptions,
    cpus: &'bench [u32],
    bare: &'bench Place,
    nowhere: &'bench Generator,
    sensor: &'bench Place,
    daemon: &'bench Daemon<'bench>,
    peers: &'bench [Peer],
}

/// One that frames are generated for: who generates them, and what runs for them beside the kernel.
struct Side<'side> {
    generator: &'side Generator,
    cpu_time: &'side dyn Fn() -> Result<Duration>,
}

impl Bench<'_> {
    fn profile(&self, profile: Profile, progress: &impl Fn(Profile)) -> Result<ProfileCosts> {
        let before = self.sensor.settled(self.daemon)?;
        let of_daemon = || Ok(self.daemon.cpu_time()?);
        let of_nobody = || Ok(Duration::ZERO);
        let of_peers: Vec<_> = self.peers.iter().map(|peer| move || peer.cpu_time()).collect();
        let own = [
            (&self.bare.generator, &of_nobody as &dyn Fn() -> Result<Duration>),
            (self.nowhere, &of_nobody),
            (&self.sensor.generator, &of_daemon),
        ];
        let of_peers = self.peers.iter().zip(&of_peers);
        let sides: Vec<Side> = own
            .into_iter()
            .chain(
                of_peers.map(|(peer, time)| (&peer.place.generator, time as &dyn Fn() -> Result<Duration>)),
            )
            .map(|(generator, cpu_time)| Side { generator, cpu_time })
            .collect();
        // The first frames find cold caches and pages that nobody has touched: they are not counted.
        for peer in self.peers {
            peer.forget()?;
        }
        for side in &sides {
            self.measure(side, profile)?;
        }
        let counted = self.counted()?;

        let (watch, times) = (Watch::start()?, self.process_times()?);
        let mut rounds = vec![Rounds::default(); sides.len()];
        for _ in 0..self.options.rounds {
            for (rounds, side) in rounds.iter_mut().zip(&sides) {
                rounds.push(self.measure(side, profile)?);
                progress(profile);
            }
        }
        let processes = self.process_times()?.saturating_sub(times);
        let generating: Duration = rounds.iter().map(|rounds| rounds.generating).sum();
        let belief = Belief::of(watch.finish(generating + processes)?);

        let peers = self.peer_rounds(&rounds[own.len()..], &counted)?;
        let after = self.sensor.settled(self.daemon)?;
        Ok(ProfileCosts::new(
            profile,
            [&rounds[0], &rounds[1], &rounds[2]],
            &peers,
            belief,
            (&before, &after),
        ))
    }

    /// What each peer has counted so far.
    fn counted(&self) -> Result<Vec<u64>> {
        self.peers.iter().map(Peer::counted).collect()
    }

    fn peer_rounds(&self, rounds: &[Rounds], before: &[u64]) -> Result<Vec<PeerRounds>> {
        let after = self.counted()?;
        let sent = self.options.frames * self.options.rounds as u64;
        let peers = self.peers.iter().zip(rounds).zip(before.iter().zip(after));
        Ok(peers
            .map(|((peer, rounds), (before, after))| PeerRounds {
                name: peer.kind.name(),
                reports_ports_and_countries: peer.kind.reports_ports_and_countries(),
                rounds: rounds.clone(),
                counted: after.saturating_sub(*before),
                sent,
            })
            .collect())
    }

    /// The time that everything that runs for the sensor and its peers has run.
    fn process_times(&self) -> Result<Duration> {
        let of_peers: Duration = self.peers.iter().map(Peer::cpu_time).sum::<Result<_>>()?;
        Ok(of_peers + self.daemon.cpu_time()?)
    }

    /// One measurement, until everything that it set to work is idle again.
    fn measure(&self, side: &Side, profile: Profile) -> Result<Round> {
        let before = (side.cpu_time)()?;
        let run = side
            .generator
            .generate(profile, self.options.frames, self.cpus, |_| ())?;
        let after = await_idle(side.cpu_time)?;
        await_idle(|| Ok(self.daemon.cpu_time()?))?;
        let threads = u32::try_from(self.cpus.len()).unwrap_or(u32::MAX);
        let generating = (run.time * threads).saturating_sub(run.waited);
        Ok(Round {
            wall: run.time,
            generating,
            process: after.saturating_sub(before),
            frames: self.options.frames,
        })
    }
}
