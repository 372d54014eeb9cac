//! Prometheus and Alertmanager as real processes on loopback, with the demo's files.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::files;
use crate::tools::promtool;

/// How long a process may take until it answers.
const START: Duration = Duration::from_secs(20);

/// A process that is killed when this is dropped.
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
pub(super) struct Stack {
    // The order of the fields is that of the ends: processes before the folder that they write to.
    processes: [Process; 2],
    folder: TempDir,
    url: String,
}

impl Stack {
    /// Starts both: sensors are scraped at `targets`, alerts are sent to `webhook`, each an address with a port.
    pub(super) fn start(targets: &[String], webhook: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
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
        wait_for("Alertmanager", || Ok(TcpStream::connect(&alertmanager).is_ok()))?;
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
            url: format!("http://{prometheus}"),
        };
        stack.wait_until_ready()?;
        Ok(stack)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let answered = wait_for("Prometheus", || {
            for process in &mut self.processes {
                ensure!(
                    process.child.try_wait()?.is_none(),
                    "a process of the chain has ended"
                );
            }
            Ok(query(&self.url, "up").is_ok_and(|rows| !rows.is_empty()))
        });
        answered.with_context(|| {
            ["prometheus.log", "alertmanager.log"]
                .map(|name| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
                .concat()
        })
    }

    /// The rows of an expression now.
    pub(super) fn query(&self, expression: &str) -> Result<Vec<Value>> {
        query(&self.url, expression)
    }
}

fn query(url: &str, expression: &str) -> Result<Vec<Value>> {
    let said = promtool(&["query", "instant", "--format=json", url, expression])?;
    let rows: Value = serde_json::from_str(&said).with_context(|| said.clone())?;
    Ok(rows.as_array().cloned().unwrap_or_default())
}

/// Waits until something holds, for as long as a process may take to start.
fn wait_for(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + START;
    while Instant::now() < end {
        if holds()? {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    bail!("{what} did not answer within {START:?}")
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
        &files::text("deploy/prometheus/demo/prometheus.yml")?,
        &[
            ("\"127.0.0.1:10023\"", &targets.join(", ")),
            ("127.0.0.1:9093", alertmanager),
        ],
    )?;
    fs::write(folder.join("prometheus.yml"), configuration)?;
    fs::create_dir(folder.join("rules"))?;
    for name in ["recording.yml", "alerts.yml"] {
        let rules = files::text(&format!("deploy/prometheus/demo/rules/{name}"))?;
        fs::write(folder.join("rules").join(name), rules)?;
    }
    let configuration = replace(
        &files::text("deploy/alertmanager/demo/alertmanager.yml")?,
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
