//! The demo: packets of known number to the real sensor, and every count of it held against them.

pub mod alerts;
pub mod compare;
pub mod counts;
pub mod exposition;
pub mod interrupt;
pub mod live;
pub mod options;
pub mod port;
pub mod regions;
pub mod report;
pub mod scanners;
pub mod sources;
pub mod traffic;
pub mod view;

use std::{
    collections::BTreeMap,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use self::{
    alerts::{Asked, Heard, Watching},
    compare::{Both, Comparison},
    counts::Counts,
    interrupt::Interrupt,
    live::{Live, SHOWN_ROWS},
    options::Options,
    port::{Marked, Port, Transport},
    report::{Report, ScannerReport},
    scanners::{Scanned, Scanner},
    sources::Sources,
    traffic::{Progress, SURGE_PORT, SURGE_REGION, Traffic},
    view::TopView,
};
use crate::{
    artefacts,
    daemon::{Daemon, Mode, Settings, Snapshot},
    network::{DARK_PREFIX, Lab, LabLock, Network},
    scenario::Scenario,
    watched::Prefixes,
};

/// The dark prefixes: that of the test network, and one of IPv6 (RFC 3849).
const WATCHED: [&str; 2] = [DARK_PREFIX, "2001:db8:feed::/48"];
/// How often the sensor flushes, and publishes what it knows.
const FLUSH_INTERVAL: &str = "1s";
/// Flushes after the last packet until everything is at rest: the first may have begun before it.
const FLUSHES_TO_REST: u32 = 2;
/// How long that may take on a machine that has other things to do.
const REST_PATIENCE: Duration = Duration::from_mins(1);
/// How often the sensor is looked at, and while it comes to rest. A look costs it some of its time.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const POLL: Duration = Duration::from_millis(150);

/// Runs the demo; nothing of it is left when this returns.
///
/// # Errors
/// Something keeps it from its end; that counts differ is in the report.
pub fn run(options: &Options, lock: &LabLock, interrupt: &Interrupt) -> Result<Report> {
    let begun = Instant::now();
    let watched = Prefixes::parse(&WATCHED)?;
    let regions = regions::read(Path::new(regions::DATABASE))?;
    let scenario = traffic::scenario(options, watched.as_slice(), regions)?;
    let program = options.daemon.clone().map_or_else(artefacts::daemon, Ok)?;
    let mut live = Live::new();

    let folder = tempfile::Builder::new().prefix("teiten-demo-").tempdir()?;
    let network = Network::pair(lock, "demo")?;
    interrupt.check()?;
    live.say(format_args!(
        "two namespaces, joined by a veth pair: {} sends, {} is the sensor's",
        network.sender().name(),
        network.sensor().name()
    ));
    let mut daemon = Daemon::start(network.sensor(), &program, &settings(&network))?;
    let mut stage = Stage {
        network: &network,
        program: &program,
        folder: folder.path(),
        interrupt,
        live: &mut live,
        watched: &watched,
    };
    let course = stage.play(options, &mut daemon, scenario);
    live.clear();
    // On every way out: it takes its program off by itself.
    let stopped = daemon.stop();
    let mut report = course?;
    stopped?;
    report.wall = begun.elapsed();
    Ok(report)
}

/// Takes the machine's lock for test networks, if this process may make any.
///
/// # Errors
/// It may not.
pub fn lock() -> Result<LabLock> {
    match Lab::obstacle() {
        Some(obstacle) => bail!("the demo {obstacle}: run it as root, or through `cargo xtask demo`"),
        None => Lab::lock(),
    }
}

fn settings(network: &Network) -> Settings {
    Settings {
        interfaces: vec![network.rx().name.to_owned()],
        mode: Mode::Native,
        watch: WATCHED.map(str::to_owned).into(),
        flush_interval: Some(FLUSH_INTERVAL.to_owned()),
        ..Settings::default()
    }
}

/// All that the demo's parts play on.
struct Stage<'demo> {
    network: &'demo Network,
    program: &'demo Path,
    folder: &'demo Path,
    interrupt: &'demo Interrupt,
    live: &'demo mut Live,
    watched: &'demo Prefixes,
}

impl Stage<'_> {
    fn play(&mut self, options: &Options, daemon: &mut Daemon<'_>, scenario: Scenario) -> Result<Report> {
        let first = daemon.snapshot(0)?;
        self.live
            .say(format_args!("the sensor runs, XDP mode {}", first.xdp_mode));
        ensure!(
            first.xdp_mode == Mode::Native.name(),
            "the sensor runs in {} mode, and native was asked for",
            first.xdp_mode
        );
        let (scanned, scanners) = self.scan(daemon)?;

        let planned = scenario.remaining();
        self.live.say(format_args!(
            "the scenario: {} packets in {:?} from {} regions, and in its second half a surge from {SURGE_REGION} on \
             {SURGE_PORT}/tcp",
            indicatif::HumanCount(planned),
            options.length(),
            regions::REGIONS.len()
        ));
        let (traffic, heard) = self.send(options, daemon, scenario)?;
        let snapshot = self.at_rest(daemon)?;
        let samples = exposition::parse(&daemon.metrics()?)?;
        self.live.say("at rest");

        let mut sent = Counts::default();
        sent.add_scenario(&traffic.truth);
        sent.add_wire(&scanned.tally)?;
        let counted = Counts::of_snapshot(&snapshot)?;
        Ok(Report {
            seed: options.seed,
            xdp_mode: snapshot.xdp_mode.clone(),
            sending: traffic.sent.elapsed,
            scenario_frames: planned,
            arrived: self.network.received()?,
            sure: sure(&snapshot),
            surge: surge(&traffic, &sent),
            comparison: Comparison::new(&sent, &counted, exposition::cells_overflow(&samples)),
            sources: Sources::new(&traffic.truth, &snapshot),
            law: snapshot.conservation,
            metrics: exposition::against(&samples, &snapshot),
            scanners,
            alerts: heard,
            wall: Duration::ZERO,
        })
    }

    /// The real scanners, alone on the wire, and what of theirs was counted.
    fn scan(&mut self, daemon: &mut Daemon<'_>) -> Result<(Scanned, Vec<ScannerReport>)> {
        self.live
            .say("zmap, nmap and masscan scan the dark prefix, tcpdump counts what they send");
        let scanned = scanners::scan(self.network, self.watched, self.folder, self.interrupt)?;
        let snapshot = self.at_rest(daemon)?;
        let of_port = |port: &u16| {
            let row = snapshot
                .ports
                .iter()
                .find(|row| row.transport == "tcp" && row.port == *port);
            let both = Both {
                sent: scanned.tally.ports.get(port).map_or(0, |counters| counters.tcp),
                counted: row.map_or(0, |row| row.packets),
            };
            (*port, both)
        };
        let report = |scanner: &Scanner| {
            let ports: Vec<_> = scanner.ports.iter().map(of_port).collect();
            let (marked, sure) = snapshot.tool(scanner.mark);
            ScannerReport {
                name: scanner.name,
                command: scanner.command(),
                mark: scanner.mark,
                marked: Both {
                    sent: ports.iter().map(|(_, both)| both.sent).sum(),
                    counted: marked,
                },
                sure,
                ports,
            }
        };
        let reports: Vec<_> = scanned.scanners.iter().map(report).collect();
        if let Some(report) = reports.iter().find(|report| report.sure == 0) {
            bail!(
                "the sensor is not sure that {} is {}, although all of its packets came from one source",
                report.name,
                report.mark
            );
        }
        Ok((scanned, reports))
    }

    /// Sends the scenario in a thread of its own, and looks on.
    fn send(
        &mut self,
        options: &Options,
        daemon: &mut Daemon<'_>,
        scenario: Scenario,
    ) -> Result<(Traffic, Option<Heard>)> {
        let (network, interrupt) = (self.network, self.interrupt);
        let progress = Progress::default();
        thread::scope(|scope| {
            let sending =
                scope.spawn(|| traffic::send(network, scenario, options.length(), &progress, interrupt));
            let heard = self.look_on(options, daemon, &progress, &|| sending.is_finished());
            // Without an audience there is no show.
            progress.stop();
            let traffic = match sending.join() {
                Ok(traffic) => traffic,
                Err(payload) => std::panic::resume_unwind(payload),
            };
            let heard = heard?;
            Ok((traffic?, heard))
        })
    }

    /// Shows the counts until everything is sent. Prometheus, where it is asked for, starts with the traffic: a past
    /// without any would make usual traffic a surge.
    fn look_on(
        &mut self,
        options: &Options,
        daemon: &mut Daemon<'_>,
        progress: &Progress,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Option<Heard>> {
        let mut watching = if options.stack {
            Some(Watching::start(self.network, self.interrupt)?)
        } else {
            None
        };
        let mut asked = None;
        // With Prometheus its alerts are the show.
        if !options.stack && !options.json && TopView::has_terminal() {
            self.live
                .say("`teiten top` opens: ? explains its keys, q leaves it, and the demo goes on");
            self.live
                .open_top(TopView::open(self.network.sensor(), self.program)?);
        }
        while !is_over() {
            daemon.check_alive()?;
            self.live
                .show(progress.sent(), options.packets, &daemon.snapshot(SHOWN_ROWS)?);
            match &mut watching {
                Some(watching) => self.hear(watching, daemon, &mut asked)?,
                // As Prometheus would: a port that is newly listed counts once it was scraped.
                None => drop(daemon.metrics()?),
            }
            self.interrupt.sleep(LOOK_EVERY)?;
        }
        self.live.close_top();
        if let Some(watching) = &mut watching {
            self.hear(watching, daemon, &mut asked)?;
        }
        Ok(watching.map(|watching| watching.finish(asked)))
    }

    /// Says what Alertmanager says; when all of it has come, asks every expression.
    fn hear(
        &self,
        watching: &mut Watching<'_>,
        daemon: &Daemon<'_>,
        asked: &mut Option<Asked>,
    ) -> Result<()> {
        for alert in watching.news() {
            self.live.say(format_args!("ALERT {}", alerts::line(&alert)));
        }
        if asked.is_none() && watching.is_complete() {
            let samples = exposition::parse(&daemon.metrics()?)?;
            *asked = Some(watching.ask_expressions(&samples, self.interrupt)?);
            self.live
                .say("every expression of rules and dashboards was asked");
        }
        Ok(())
    }

    /// The sensor's totals, every row of them, when nothing has been on its way for two flushes.
    fn at_rest(&self, daemon: &mut Daemon<'_>) -> Result<Snapshot> {
        let deadline = Instant::now() + REST_PATIENCE;
        let mut last = daemon.snapshot(0)?.to;
        let mut flushes = 0;
        while flushes < FLUSHES_TO_REST {
            ensure!(
                Instant::now() < deadline,
                "the sensor published nothing for {REST_PATIENCE:?}; its last words:\n{}",
                daemon.log()
            );
            self.interrupt.sleep(POLL)?;
            daemon.check_alive()?;
            let now = daemon.snapshot(0)?.to;
            flushes += u32::from(now != last);
            last = now;
        }
        daemon.whole_snapshot().context("the sensor's totals at rest")
    }
}

/// Packets of which the sensor is sure, by tool.
fn sure(snapshot: &Snapshot) -> BTreeMap<String, u64> {
    let rows = snapshot.tools.iter().filter(|row| row.certainty == "sure");
    rows.map(|row| (row.tool.clone(), row.packets)).collect()
}

/// The surge's scans before it began, and all.
fn surge(traffic: &Traffic, sent: &Counts) -> [Marked; 2] {
    let port = Port {
        transport: Transport::Tcp,
        port: SURGE_PORT,
    };
    let all = sent.pairs.get(&(port, SURGE_REGION.to_owned())).copied();
    [traffic.before_surge, all.unwrap_or_default()]
}
