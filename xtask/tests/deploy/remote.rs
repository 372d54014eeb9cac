//! The way of samples from an agent beside a sensor: to a central Prometheus, and to `VictoriaMetrics`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use sensor_lab::authority::Authority;
use sensor_lab::daemon::Web;
use sensor_lab::stack::Api;
use serde_json::Value;

use crate::Test;
use crate::chain::sensor::Sensor;
use crate::expressions::{self, Owes, Variables};
use crate::files;
use crate::process::{Process, START, ask, await_answer, free_addresses};

pub(crate) const TESTS: &[Test] = &[(
    "an_agent_gives_prometheus_and_victoria_metrics_the_same_figures",
    an_agent_gives_prometheus_and_victoria_metrics_the_same_figures,
)];

/// How long is scraped.
const PAST: Duration = Duration::from_secs(40);
/// `VictoriaMetrics` looks one sample further back for a rate and does not extrapolate: of a steady counter that is at most
/// the share of one scrape, of a second, in the range, of fifteen; and a made-up counter is a whole number.
const NEAR: f64 = 0.15;

/// The passwords of those who may ask the central server.
const PASSWORDS: [(&str, &str); 2] = [
    ("agent", "what the agent knows"),
    ("grafana", "what Grafana knows"),
];

/// The deployed file of the agent, to run here: another target, a scrape each second, two places to send to. To the central
/// server it sends as it stands there, over TLS and with its password.
fn agent(sensor: &str, central: &str, victoria: &str) -> Result<String> {
    let mut configuration = files::yaml("deploy/prometheus/agent.yml")?;
    configuration["global"]["scrape_interval"] = "1s".into();
    configuration["global"]["scrape_timeout"] = "1s".into();
    configuration["scrape_configs"][0]["static_configs"][0]["targets"][0] = sensor.into();
    let mut write = configuration["remote_write"][0].clone();
    // Not to wait for a batch to fill.
    write["queue_config"]["batch_send_deadline"] = "1s".into();
    let mut other = write.clone();
    write["url"] = format!("https://{central}/api/v1/write").into();
    other["url"] = format!("http://{victoria}/api/v1/write").into();
    let object = other.as_object_mut().context("no remote_write")?;
    ensure!(
        object.remove("tls_config").is_some() && object.remove("basic_auth").is_some(),
        "the agent sends without TLS or password"
    );
    configuration["remote_write"] = Value::Array(vec![write, other]);
    Ok(configuration.to_string())
}

/// The deployed web configuration of the central server, with certificates and passwords of this run in the files that it
/// and the agent name. Gives what Grafana would ask it by.
fn web(folder: &Path) -> Result<Web> {
    let authority = Authority::make()?;
    fs::create_dir(folder.join("tls"))?;
    let mut web = files::yaml("deploy/prometheus/web.yml")?;
    let server = &web["tls_server_config"];
    for (from, to) in [
        ("ca.pem", "tls/ca.pem"),
        ("server.pem", files::string(server, "cert_file")?),
        ("server.key", files::string(server, "key_file")?),
    ] {
        fs::copy(authority.file(from), folder.join(to)).with_context(|| to.to_owned())?;
    }
    for (user, password) in PASSWORDS {
        ensure!(
            web["basic_auth_users"][user].is_string(),
            "web.yml has no user {user}"
        );
        web["basic_auth_users"][user] = bcrypt::hash(password, 5)?.into();
        fs::write(folder.join(format!("tls/{user}-password")), password)?;
    }
    fs::write(folder.join("web.yml"), web.to_string())?;
    let [_, (user, password)] = PASSWORDS;
    Ok(Web {
        configuration: folder.join("web.yml"),
        authority: folder.join("tls/ca.pem"),
        user: [user, password].map(str::to_owned),
    })
}

fn start(folder: &Path, sensor: &str) -> Result<(Vec<Process>, [Api; 2])> {
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
    let web = web(folder)?;
    let receivers = vec![
        Process::start(
            "prometheus",
            &[
                format!("--config.file={}", path("central.yml")),
                format!("--web.config.file={}", web.configuration.display()),
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
    strangers_learn_nothing(&central, &web)?;
    let servers = [Api::over_tls(&central, &web)?, Api::of(&victoria)];
    Ok((processes, servers))
}

/// Without its password the central server tells nobody anything.
fn strangers_learn_nothing(central: &str, web: &Web) -> Result<()> {
    let mut stranger = web.clone();
    stranger.user[1].push('!');
    let refusal = Api::over_tls(central, &stranger)?.query("up").err();
    let refusal = refusal.context("a stranger was answered")?;
    ensure!(format!("{refusal:#}").contains("Unauthorized"), "{refusal:#}");
    Ok(())
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
    let moment = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() - 5.0;
    let end = Instant::now() + START;
    let arrived = |server: &Api| ask(server, "up", moment).is_ok_and(|rows| rows.len() == 1);
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
        let [one, other] = [&central, &victoria].map(|server| ask(server, &expression.query, moment));
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
