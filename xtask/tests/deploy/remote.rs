//! The way of samples from an agent beside a sensor: to a central Prometheus, and to `VictoriaMetrics`.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::Test;
use crate::chain::sensor::Sensor;
use crate::expressions::{self, Owes, Variables};
use crate::files;
use crate::tools::promtool;

pub(crate) const TESTS: &[Test] = &[(
    "an_agent_gives_prometheus_and_victoria_metrics_the_same_figures",
    an_agent_gives_prometheus_and_victoria_metrics_the_same_figures,
)];

/// How long a process may take until it answers, and the samples until they are there.
const START: Duration = Duration::from_mins(1);
/// How long is scraped.
const PAST: Duration = Duration::from_secs(40);
/// `VictoriaMetrics` looks one sample further back for a rate and does not extrapolate: of a steady counter that is at most
/// the share of one scrape, of a second, in the range, of fifteen; and a made-up counter is a whole number.
const NEAR: f64 = 0.15;

/// A process that is killed when this is dropped.
struct Process(Child);

impl Process {
    fn start(program: &str, arguments: &[String]) -> Result<Self> {
        let child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Ok(Self(child.with_context(|| format!("{program} cannot be run"))?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_addresses() -> Result<[String; 3]> {
    let listeners = [
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    ];
    let mut addresses = [const { String::new() }; 3];
    for (address, listener) in addresses.iter_mut().zip(&listeners) {
        *address = listener.local_addr()?.to_string();
    }
    Ok(addresses)
}

fn await_answer(address: &str) -> Result<()> {
    let end = Instant::now() + START;
    while TcpStream::connect(address).is_err() {
        ensure!(
            Instant::now() < end,
            "nobody answered at {address} within {START:?}"
        );
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// The deployed file of the agent, to run here: another target, no TLS, a scrape each second, two places to send to.
fn agent(sensor: &str, central: &str, victoria: &str) -> Result<String> {
    let mut configuration = files::yaml("deploy/prometheus/agent.yml")?;
    configuration["global"]["scrape_interval"] = "1s".into();
    configuration["global"]["scrape_timeout"] = "1s".into();
    configuration["scrape_configs"][0]["static_configs"][0]["targets"][0] = sensor.into();
    let mut write = configuration["remote_write"][0].clone();
    let object = write.as_object_mut().context("no remote_write")?;
    ensure!(
        object.remove("tls_config").is_some() && object.remove("basic_auth").is_some(),
        "the agent sends without TLS or password"
    );
    // Not to wait for a batch to fill.
    object["queue_config"]["batch_send_deadline"] = "1s".into();
    let mut other = write.clone();
    write["url"] = format!("http://{central}/api/v1/write").into();
    other["url"] = format!("http://{victoria}/api/v1/write").into();
    configuration["remote_write"] = Value::Array(vec![write, other]);
    Ok(configuration.to_string())
}

fn start(folder: &Path, sensor: &str) -> Result<(Vec<Process>, [String; 2])> {
    let [central, victoria, agent_address] = free_addresses()?;
    let path = |name: &str| folder.join(name).display().to_string();
    fs::write(
        folder.join("central.yml"),
        "global: {evaluation_interval: 1s}\nrule_files: [rules/*.yml]\n",
    )?;
    fs::create_dir(folder.join("rules"))?;
    fs::write(
        folder.join("rules/recording.yml"),
        files::text("deploy/prometheus/demo/rules/recording.yml")?,
    )?;
    fs::write(folder.join("agent.yml"), agent(sensor, &central, &victoria)?)?;
    let receivers = vec![
        Process::start(
            "prometheus",
            &[
                format!("--config.file={}", path("central.yml")),
                format!("--storage.tsdb.path={}", path("central")),
                format!("--web.listen-address={central}"),
                "--web.enable-remote-write-receiver".to_owned(),
            ],
        )?,
        Process::start(
            "victoria-metrics",
            &[
                format!("-storageDataPath={}", path("victoria")),
                format!("-httpListenAddr={victoria}"),
                // It holds the newest samples back for half a minute otherwise.
                "-search.latencyOffset=1s".to_owned(),
            ],
        )?,
    ];
    await_answer(&central)?;
    await_answer(&victoria)?;
    let mut processes = receivers;
    processes.push(Process::start(
        "prometheus",
        &[
            "--enable-feature=agent".to_owned(),
            format!("--config.file={}", path("agent.yml")),
            format!("--storage.agent.path={}", path("agent")),
            format!("--web.listen-address={agent_address}"),
        ],
    )?);
    Ok((processes, [central, victoria]))
}

/// The figures of an expression at a moment, by their labels.
fn ask(address: &str, query: &str, time: u64) -> Result<BTreeMap<String, f64>> {
    let said = promtool(&[
        "query",
        "instant",
        "--format=json",
        &format!("--time={time}"),
        &format!("http://{address}"),
        query,
    ])?;
    let rows: Value = serde_json::from_str(&said).with_context(|| said.clone())?;
    let mut figures = BTreeMap::new();
    for row in rows.as_array().context("no rows")? {
        // The name is lost or kept by rules of each server's own.
        let mut labels = row["metric"].clone();
        if let Some(labels) = labels.as_object_mut() {
            labels.remove("__name__");
        }
        let value = row["value"][1].as_str().context("no value")?.parse()?;
        figures.insert(labels.to_string(), value);
    }
    Ok(figures)
}

fn same(query: &str, one: &BTreeMap<String, f64>, other: &BTreeMap<String, f64>) -> Result<()> {
    ensure!(
        one.keys().eq(other.keys()),
        "{query}\nhas other rows:\n{one:?}\n{other:?}"
    );
    // Rates are made by each in its own way; whatever is no rate has to be the same to the last digit.
    let made = ["rate(", "increase(", "delta(", "_over_time(", "quantile"]
        .iter()
        .any(|function| query.contains(function));
    for (labels, value) in one {
        let there = other[labels];
        let difference = (value - there).abs();
        let allowed = if made {
            NEAR * value.abs().max(there.abs()) + 1.0
        } else {
            0.0
        };
        ensure!(
            difference <= allowed || (value.is_nan() && there.is_nan()),
            "{query}\n{labels}: {value} and {there}"
        );
    }
    Ok(())
}

fn an_agent_gives_prometheus_and_victoria_metrics_the_same_figures() -> Result<()> {
    let sensor = Sensor::steady(20.0).serve()?;
    let folder = tempfile::tempdir()?;
    let (_processes, [central, victoria]) = start(folder.path(), &sensor.address.to_string())?;

    thread::sleep(PAST);
    let moment = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() - 5;
    let end = Instant::now() + START;
    let arrived = |address: &str| ask(address, "up", moment).is_ok_and(|rows| rows.len() == 1);
    while !arrived(&central) || !arrived(&victoria) {
        ensure!(Instant::now() < end, "the agent's samples did not arrive");
        thread::sleep(Duration::from_millis(500));
    }
    let variables = Variables {
        rate_interval: "15s",
        range: "15s",
        ..Variables::DEFAULT
    };
    let mut asked = 0;
    for expression in expressions::of_dashboards(&variables)? {
        // What rules record is only where they are applied; the time of day goes on; and the last needs `offset`
        // further back than there is a past.
        let elsewhere = [":", "time()", "offset"]
            .iter()
            .any(|word| expression.query.contains(word));
        if expression.owes != Owes::Rows || elsewhere {
            continue;
        }
        let [one, other] = [&central, &victoria].map(|address| ask(address, &expression.query, moment));
        let (one, other) = (one?, other?);
        if one.is_empty() {
            bail!("no rows: {}, {}", expression.file, expression.place);
        }
        same(&expression.query, &one, &other)
            .with_context(|| format!("{}, {}", expression.file, expression.place))?;
        asked += 1;
    }
    ensure!(asked > 40, "only {asked} expressions were compared");
    // The rules are at work on what the agent sent.
    let recorded = ask(
        &central,
        "instance_transport_port:teiten_scan_packets:increase10s",
        moment,
    )?;
    ensure!(
        recorded.keys().any(|labels| labels.contains("hanoi-1")),
        "{recorded:?}"
    );
    Ok(())
}
