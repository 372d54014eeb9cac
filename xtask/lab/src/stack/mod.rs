//! Prometheus and Alertmanager as real processes on loopback, with the demo's files.

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
use serde_json::Value;
use tempfile::TempDir;

pub use self::{
    http::{Request, Server},
    receiver::{Alert, Receiver},
};
use crate::deployed;

/// How long a process may take until it answers.
const START: Duration = Duration::from_secs(30);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

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

/// A running Prometheus with its Alertmanager.
#[derive(Debug)]
pub struct Stack {
    // The order of the fields is that of the ends: processes before the folder that they write to.
    processes: [Process; 2],
    folder: TempDir,
    url: String,
    client: ureq::Agent,
}

impl Stack {
    /// Starts both, in the network namespace of the calling thread: sensors are scraped at `targets`, alerts are sent to
    /// `webhook`, each an address with a port. `patience` is asked every moment, and its error ends the waiting.
    ///
    /// # Errors
    /// One of them is missing, does not answer in time, or finds fault with the files.
    pub fn start(targets: &[String], webhook: &str, patience: impl Fn() -> Result<()>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("teiten-stack-").tempdir()?;
        let [prometheus, alertmanager] = free_addresses()?;
        write_files(folder.path(), targets, &alertmanager, webhook)?;
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
            url: format!("http://{prometheus}/api/v1"),
            client: ureq::Agent::config_builder()
                .timeout_global(Some(PATIENCE))
                .http_status_as_error(false)
                .build()
                .into(),
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
            let scraped = || self.query("up").is_ok_and(|rows| !rows.is_empty());
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

    /// The rows of an expression now; to be asked in the namespace in which it was started.
    ///
    /// # Errors
    /// Prometheus does not answer, or finds fault with the expression.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>> {
        self.ask("query", &[("query", expression)])
    }

    /// The rows of an expression at a moment, in seconds since the epoch.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn query_at(&self, expression: &str, time: f64) -> Result<Vec<Value>> {
        self.ask("query", &[("query", expression), ("time", &time.to_string())])
    }

    /// The curves of an expression over a time, with a point for each `step` seconds.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn query_range(&self, expression: &str, [from, to]: [f64; 2], step: f64) -> Result<Vec<Value>> {
        let [from, to, step] = [from, to, step].map(|seconds| seconds.to_string());
        self.ask(
            "query_range",
            &[
                ("query", expression),
                ("start", &from),
                ("end", &to),
                ("step", &step),
            ],
        )
    }

    fn ask(&self, endpoint: &str, parameters: &[(&str, &str)]) -> Result<Vec<Value>> {
        let text = self
            .client
            .get(format!("{}/{endpoint}", self.url))
            .query_pairs(parameters.iter().copied())
            .call()
            .and_then(|mut answer| answer.body_mut().with_config().limit(64 << 20).read_to_string())
            .context("Prometheus does not answer")?;
        let mut answer: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
        ensure!(
            answer["status"] == "success",
            "Prometheus refuses the expression: {text}"
        );
        match answer["data"]["result"].take() {
            Value::Array(rows) => Ok(rows),
            other => bail!("Prometheus answers with {other}, which are no rows"),
        }
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
fn write_files(folder: &Path, targets: &[String], alertmanager: &str, webhook: &str) -> Result<()> {
    let targets: Vec<_> = targets.iter().map(|target| format!("\"{target}\"")).collect();
    let configuration = replace(
        &deployed::text("deploy/prometheus/demo/prometheus.yml")?,
        &[
            ("\"127.0.0.1:10023\"", &targets.join(", ")),
            ("127.0.0.1:9093", alertmanager),
        ],
    )?;
    fs::write(folder.join("prometheus.yml"), configuration)?;
    fs::create_dir(folder.join("rules"))?;
    for name in ["recording.yml", "alerts.yml"] {
        let rules = deployed::text(&format!("deploy/prometheus/demo/rules/{name}"))?;
        fs::write(folder.join("rules").join(name), rules)?;
    }
    let configuration = replace(
        &deployed::text("deploy/alertmanager/demo/alertmanager.yml")?,
        &[("127.0.0.1:10024", webhook)],
    )?;
    fs::write(folder.join("alertmanager.yml"), configuration)?;
    Ok(())
}

fn replace(text: &str, pairs: &[(&str, &str)]) -> Result<String> {
    let mut text = text.to_owned();
    for (from, to) in pairs {
        ensure!(text.contains(from), "the configuration does not name {from}");
        text = text.replace(from, to);
    }
    Ok(text)
}
