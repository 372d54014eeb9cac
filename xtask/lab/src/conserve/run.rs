//! One trial: a network, the generator, the daemon, a flood, and the reckoning.

use std::{
    path::PathBuf,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{Report, Terms, curve::Curve, rest::await_rest};
use crate::{
    daemon::{Daemon, Mode, Settings},
    live::{DARK_PREFIX_V6, Generator, PortCounts, Profile, online_cpus},
    network::{DARK_PREFIX, LabLock, Network},
};

const LOOK: Duration = Duration::from_millis(5);

/// When the daemon is held up, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// From half of the frames on.
    pub length: Duration,
}

/// What is tried.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many frames are sent.
    pub frames: u64,
    /// What they are like.
    pub profile: Profile,
    /// On how many CPUs they are generated.
    pub cpus: usize,
    /// Whether the daemon is held up meanwhile.
    pub stop: Option<Stop>,
    /// Whether its memory is looked at meanwhile.
    pub memory: bool,
    /// How the daemon is started; where and what it watches is seen to.
    pub daemon: Settings,
    /// The daemon.
    pub program: PathBuf,
    /// The generator's object file.
    pub generator: PathBuf,
}

/// What goes on, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The daemon runs, and the flood begins.
    Flood,
    /// So many frames more.
    Frames(u64),
    /// The last frame is sent.
    Rest,
}

/// Does one trial.
///
/// # Errors
/// Something keeps it from being done. A law that does not hold is no error: it is in the report.
pub fn run(lock: &LabLock, options: &Options, watch: &(impl Fn(Event) + Sync)) -> Result<Report> {
    let online = online_cpus()?;
    ensure!(
        options.cpus > 0 && options.cpus <= online.len(),
        "frames cannot be generated on {} CPUs: {} are online; give another number with `--cpus`",
        options.cpus,
        online.len()
    );
    let cpus = &online[..options.cpus];
    let network = Network::pair(lock, "conserve")?;
    let mut generator = Generator::load(&options.generator, PortCounts::Kept)?;
    network.sender().enter(|| {
        cpus.iter()
            .try_for_each(|&cpu| generator.aim(cpu, network.tx().index))
    })??;
    if options.daemon.mode == Mode::Generic {
        let rx = network.rx().name;
        receive_without_driver(&network, rx)?;
    }
    let before = network.received()?;
    let mut daemon = Daemon::start(network.sensor(), &options.program, &settings(options, &network))?;

    watch(Event::Flood);
    let flood = flood(&generator, &daemon, cpus, options, watch)?;
    watch(Event::Rest);
    await_rest(&mut daemon)?;

    let truth = generator.truth()?;
    let snapshot = daemon.whole_snapshot()?;
    let arrived = network.received()? - before;
    let report = Report {
        profile: options.profile.name(),
        mode: snapshot.xdp_mode.clone(),
        frames_by_cpu: truth.frames_by_cpu.clone(),
        seconds: flood.time.as_secs_f64(),
        terms: Terms::new(&truth, arrived, &snapshot),
        memory: flood.curve.into_samples(),
        readiness: daemon.readiness()?.text.trim().to_owned(),
    };
    daemon.stop()?;
    Ok(report)
}

fn settings(options: &Options, network: &Network) -> Settings {
    let mut watch = vec![DARK_PREFIX.to_owned()];
    if options.profile == Profile::Ipv6Mix {
        watch.push(DARK_PREFIX_V6.to_owned());
    }
    Settings {
        interfaces: vec![network.rx().name.to_owned()],
        watch,
        ..options.daemon.clone()
    }
}

/// Redirected frames reach a veth whose program is in the network stack only while generic receive offload is on:
/// that is what has the driver poll its queue.
pub(crate) fn receive_without_driver(network: &Network, interface: &str) -> Result<()> {
    let output = network
        .command("ethtool")?
        .args(["-K", interface, "gro", "on"])
        .output()
        .context("`ethtool` could not be started; Debian's package ethtool has it")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("generic receive offload cannot be switched on: {}", said.trim());
    }
    Ok(())
}

struct Flood {
    time: Duration,
    curve: Curve,
}

/// Sends all frames. Beside it, the daemon is held up and its memory looked at, as far as that was asked for.
fn flood(
    generator: &Generator,
    daemon: &Daemon<'_>,
    cpus: &[u32],
    options: &Options,
    watch: &(impl Fn(Event) + Sync),
) -> Result<Flood> {
    let sent = AtomicU64::new(0);
    let curve = Curve::new();
    let time = thread::scope(|scope| {
        // Each thread beside the flood ends when its sender is dropped, so at the latest when the flood has failed.
        let (end_of_curve, curve_ended) = mpsc::channel();
        let (end_of_flood, flood_ended) = mpsc::channel();
        if options.memory {
            scope.spawn(|| {
                let curve_ended = curve_ended;
                curve.follow(daemon, &sent, &curve_ended);
            });
        }
        let stop = options.stop.map(|stop| {
            let half = options.frames / 2;
            let sent = &sent;
            scope.spawn(move || hold_up(daemon, stop, half, sent, &flood_ended))
        });
        let run = generator.generate(options.profile, options.frames, cpus, |frames| {
            sent.fetch_add(frames, Ordering::Relaxed);
            watch(Event::Frames(frames));
        });
        drop::<mpsc::Sender<()>>(end_of_flood);
        let stopped = stop.map_or(Ok(()), |thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        drop::<mpsc::Sender<()>>(end_of_curve);
        stopped.and_then(|()| Ok(run?.time))
    })?;
    Ok(Flood { time, curve })
}

/// Stops the daemon when half of the frames are sent, and lets it go on later.
fn hold_up(
    daemon: &Daemon<'_>,
    stop: Stop,
    half: u64,
    sent: &AtomicU64,
    flood_ended: &mpsc::Receiver<()>,
) -> Result<()> {
    while sent.load(Ordering::Relaxed) < half {
        if flood_ended.recv_timeout(LOOK) == Err(mpsc::RecvTimeoutError::Disconnected) {
            return Ok(());
        }
    }
    daemon.pause()?;
    thread::sleep(stop.length);
    daemon.resume()?;
    Ok(())
}
