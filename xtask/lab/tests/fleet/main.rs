//! A fleet of three real sensors, Prometheus, Alertmanager and a receiver: who hears of what. Needs root; `cargo xtask test
//! --full` runs it that way. `TEITEN_PICTURES=FOLDER` draws the dashboards as well, from what Prometheus then knows.

#![expect(
    clippy::unwrap_used,
    reason = "tests without the standard harness are not recognised as such"
)]

mod traffic;

use std::{
    collections::BTreeSet,
    env,
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sensor_lab::{
    artefacts,
    authority::{Authority, TLS},
    daemon::{Daemon, Settings, Web},
    demo::{exposition, regions},
    deployed::expressions::Variables,
    network::{DARK_PREFIX, Door, Lab, LabLock, Network},
    stack::{Alert, Receiver, Scrape, Sensor, Stack, pictures},
};

use traffic::{BOTS, Extra, LENGTH, send};

type Test = (&'static str, fn() -> Result<Completion, Failed>);

/// The sensors, and the port of each, in its own namespace.
const NAMES: [&str; 3] = ["a", "b", "c"];
const PORT: u16 = 10_023;
/// How long nothing else may come after the last packet.
const AFTERWARDS: Duration = Duration::from_secs(10);
/// Packets that each sensor gets a second, beside what happens: different traffic, and different much of it.
const RATES: [u64; 3] = [1_500, 1_000, 700];

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

/// Who may scrape, and with which password.
const USER: [&str; 2] = ["prometheus", "what Prometheus knows"];

/// The web configuration of all three sensors, as an operator of a fleet would write it.
fn web(authority: &Authority) -> anyhow::Result<Web> {
    let [user, password] = USER;
    let hash = bcrypt::hash(password, 5)?;
    let text = format!("{TLS}basic_auth_users:\n  {user}: {hash}\n");
    Ok(Web {
        configuration: authority.write(&text)?.into(),
        authority: authority.file("ca.pem").into(),
        user: USER.map(str::to_owned),
    })
}

fn sensor((door, name): (&Door, &str)) -> Sensor {
    Sensor {
        name: name.to_owned(),
        address: door.address.to_string(),
    }
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
    let networks = NAMES.map(|sensor| Network::pair(lock, &format!("{name}-{sensor}")).unwrap());
    let program = artefacts::daemon()?;
    let authority = Authority::make()?;
    let web = web(&authority)?;
    let mut daemons = Vec::new();
    for network in &networks {
        let settings = Settings {
            interfaces: vec![network.rx().name.to_owned()],
            watch: vec![DARK_PREFIX.to_owned()],
            flush_interval: Some("1s".to_owned()),
            web: Some(web.clone()),
            ..Settings::default()
        };
        daemons.push(Daemon::start(network.sensor(), &program, &settings)?);
    }
    let doors = networks.iter().map(|network| Door::open(network.sensor(), PORT));
    let doors = doors.collect::<Result<Vec<_>, _>>()?;
    let sensors: Vec<_> = doors.iter().zip(NAMES).map(sensor).collect();
    let receiver = Receiver::start()?;
    let pools = pools.as_slice();
    // Prometheus starts with the traffic: a past without any would make usual traffic a surge.
    let stack = thread::scope(|scope| -> anyhow::Result<Stack> {
        let mut sending = Vec::new();
        for ((network, rate), (what, seed)) in networks.iter().zip(RATES).zip(what.into_iter().zip(1..)) {
            sending.push(scope.spawn(move || send(network, pools, seed, rate, what)));
        }
        let stack = Stack::start(
            &Scrape::Fleet(&sensors, &web),
            &receiver.address().to_string(),
            || Ok(()),
        )?;
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
        pictures::draw(stack.api(), &variables, span, &Path::new(&folder).join(name))?;
    }
    // Silence proves something only if the rules were at work at each of the three.
    let usual = stack
        .api()
        .query("count by (instance) (instance_transport_port:teiten_scan_packets:usual10s)")?;
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
    let heard = heard
        .iter()
        .map(|alert| (message(alert), alert.label("instance").to_owned()));
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
