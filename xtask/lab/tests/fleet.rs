//! A fleet of three real sensors, Prometheus, Alertmanager and a receiver: who hears of what. Needs root; `cargo xtask test
//! --full` runs it that way. `TEITEN_PICTURES=FOLDER` draws the dashboards as well, from what Prometheus then knows.

#![expect(
    clippy::unwrap_used,
    reason = "tests without the standard harness are not recognised as such"
)]

use std::{
    collections::BTreeSet,
    env,
    fs::File,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use etherparse::PacketBuilder;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use nix::sched::{CloneFlags, setns};
use sensor_lab::{
    artefacts,
    daemon::{Daemon, Settings},
    demo::{exposition, regions},
    deployed::expressions::Variables,
    network::{DARK_PREFIX, Lab, LabLock, Network},
    scenario::{Plan, RegionPool, Scenario, Surge},
    sender::{Limit, Pace, Queueing, Sender},
    stack::{Alert, Receiver, Server, Stack, pictures},
};

type Test = (&'static str, fn() -> Result<Completion, Failed>);

/// How long is sent; what happens, happens in the second half, when the sensors have a past.
const LENGTH: Duration = Duration::from_secs(100);
/// How much longer sending may take on a machine that has other things to do.
const DELAY: Duration = Duration::from_mins(5);
/// How long nothing else may come after the last packet.
const AFTERWARDS: Duration = Duration::from_secs(10);
/// Packets that each sensor gets a second, beside what happens: different traffic, and different much of it.
const RATES: [u64; 3] = [1_500, 1_000, 700];
/// The region of the bots that come to all three sensors.
const BOTS: &str = "BR";
/// The port that they probe.
const BOTS_PORT: u16 = 37_215;
/// Where the other senders are: much comes from there anyway.
const OTHERS: &str = "US";
/// Packets a second of what else happens at one sensor each.
const SIP_RATE: u64 = 500;
const ONE_SOURCE_RATE: u64 = 4_000;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let tests: [Test; 2] = [
        ("each_surge_reaches_who_should_hear_of_it", surges),
        ("a_quiet_fleet_sends_no_message", quiet),
    ];
    let full = env::var("TEITEN_TEST_FULL").is_ok_and(|value| value == "1");
    let obstacle = Lab::obstacle().or_else(|| {
        let daemon = artefacts::daemon().unwrap();
        (!daemon.exists()).then(|| format!("needs {}: `cargo build -p teiten` makes it", daemon.display()))
    });
    let trial = |(name, test): Test| {
        let obstacle = obstacle.clone();
        Trial::ignorable_test(name, move || match obstacle {
            Some(reason) => Ok(Completion::ignored_with(reason)),
            None if !full => Ok(Completion::ignored_with(
                "takes two minutes: set TEITEN_TEST_FULL=1",
            )),
            None => test(),
        })
    };
    libtest_mimic::run(&arguments, tests.map(trial).into()).exit();
}

/// What happens at a sensor in the second half, beside the bots.
#[derive(Clone, Copy)]
enum Extra {
    Nothing,
    /// 5060/udp from many sources.
    Sip,
    /// 6379/tcp from a single one.
    OneSource,
}

/// Serves the metrics of a sensor, which listens on loopback in its own namespace, to a Prometheus in this one.
fn relay(network: &Network) -> anyhow::Result<Server> {
    let namespace = network.sensor().path().to_owned();
    Server::start(move |_| scrape(&namespace).unwrap_or_default())
}

fn scrape(namespace: &Path) -> anyhow::Result<String> {
    let namespace: PathBuf = namespace.to_owned();
    let ask = move || -> anyhow::Result<String> {
        setns(File::open(&namespace)?, CloneFlags::CLONE_NEWNET)?;
        let mut stream = TcpStream::connect("127.0.0.1:10023")?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: sensor\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        Ok(body.to_owned())
    };
    // A thread of its own: a thread that has entered a namespace stays there.
    thread::spawn(ask)
        .join()
        .unwrap_or_else(|_| anyhow::bail!("the scrape panicked"))
}

/// Frames of one thing that happens.
struct Extras<'pool> {
    what: Extra,
    pool: &'pool RegionPool,
    sent: u32,
}

impl Extras<'_> {
    /// The place in the region's first large range.
    fn source(&self, number: u32) -> Ipv4Addr {
        let size = |(first, last): &(Ipv4Addr, Ipv4Addr)| u32::from(*last) - u32::from(*first);
        let range = self.pool.ranges.iter().max_by_key(|range| size(range)).unwrap();
        Ipv4Addr::from(u32::from(range.0) + number * 997 % size(range))
    }

    fn write(&mut self, network: &Network, buffer: &mut Vec<u8>) {
        self.sent += 1;
        let number = match self.what {
            Extra::Nothing | Extra::OneSource => 7,
            Extra::Sip => self.sent % 3_000,
        };
        let to = Ipv4Addr::new(198, 51, 100, self.sent.to_le_bytes()[0]);
        let ip = PacketBuilder::ethernet2(network.tx().mac, network.rx().mac).ipv4(
            self.source(number).octets(),
            to.octets(),
            52,
        );
        buffer.clear();
        let written = match self.what {
            Extra::Sip => ip
                .udp(5060, 5060)
                .write(buffer, b"OPTIONS sip:100@198.51.100.1 SIP/2.0\r\n\r\n"),
            Extra::Nothing | Extra::OneSource => ip
                .tcp(40_000, 6379, self.sent.wrapping_mul(2_654_435_761), 1_024)
                .syn()
                .write(buffer, &[]),
        };
        written.unwrap();
    }
}

/// Sends all of a sensor's traffic, evenly.
fn send(
    network: &Network,
    pools: &[RegionPool],
    seed: u64,
    rate: u64,
    what: Option<Extra>,
) -> anyhow::Result<()> {
    let packets = rate * LENGTH.as_secs();
    let mut plan = Plan::new(seed, packets, vec![DARK_PREFIX.parse()?]);
    plan.regions = pools.to_vec();
    // So few that each has been seen when something happens: a young sensor's sources would still rise by themselves, and
    // look like the many of a wave.
    plan.sources = 300;
    if what.is_some() {
        plan.surge = Some(Surge {
            region: BOTS.to_owned(),
            port: BOTS_PORT,
            share: 0.3,
            sources: 400,
        });
    }
    let mut scenario = Scenario::new(&plan)?;
    let frames = scenario.remaining();
    let extra_frames = match what {
        None | Some(Extra::Nothing) => 0,
        Some(Extra::Sip) => SIP_RATE * LENGTH.as_secs() / 2,
        Some(Extra::OneSource) => ONE_SOURCE_RATE * LENGTH.as_secs() / 2,
    };
    let mut extras = Extras {
        what: what.unwrap_or(Extra::Nothing),
        pool: pools.iter().find(|pool| pool.region == OTHERS).unwrap(),
        sent: 0,
    };
    let mut of_scenario = 0;
    let mut next = |buffer: &mut Vec<u8>| {
        // In the second half one of them follows after each so many of the scenario.
        let second_half = of_scenario.max(frames / 2) - frames / 2;
        if u64::from(extras.sent) < extra_frames
            && u64::from(extras.sent) * (frames / 2) < second_half * extra_frames
        {
            extras.write(network, buffer);
            return true;
        }
        of_scenario += 1;
        scenario.next_into(buffer)
    };
    // Each half within its own time, whatever happens in the second.
    let halves = [frames / 2, frames - frames / 2 + extra_frames];
    for frames in halves {
        let limit = Limit {
            frames,
            time: LENGTH / 2 + DELAY,
        };
        let sent = network.sender().enter(|| {
            Sender::open(network.tx().name, Queueing::Discipline)?.send(
                &mut next,
                Pace::Within(LENGTH / 2),
                limit,
            )
        })??;
        anyhow::ensure!(sent.frames == frames, "{sent:?} of {frames}");
    }
    Ok(())
}

/// A message: its receiver and the labels that tell it from others.
type Message = (String, Vec<String>);

fn message(alert: &Alert) -> Message {
    let labels = [
        "alertname",
        "severity",
        "scope",
        "origin",
        "reason",
        "transport",
        "port",
        "source_region",
    ];
    let values = labels
        .iter()
        .map(|label| alert.label(label))
        .filter(|value| !value.is_empty());
    (alert.receiver.clone(), values.map(str::to_owned).collect())
}

/// Runs three sensors under their traffic; gives back the messages, with the sensor of each, and whether sources are counted.
fn run(
    name: &str,
    lock: &LabLock,
    what: [Option<Extra>; 3],
) -> anyhow::Result<(Vec<(Message, String)>, bool)> {
    let pools = regions::read(Path::new(regions::DATABASE))?;
    let networks = ["a", "b", "c"].map(|letter| Network::pair(lock, &format!("{name}-{letter}")).unwrap());
    let program = artefacts::daemon()?;
    let mut daemons = Vec::new();
    for network in &networks {
        let settings = Settings {
            interfaces: vec![network.rx().name.to_owned()],
            watch: vec![DARK_PREFIX.to_owned()],
            flush_interval: Some("1s".to_owned()),
            ..Settings::default()
        };
        daemons.push(Daemon::start(network.sensor(), &program, &settings)?);
    }
    let relays = networks.iter().map(relay).collect::<anyhow::Result<Vec<_>>>()?;
    let targets: Vec<_> = relays.iter().map(|relay| relay.address.to_string()).collect();
    let receiver = Receiver::start()?;
    let pools = pools.as_slice();
    // Prometheus starts with the traffic: a past without any would make usual traffic a surge.
    let stack = thread::scope(|scope| -> anyhow::Result<Stack> {
        let mut sending = Vec::new();
        for ((network, rate), (what, seed)) in networks.iter().zip(RATES).zip(what.into_iter().zip(1..)) {
            sending.push(scope.spawn(move || send(network, pools, seed, rate, what)));
        }
        let stack = Stack::start(&targets, &receiver.address().to_string(), || Ok(()))?;
        for sending in sending {
            sending
                .join()
                .unwrap_or_else(|_| anyhow::bail!("sending panicked"))?;
        }
        Ok(stack)
    })?;
    let quiet_until = Instant::now() + AFTERWARDS;
    while Instant::now() < quiet_until {
        thread::sleep(Duration::from_millis(200));
    }
    if let Some(folder) = env::var_os("TEITEN_PICTURES") {
        let variables = Variables {
            rate_interval: "10s",
            range: "60s",
            port: "37215",
            source_region: BOTS,
            demo: true,
            ..Variables::DEFAULT
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() - AFTERWARDS.as_secs_f64();
        let span = [now - LENGTH.as_secs_f64(), now];
        pictures::draw(&stack, &variables, span, &Path::new(&folder).join(name))?;
    }
    // Silence proves something only if the rules were at work at each of the three.
    let usual = stack.query("count by (instance) (instance_transport_port:teiten_scan_packets:usual10s)")?;
    anyhow::ensure!(usual.len() == 3, "only these sensors have a past: {usual:?}");
    let counted = exposition::parse(&daemons[0].metrics()?)?
        .iter()
        .any(|sample| sample.name == "teiten_port_sources");
    for daemon in daemons {
        daemon.stop()?;
    }
    let mut heard = receiver.alerts();
    // That depends on the machine, and is true of it.
    heard.retain(|alert| alert.label("alertname") != "TeitenRegionDatabaseOld");
    let name = |instance: &str| {
        let at = targets.iter().position(|target| target == instance);
        at.map_or_else(String::new, |at| ["a", "b", "c"][at].to_owned())
    };
    let heard = heard
        .iter()
        .map(|alert| (message(alert), name(alert.label("instance"))));
    Ok((heard.collect(), counted))
}

fn owned(receiver: &str, values: &[&str], sensor: &str) -> (Message, String) {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    ((receiver.to_owned(), values), sensor.to_owned())
}

fn surges() -> Result<Completion, Failed> {
    let lock = Lab::lock()?;
    let what = [Some(Extra::Nothing), Some(Extra::Sip), Some(Extra::OneSource)];
    let (heard, counted) = run("fleet", &lock, what)?;
    let heard: BTreeSet<_> = heard.into_iter().collect();
    let mut wanted = BTreeSet::from([
        // The bots come to all: it is said once, of the fleet.
        owned(
            "/analysts",
            &["TeitenMiraiSurge", "warning", "fleet", "any", "BR"],
            "",
        ),
        owned(
            "/analysts",
            &["TeitenScanSurgeByRegion", "warning", "fleet", "BR"],
            "",
        ),
        owned(
            "/analysts",
            &["TeitenScanSurgeByPort", "warning", "fleet", "tcp", "37215"],
            "",
        ),
        owned(
            "/analysts",
            &["TeitenScanSurgeByPort", "warning", "sensor", "udp", "5060"],
            "b",
        ),
    ]);
    if counted {
        wanted.insert(owned(
            "/notes",
            &["TeitenSingleOriginSurge", "info", "sensor", "port", "tcp", "6379"],
            "c",
        ));
        wanted.insert(owned(
            "/notes",
            &["TeitenSingleOriginSurge", "info", "sensor", "region", "US"],
            "c",
        ));
    }
    // A sensor may cross its own threshold before three of them cross the fleet's: then it is said of it as well.
    let is_early = |(message, sensor): &(Message, String)| {
        let values: Vec<_> = message
            .1
            .iter()
            .map(|value| value.replace("sensor", "fleet"))
            .collect();
        !sensor.is_empty() && wanted.contains(&((message.0.clone(), values), String::new()))
    };
    let needless: Vec<_> = heard
        .iter()
        .filter(|heard| !wanted.contains(*heard) && !is_early(heard))
        .collect();
    let missing: Vec<_> = wanted.difference(&heard).collect();
    let one_source = [
        owned(
            "/analysts",
            &["TeitenScanSurgeByPort", "warning", "sensor", "tcp", "6379"],
            "c",
        ),
        owned(
            "/analysts",
            &["TeitenScanSurgeByRegion", "warning", "sensor", "US"],
            "c",
        ),
    ];
    if !counted && needless.iter().all(|heard| one_source.contains(heard)) && missing.is_empty() {
        return Ok(Completion::ignored_with(
            "this sensor does not count sources by port: one source cannot be told from many",
        ));
    }
    if missing.is_empty() && needless.is_empty() {
        return Ok(Completion::Completed);
    }
    Err(format!("missing: {missing:?}\nneedless: {needless:?}").into())
}

fn quiet() -> Result<Completion, Failed> {
    let lock = Lab::lock()?;
    let (heard, _) = run("calm", &lock, [None, None, None])?;
    if heard.is_empty() {
        return Ok(Completion::Completed);
    }
    Err(format!("needless: {heard:?}").into())
}
