//! Prometheus and Alertmanager as real processes on loopback, with the demo's files.

mod api;
mod http;
pub mod pictures;
mod receiver;

use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use self::{
    api::Api,
    http::{Request, Server},
    receiver::{Alert, Receiver},
};
use crate::{daemon::Web, deployed};

/// The web hook of the demo's Alertmanager.
const RECEIVER: &str = "127.0.0.1:10024";

/// How long a process may take until it answers.
const START: Duration = Duration::from_secs(30);

/// A process that is killed when this is dropped.
#[derive(Debug)]
struct Process {
    child: Child,
}

impl Process {
    fn start(program: &str, package: &str, log: &Path, arguments: &[String]) -> Result<Self> {
        let output = File::create(log)?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| {
                format!("{program} cannot be run: install it with `apt-get install {package}` or `cargo xtask setup`")
            })?;
        Ok(Self { child })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A sensor of a fleet.
#[derive(Clone, Debug)]
pub struct Sensor {
    /// Its name in the fleet.
    pub name: String,
    /// Where it is scraped, with the port.
    pub address: String,
}

/// How sensors are scraped.
#[derive(Debug)]
pub enum Scrape<'a> {
    /// In the clear, at these addresses with ports.
    Plain(&'a [String]),
    /// As `fleet.yml` has it: over TLS, with a password, listed in files with their labels.
    Fleet(&'a [Sensor], &'a Web),
}

/// A running Prometheus with its Alertmanager.
#[derive(Debug)]
pub struct Stack {
    // The order of the fields is that of the ends: processes before the folder that they write to.
    processes: [Process; 2],
    folder: TempDir,
    api: Api,
}

impl Stack {
    /// Starts both, in the network namespace of the calling thread: sensors are scraped as `scrape` says, alerts are sent to
    /// `webhook`, an address with a port. `patience` is asked every moment, and its error ends the waiting.
    ///
    /// # Errors
    /// One of them is missing, does not answer in time, or finds fault with the files.
    pub fn start(scrape: &Scrape<'_>, webhook: &str, patience: impl Fn() -> Result<()>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("teiten-stack-").tempdir()?;
        let [prometheus, alertmanager] = free_addresses()?;
        write_files(folder.path(), scrape, &alertmanager, webhook)?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        let alertmanager_process = Process::start(
            "prometheus-alertmanager",
            "prometheus-alertmanager",
            &folder.path().join("alertmanager.log"),
            &[
                format!("--config.file={}", path("alertmanager.yml")),
                format!("--storage.path={}", path("alertmanager")),
                format!("--web.listen-address={alertmanager}"),
                // No cluster: it would open a port to the world.
                "--cluster.listen-address=".to_owned(),
            ],
        )?;
        let prometheus_process = Process::start(
            "prometheus",
            "prometheus",
            &folder.path().join("prometheus.log"),
            &[
                format!("--config.file={}", path("prometheus.yml")),
                format!("--storage.tsdb.path={}", path("prometheus")),
                format!("--web.listen-address={prometheus}"),
            ],
        )?;
        let mut stack = Self {
            processes: [prometheus_process, alertmanager_process],
            folder,
            api: Api::of(&prometheus),
        };
        stack
            .await_answers(&alertmanager, patience)
            .with_context(|| stack.last_words())?;
        Ok(stack)
    }

    fn await_answers(&mut self, alertmanager: &str, patience: impl Fn() -> Result<()>) -> Result<()> {
        let end = Instant::now() + START;
        while Instant::now() < end {
            patience()?;
            for process in &mut self.processes {
                ensure!(
                    process.child.try_wait()?.is_none(),
                    "Prometheus or Alertmanager has ended"
                );
            }
            let scraped = || self.api.query("up").is_ok_and(|rows| !rows.is_empty());
            if TcpStream::connect(alertmanager).is_ok() && scraped() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!("Prometheus or Alertmanager did not answer within {START:?}")
    }

    fn last_words(&self) -> String {
        ["prometheus.log", "alertmanager.log"]
            .map(|name| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
            .concat()
    }

    /// What to ask Prometheus by, in the namespace in which it was started.
    #[must_use]
    pub const fn api(&self) -> &Api {
        &self.api
    }
}

/// Two addresses on loopback whose ports nobody has.
fn free_addresses() -> Result<[String; 2]> {
    let (one, two) = (
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    );
    Ok([one.local_addr()?.to_string(), two.local_addr()?.to_string()])
}

/// The demo's files with the addresses of this run.
fn write_files(folder: &Path, scrape: &Scrape<'_>, alertmanager: &str, webhook: &str) -> Result<()> {
    let mut configuration = deployed::yaml("deploy/prometheus/demo/prometheus.yml")?;
    configuration["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = json!([alertmanager]);
    match scrape {
        Scrape::Plain(targets) => {
            configuration["scrape_configs"][0]["static_configs"][0]["targets"] = json!(targets);
        }
        Scrape::Fleet(sensors, web) => {
            configuration["scrape_configs"] = json!([fleet(folder, sensors, web)?]);
        }
    }
    // JSON is YAML.
    fs::write(folder.join("prometheus.yml"), configuration.to_string())?;
    fs::create_dir(folder.join("rules"))?;
    for name in ["recording.yml", "alerts.yml"] {
        let rules = deployed::text(&format!("deploy/prometheus/demo/rules/{name}"))?;
        fs::write(folder.join("rules").join(name), rules)?;
    }
    let configuration = deployed::text("deploy/alertmanager/demo/alertmanager.yml")?;
    ensure!(
        configuration.contains(RECEIVER),
        "the configuration does not name {RECEIVER}"
    );
    fs::write(
        folder.join("alertmanager.yml"),
        configuration.replace(RECEIVER, webhook),
    )?;
    Ok(())
}

/// The scrape of `fleet.yml` as it stands there, with this run's certificate, user, password and sensors in the files that it
/// names; each second.
fn fleet(folder: &Path, sensors: &[Sensor], web: &Web) -> Result<Value> {
    let mut scrape = deployed::yaml("deploy/prometheus/fleet.yml")?["scrape_configs"][0].take();
    let file = |value: &Value| value.as_str().map(|name| folder.join(name));
    let authority =
        file(&scrape["tls_config"]["ca_file"]).context("the fleet is scraped without an authority")?;
    let password =
        file(&scrape["basic_auth"]["password_file"]).context("the fleet is scraped without a password")?;
    ensure!(scrape["scheme"] == "https", "the fleet is scraped in the clear");
    for path in [&authority, &password] {
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
    }
    fs::copy(&web.authority, authority)?;
    let [user, secret] = &web.user;
    fs::write(password, secret)?;
    scrape["basic_auth"]["username"] = json!(user);
    let groups: Vec<_> = sensors
        .iter()
        .map(|sensor| {
            json!({
                "targets": [sensor.address],
                "labels": {"sensor": sensor.name, "operator": "example", "site": sensor.name},
            })
        })
        .collect();
    fs::create_dir(folder.join("sensors"))?;
    fs::write(folder.join("sensors/run.yml"), json!(groups).to_string())?;
    Ok(scrape)
}
