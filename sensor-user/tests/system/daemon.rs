//! A running sensor: started in a test network, asked, and stopped.

use std::{
    fmt::Write as _,
    fs::Permissions,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sensor_lab::network::Network;
use serde_json::Value;
use teiten::pipeline::snapshot::Snapshot;
use tempfile::NamedTempFile;

use crate::program::{self, Finished};

/// The binary that cargo built with this test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_teiten");
/// Where sensors listen that are told nothing else; every test network has a loopback of its own.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:10023";

/// What the sensor is told where a test has no mind of its own. What is pinned outlives its daemon, and these tests
/// leave nothing behind.
const CONFIGURATION: &str = "[kernel]\npin = false\nflush_interval = '200ms'\n[log]\nformat = 'json'\n";

/// How long a sensor may take to start, and any state to be reached.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it may take to stop once it is asked.
pub const STOP_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Every row that a snapshot may have.
const ALL_ROWS: &str = "/api/v1/snapshot?limit=131072";

/// A sensor that serves. Dropping it kills it.
pub struct Daemon<'network> {
    network: &'network Network,
    child: Child,
    log: Arc<Mutex<Vec<Value>>>,
    reader: Option<JoinHandle<()>>,
    address: String,
    _configuration: NamedTempFile,
}

/// How a sensor ended.
pub struct Stopped {
    pub status: ExitStatus,
    pub took: Duration,
    pub log: Vec<Value>,
}

/// An answer over HTTP.
pub struct Answer {
    pub status: u16,
    pub body: String,
    pub content_type: String,
}

/// The command `teiten` in the sensor's namespace.
pub fn teiten(network: &Network, arguments: &[&str]) -> Command {
    let mut command = network.command(BINARY).unwrap();
    // What the caller's environment says must not change what is tested.
    command
        .args(arguments)
        .env_remove("TEITEN_LOG")
        .env_remove("STATE_DIRECTORY");
    command
}

/// A configuration file: what these tests usually say, and this after it.
pub fn configuration(more: &str) -> NamedTempFile {
    // Readable for sensors of every user.
    let readable = Permissions::from_mode(0o644);
    let mut file = tempfile::Builder::new().permissions(readable).tempfile().unwrap();
    if !more.contains("[regions]") {
        // Compiling a real database at each start takes longer than most tests.
        file.write_all(b"[regions]\ncountry = []\n").unwrap();
    }
    file.write_all(CONFIGURATION.as_bytes()).unwrap();
    file.write_all(more.as_bytes()).unwrap();
    file
}

impl<'network> Daemon<'network> {
    /// Starts `teiten run` in the sensor's namespace, and waits until it serves.
    pub fn start(network: &'network Network, arguments: &[&str]) -> Self {
        Self::start_configured(network, "", arguments)
    }

    /// The same with more tables in the configuration file.
    pub fn start_configured(network: &'network Network, tables: &str, arguments: &[&str]) -> Self {
        Self::start_as(network, tables, arguments, |arguments| teiten(network, arguments))
    }

    /// The same with a command of one's own making, which gets the arguments.
    pub fn start_as(
        network: &'network Network,
        tables: &str,
        arguments: &[&str],
        command: impl FnOnce(&[&str]) -> Command,
    ) -> Self {
        let configuration = configuration(tables);
        let path = configuration.path().to_str().unwrap();
        let mut child = command(&[&["run", "--config", path], arguments].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let kept = Arc::clone(&log);
        let reader = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                kept.lock().unwrap().push(value);
            }
        });
        let mut daemon = Self {
            network,
            child,
            log,
            reader: Some(reader),
            address: String::new(),
            _configuration: configuration,
        };
        let line = daemon.await_log("serving metrics");
        line["address"].as_str().unwrap().clone_into(&mut daemon.address);
        daemon
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it says that it listens.
    pub fn address(&self) -> SocketAddr {
        self.address.parse().unwrap()
    }

    /// The first line of the log with this message, as soon as there is one.
    pub fn await_log(&mut self, message: &str) -> Value {
        let start = Instant::now();
        loop {
            if let Some(line) = self.logged(message).into_iter().next() {
                return line;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && start.elapsed() < PATIENCE,
                "no line {message:?} ({ended:?}) in {}",
                text(&self.log.lock().unwrap())
            );
            thread::sleep(LOOK_EVERY);
        }
    }

    /// The lines of the log whose message begins like this.
    pub fn logged(&self, message: &str) -> Vec<Value> {
        lines(&self.log.lock().unwrap(), message)
    }

    /// Asks over HTTP, within the namespace.
    pub fn get(&self, path: &str) -> Answer {
        get(self.network, &self.address, path)
    }

    /// Everything that is known.
    pub fn snapshot(&self) -> Snapshot {
        let answer = self.get(ALL_ROWS);
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// The first snapshot of which this holds.
    pub fn await_snapshot(&self, holds: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let start = Instant::now();
        loop {
            if let Some(snapshot) = self.published().filter(&holds) {
                return snapshot;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{:#?}\n{}",
                self.snapshot(),
                text(&self.log.lock().unwrap())
            );
            thread::sleep(LOOK_EVERY);
        }
    }

    /// The snapshot in which all that was sent has been seen and nothing is on its way any more.
    pub fn at_rest(&self, seen: u64) -> Snapshot {
        self.await_snapshot(|snapshot| {
            let law = &snapshot.conservation;
            snapshot.seen >= seen && law.derived + law.packets_lost_detail == law.observed
        })
    }

    /// Waits until the sensor looked at its files anew, as it does once a second.
    pub fn next_look(&mut self) {
        thread::sleep(Duration::from_millis(2_500));
        assert!(self.child.try_wait().unwrap().is_none());
    }

    /// Waits until the sensor has read its totals anew.
    pub fn next_tick(&self) {
        let before = self.snapshot().to;
        self.await_snapshot(|snapshot| snapshot.to > before);
    }

    fn published(&self) -> Option<Snapshot> {
        let answer = self.get(ALL_ROWS);
        (answer.status == 200).then(|| serde_json::from_str(&answer.body).unwrap())
    }

    /// Sends a signal and waits for the end.
    pub fn stop(mut self, signal: Signal) -> Stopped {
        let begun = Instant::now();
        kill(Pid::from_raw(self.id().try_into().unwrap()), signal).unwrap();
        let status = program::wait(&mut self.child, PATIENCE);
        let took = begun.elapsed();
        self.reader.take().unwrap().join().unwrap();
        let log = self.log.lock().unwrap().clone();
        let status = status.unwrap_or_else(|| panic!("still running after {took:?}: {}", text(&log)));
        Stopped { status, took, log }
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // After `stop` the process is gone, and both say so.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stopped {
    /// The last totals, as the log has them.
    pub fn last_totals(&self) -> Value {
        let lines = lines(&self.log, "detached; these are the last totals");
        assert_eq!(lines.len(), 1, "{}", text(&self.log));
        lines[0].clone()
    }

    /// A clean end: status 0, in time, with the law kept.
    pub fn assert_clean(&self) {
        assert_eq!(self.status.code(), Some(0), "{}", text(&self.log));
        assert!(self.took < STOP_PATIENCE, "{:?}", self.took);
        assert_eq!(self.last_totals()["difference"], 0);
        let complaint = self.log.iter().find(|line| {
            // These tests run without a region database, which the daemon rightly says.
            let said = line["message"].as_str().unwrap_or_default();
            // Nor does every test's host please `check`.
            line["level"] != "INFO"
                && !said.starts_with("no region database")
                && !said.starts_with("this host: ")
        });
        assert_eq!(complaint, None);
    }
}

fn lines(log: &[Value], message: &str) -> Vec<Value> {
    log.iter()
        .filter(|line| {
            line["message"]
                .as_str()
                .is_some_and(|said| said.starts_with(message))
        })
        .cloned()
        .collect()
}

fn text(log: &[Value]) -> String {
    log.iter().fold(String::new(), |mut text, line| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
        text
    })
}

/// Asks over HTTP, within the sensor's namespace.
pub fn get(network: &Network, address: &str, path: &str) -> Answer {
    let request = minreq::get(format!("http://{address}{path}")).with_timeout(10);
    let response = network.enter(|| request.send()).unwrap().unwrap();
    let content_type = response
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.clone());
    Answer {
        status: response.status_code,
        body: response.as_str().unwrap().to_owned(),
        content_type: content_type.unwrap_or_default(),
    }
}

/// Runs `teiten` to its end.
pub fn run(network: &Network, arguments: &[&str]) -> Finished {
    program::run(&mut teiten(network, arguments), "")
}

/// An attached XDP program, as iproute2 shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    pub interface: String,
    /// 1 is native, 2 is generic (`enum` of `IFLA_XDP_ATTACHED`).
    pub mode: u64,
    pub id: u64,
    pub name: String,
}

/// Every XDP program on the interfaces of the sensor's namespace.
pub fn attached(network: &Network) -> Vec<Attached> {
    let mut command = network.command("ip").unwrap();
    let shown = program::run(command.args(["-json", "-details", "link", "show"]), "");
    let links: Vec<Value> = serde_json::from_str(&shown.output).unwrap();
    assert!(links.len() >= 2, "at least lo and rx: {links:?}");
    links
        .iter()
        .filter(|link| !link["xdp"].is_null())
        .map(|link| Attached {
            interface: link["ifname"].as_str().unwrap().to_owned(),
            mode: link["xdp"]["mode"].as_u64().unwrap(),
            id: link["xdp"]["prog"]["id"].as_u64().unwrap(),
            name: link["xdp"]["prog"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        })
        .collect()
}
