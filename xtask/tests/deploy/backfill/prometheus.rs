//! A Prometheus whose whole past was written by `promtool tsdb create-blocks-from openmetrics`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use sensor_lab::stack::Api;
use serde_json::Value;

use super::fleet::{Member, PAST};
use crate::files::{self, Rule};
use crate::process::{Process, START, await_answer, free_addresses};
use crate::tools::promtool;

/// How often a sensor is scraped in the past, in seconds: two samples are in each ten minutes.
const STEP: u32 = 300;
/// How often in the end, and since when.
const FINE_STEP: u32 = 15;
const FINE: f64 = 30.0 * 60.0;
/// How long the series of the later rules are recorded, in seconds before the end: the list of top ports has to be known
/// for three days and more. What the first rules record is their past, and reaches back to the begin.
const RECENT: f64 = 4.2 * 86_400.0;
/// A block of the database, as long as promtool makes one: it reads the whole file again for each.
const BLOCK: &str = "--max-block-duration=54h";

/// A Prometheus, and the folder that it reads.
pub(super) struct BackFilled {
    folder: PathBuf,
    /// When the past began, in seconds since the epoch.
    begin: f64,
    written: usize,
    running: Option<(Process, Api)>,
}

impl BackFilled {
    /// One that has scraped the fleet.
    pub(super) fn with(folder: &Path, fleet: &[Member]) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        let step = f64::from(STEP);
        let mut server = Self {
            folder: folder.to_owned(),
            // The last sample is of the newest full step.
            begin: (now / step).floor() * step - PAST,
            written: 0,
            running: None,
        };
        let begin = server.begin;
        server.write(|out| fleet.iter().try_for_each(|member| scrapes(out, member, begin)))?;
        server.start()?;
        Ok(server)
    }

    /// The end of the past, in seconds since the epoch: when everything is to be asked.
    pub(super) const fn moment(&self) -> f64 {
        self.begin + PAST
    }

    /// How it is asked.
    pub(super) fn api(&self) -> Result<&Api> {
        let running = self.running.as_ref();
        running.map(|(_, api)| api).context("no Prometheus runs")
    }

    /// Adds what these rules would have recorded, each at its group's interval.
    pub(super) fn record(&mut self, rules: &[Rule]) -> Result<()> {
        let mut lines = String::new();
        for rule in rules {
            let name = rule.record().context("no recording rule")?;
            self.record_one(name, rule, &mut lines)
                .with_context(|| name.to_owned())?;
        }
        self.write(|out| Ok(out.write_all(lines.as_bytes())?))?;
        self.start()
    }

    fn record_one(&self, name: &str, rule: &Rule, lines: &mut String) -> Result<()> {
        // Of the windows a sample in five minutes is enough, as of the sensors.
        let (from, step) = match rule.group.as_str() {
            "teiten-windows" => (self.begin, f64::from(STEP)),
            "teiten-hours" => (self.begin, 1_800.0),
            _ => (self.moment() - RECENT, f64::from(STEP)),
        };
        let query = files::string(&rule.body, "expr")?;
        for row in self.api()?.query_range(query, [from, self.moment()], step)? {
            let labels = labels(&row["metric"])?;
            for point in files::items(&row, "values") {
                let value = point[1].as_str().context("no value")?;
                writeln!(lines, "{name}{labels} {value} {}", point[0])?;
            }
        }
        Ok(())
    }

    /// Has promtool make blocks of samples, while no Prometheus runs.
    fn write(&mut self, samples: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
        self.running = None;
        self.written += 1;
        let path = self.folder.join(format!("{}.om", self.written));
        let mut out = BufWriter::new(File::create(&path)?);
        samples(&mut out)?;
        writeln!(out, "# EOF")?;
        out.into_inner()?.sync_all()?;
        let data = self.folder.join("data");
        let words = ["tsdb", "create-blocks-from", "--quiet", BLOCK, "openmetrics"];
        let paths = [path.as_os_str(), data.as_os_str()];
        promtool(&words.iter().map(OsStr::new).chain(paths).collect::<Vec<_>>())?;
        Ok(fs::remove_file(path)?)
    }

    fn start(&mut self) -> Result<()> {
        let configuration = self.folder.join("prometheus.yml");
        fs::write(&configuration, "global: {}\n")?;
        let [address, ..] = free_addresses()?;
        let process = Process::start(
            "prometheus",
            &[
                format!("--config.file={}", configuration.display()),
                format!("--storage.tsdb.path={}", self.folder.join("data").display()),
                "--storage.tsdb.retention.time=30d".to_owned(),
                format!("--web.listen-address={address}"),
            ],
        )?;
        await_answer(&address)?;
        let api = Api::of(&address);
        let up = || {
            api.query_at("up", self.moment())
                .is_ok_and(|rows| !rows.is_empty())
        };
        let end = Instant::now() + START;
        while !up() {
            ensure!(Instant::now() < end, "Prometheus does not know its past");
            thread::sleep(Duration::from_millis(100));
        }
        self.running = Some((process, api));
        Ok(())
    }
}

/// Writes the samples of a sensor, in `OpenMetrics`, series by series.
fn scrapes(out: &mut BufWriter<File>, member: &Member, begin: f64) -> Result<()> {
    let [from, to] = member.scraped;
    let mut series: BTreeMap<String, String> = BTreeMap::new();
    let mut time = from;
    while time <= to {
        for (name, value) in member.sensor.values(time, begin + time) {
            let lines = series.entry(with_target(name, member.name)).or_default();
            writeln!(lines, "{value} {}", begin + time)?;
        }
        time += f64::from(if time >= PAST - FINE { FINE_STEP } else { STEP });
    }
    for (series, lines) in series {
        for line in lines.lines() {
            writeln!(out, "{series} {line}")?;
        }
    }
    Ok(())
}

/// A series with the labels that Prometheus gives a target.
fn with_target(series: &str, sensor: &str) -> String {
    let target = format!(r#"job="teiten",instance="{sensor}""#);
    match series.split_once('{') {
        Some((name, labels)) => format!("{name}{{{target},{labels}"),
        None => format!("{series}{{{target}}}"),
    }
}

/// The labels of a row as a sample has them, without a name.
fn labels(metric: &Value) -> Result<String> {
    let labels = metric.as_object().context("a row without labels")?;
    let pairs: Vec<_> = labels
        .iter()
        .filter(|(name, _)| *name != "__name__")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Ok(if pairs.is_empty() {
        String::new()
    } else {
        format!("{{{}}}", pairs.join(","))
    })
}
