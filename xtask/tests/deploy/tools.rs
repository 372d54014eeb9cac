//! What Prometheus' and Alertmanager's own tools say of the files.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::Test;
use crate::files;

pub(crate) const TESTS: &[Test] = &[
    (
        "promtool_accepts_the_configurations_and_rules",
        promtool_accepts_the_configurations_and_rules,
    ),
    (
        "amtool_accepts_the_configurations",
        amtool_accepts_the_configurations,
    ),
    (
        "the_sample_limit_lies_above_the_budget_of_series",
        the_sample_limit_lies_above_the_budget_of_series,
    ),
    ("the_rule_tests_pass", the_rule_tests_pass),
];

/// Tests that take a minute.
pub(crate) const LONG_TESTS: &[Test] = &[(
    "the_rule_tests_notice_every_broken_rule",
    the_rule_tests_notice_every_broken_rule,
)];

/// Runs a tool and gives back what it printed; an error when it fails.
pub(crate) fn run<I: AsRef<OsStr>>(program: &str, package: &str, arguments: &[I]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| {
        format!("{program} cannot be run: install it with `apt-get install {package}` or `cargo xtask setup`")
    })?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "{program} failed ({}):\n{said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(said)
}

/// Runs `promtool`.
pub(crate) fn promtool<I: AsRef<OsStr>>(arguments: &[I]) -> Result<String> {
    run("promtool", "prometheus", arguments)
}

fn promtool_accepts_the_configurations_and_rules() -> Result<()> {
    for folder in ["deploy/prometheus", "deploy/prometheus/demo"] {
        let configuration = files::root().join(folder).join("prometheus.yml");
        let said = promtool(&[
            OsStr::new("check"),
            OsStr::new("config"),
            configuration.as_os_str(),
        ])?;
        // The configuration must have named both rules files, or they were not looked at.
        ensure!(
            said.contains("recording.yml") && said.contains("alerts.yml"),
            "{said}"
        );
        for file in files::list(&format!("{folder}/rules"), "yml")? {
            let path = files::root().join(file);
            promtool(&[
                OsStr::new("check"),
                OsStr::new("rules"),
                OsStr::new("--lint-fatal"),
                path.as_os_str(),
            ])?;
        }
    }
    Ok(())
}

fn amtool_accepts_the_configurations() -> Result<()> {
    for folder in ["deploy/alertmanager", "deploy/alertmanager/demo"] {
        let configuration = files::root().join(folder).join("alertmanager.yml");
        run(
            "amtool",
            "prometheus-alertmanager",
            &[OsStr::new("check-config"), configuration.as_os_str()],
        )?;
        for (label, receiver) in [
            ("alertname=TeitenSensorDown", "operators"),
            ("alertname=TeitenDetailLost", "operators"),
            ("alertname=TeitenConservationBroken", "operators"),
            ("alertname=TeitenMiraiSurge", "analysts"),
            ("severity=info", "nobody"),
        ] {
            let said = run(
                "amtool",
                "prometheus-alertmanager",
                &[
                    OsStr::new("config"),
                    OsStr::new("routes"),
                    OsStr::new("test"),
                    OsStr::new("--config.file"),
                    configuration.as_os_str(),
                    OsStr::new(label),
                ],
            )?;
            ensure!(said.trim() == receiver, "{label} goes to {said}");
        }
    }
    Ok(())
}

fn the_sample_limit_lies_above_the_budget_of_series() -> Result<()> {
    let configuration = files::yaml("deploy/prometheus/prometheus.yml")?;
    let scrape = &configuration["scrape_configs"][0];
    ensure!(scrape["job_name"] == "teiten", "{}", scrape["job_name"]);
    let limit = scrape["sample_limit"].as_u64().context("no sample_limit")?;
    ensure!(
        (2001..=5000).contains(&limit),
        "sample_limit is {limit}; a sensor has under 2,000 series"
    );
    Ok(())
}

fn the_rule_tests_pass() -> Result<()> {
    for file in files::list("deploy/prometheus/tests", "yml")? {
        test_rules(&files::root().join(file))?;
    }
    Ok(())
}

fn test_rules(file: &Path) -> Result<String> {
    promtool(&[OsStr::new("test"), OsStr::new("rules"), file.as_os_str()])
}

/// What may go wrong in a rule: the text, what takes its place, and the tests that must notice.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "{transport=\"tcp\", port!=\"other\"}",
        "{transport=\"tcp\"}",
        "scan_surge_by_port",
    ),
    (
        "{transport!=\"tcp\", port!=\"other\"}",
        "{transport!=\"tcp\"}",
        "scan_surge_by_port",
    ),
    (
        "teiten_port_syn_packets_total{",
        "teiten_port_packets_total{",
        "scan_surge_by_port",
    ),
    (
        "teiten_source_region_packets_total{source_region!=\"other\"}",
        "teiten_source_region_packets_total",
        "scan_surge_by_region",
    ),
    (
        "teiten_source_region_mirai_packets_total{source_region!=\"other\"}",
        "teiten_source_region_mirai_packets_total",
        "mirai_surge",
    ),
    ("{outcome=~\"observed_.+\"}", "", "scan_surge_by_port"),
    (
        "clamp_min(0.01 * instance:teiten_observed",
        "clamp_min(0 * instance:teiten_observed",
        "scan_surge_by_port",
    ),
    (
        "clamp_min(0.01 * instance:teiten_observed",
        "clamp_min(0 * instance:teiten_observed",
        "scan_surge_by_region",
    ),
    (
        "clamp_min(0.01 * instance:teiten_mirai",
        "clamp_min(0 * instance:teiten_mirai",
        "mirai_surge",
    ),
    (", 1000)", ", 900)", "scan_surge_by_port"),
    (", 1000)", ", 1100)", "scan_surge_by_region"),
    (", 1000)", ", 900)", "mirai_surge"),
    ("> 5 *", "> 4 *", "scan_surge_by_port"),
    ("> 5 *", "> 6 *", "scan_surge_by_region"),
    ("> 5 *", "> 4 *", "mirai_surge"),
    ("0.05 *", "0.03 *", "scan_surge_by_port"),
    ("0.05 *", "0.07 *", "scan_surge_by_region"),
    ("0.05 *", "0.03 *", "mirai_surge"),
    // A surge in its own baseline, and a baseline made of nothing but the surge.
    ("[1d] offset 10m", "[10m]", "scan_surge_by_port"),
    // A past that is too short to say what is usual.
    ("[1d] offset 1h", "[1d]", "scan_surge_by_port"),
    ("[1d] offset 2h", "[1d] offset 1h", "scan_surge_by_port"),
    ("[1d] offset 2h", "[1d] offset 1h", "scan_surge_by_region"),
    // The usual as a rate over a whole day, of which a young series has only hours.
    (
        "avg_over_time(instance_transport_port:teiten_scan_packets:increase10m[1d] offset 10m)",
        "increase(teiten_port_syn_packets_total[1d] offset 10m) / 144",
        "scan_surge_by_port",
    ),
    (
        "teiten_port_sources < 10",
        "teiten_port_sources < 9",
        "scan_surge_by_port",
    ),
    (
        "teiten_source_region_sources < 10",
        "teiten_source_region_sources < 11",
        "scan_surge_by_region",
    ),
    ("for: 2m", "for: 0s", "scan_surge_by_port"),
    ("up{job=\"teiten\"} == 0", "up == 0", "sensor"),
    ("for: 5m", "for: 0s", "sensor"),
    ("teiten_attached == 0", "teiten_attached == 2", "sensor"),
    ("{outcome=~\"observed_.+\"}[3h]", "[3h]", "sensor"),
    ("[5m] offset 3h", "[5m]", "sensor"),
    ("detail_total[1h]", "detail_total[1m]", "sensor"),
    ("packets[10m]) > 0", "packets[10m]) > 5", "sensor"),
    ("packets[10m]) < 0", "packets[10m]) < -10", "sensor"),
];

fn the_rule_tests_notice_every_broken_rule() -> Result<()> {
    for &(text, fault, test) in FAULTS {
        let copy = tempfile::tempdir()?;
        for folder in ["rules", "tests"] {
            fs::create_dir(copy.path().join(folder))?;
        }
        let mut places = 0;
        for name in ["recording.yml", "alerts.yml"] {
            let rules = files::text(&format!("deploy/prometheus/rules/{name}"))?;
            places += rules.matches(text).count();
            fs::write(copy.path().join("rules").join(name), rules.replace(text, fault))?;
        }
        ensure!(
            places > 0,
            "no rule has {text:?} any more: bring the list of faults up to date"
        );
        let tests = copy.path().join("tests").join(format!("{test}.yml"));
        fs::write(
            &tests,
            files::text(&format!("deploy/prometheus/tests/{test}.yml"))?,
        )?;
        let Err(error) = test_rules(&tests) else {
            bail!("{test}.yml passes although {text:?} was made {fault:?}");
        };
        // A rule that does not parse would be refused as well, and prove nothing.
        ensure!(
            format!("{error:#}").contains("exp:"),
            "{text:?} as {fault:?}: {error:#}"
        );
    }
    Ok(())
}
