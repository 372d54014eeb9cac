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
    for (folder, name) in [
        ("deploy/prometheus", "prometheus.yml"),
        ("deploy/prometheus", "fleet.yml"),
        ("deploy/prometheus/demo", "prometheus.yml"),
    ] {
        let configuration = files::root().join(folder).join(name);
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
    let agent = files::root().join("deploy/prometheus/agent.yml");
    promtool(
        &["check", "config", "--agent"]
            .map(OsStr::new)
            .into_iter()
            .chain([agent.as_os_str()])
            .collect::<Vec<_>>(),
    )?;
    Ok(())
}

/// Who hears of what: labels of an alert, and its receiver.
const ROUTES: &[(&[&str], &str)] = &[
    (
        &["alertname=TeitenMiraiSurge", "severity=warning", "scope=fleet"],
        "analysts",
    ),
    (
        &[
            "alertname=TeitenScanSurgeByPort",
            "severity=warning",
            "scope=sensor",
        ],
        "analysts",
    ),
    (
        &["alertname=TeitenNewPort", "severity=warning", "scope=fleet"],
        "analysts",
    ),
    (
        &[
            "alertname=TeitenSingleOriginSurge",
            "severity=info",
            "scope=sensor",
        ],
        "notes",
    ),
    (&["alertname=TeitenNotNative", "severity=info"], "notes"),
    (&["alertname=TeitenDetailLost", "severity=warning"], "operators"),
    (&["alertname=TeitenClockStepped", "severity=warning"], "operators"),
    (&["alertname=TeitenSensorDown", "severity=critical"], "operators"),
    (
        &["alertname=TeitenConservationBroken", "severity=critical"],
        "operators",
    ),
];

fn amtool_accepts_the_configurations() -> Result<()> {
    for folder in ["deploy/alertmanager", "deploy/alertmanager/demo"] {
        let configuration = files::root().join(folder).join("alertmanager.yml");
        run(
            "amtool",
            "prometheus-alertmanager",
            &[OsStr::new("check-config"), configuration.as_os_str()],
        )?;
        for &(labels, receiver) in ROUTES {
            let mut arguments = ["config", "routes", "test", "--config.file"]
                .map(OsStr::new)
                .to_vec();
            arguments.push(configuration.as_os_str());
            arguments.extend(labels.iter().map(OsStr::new));
            let said = run("amtool", "prometheus-alertmanager", &arguments)?;
            ensure!(said.trim() == receiver, "{labels:?} goes to {said}");
        }
    }
    Ok(())
}

fn the_sample_limit_lies_above_the_budget_of_series() -> Result<()> {
    for name in ["prometheus", "fleet", "agent"] {
        let configuration = files::yaml(&format!("deploy/prometheus/{name}.yml"))?;
        let scrape = &configuration["scrape_configs"][0];
        ensure!(scrape["job_name"] == "teiten", "{name}: {}", scrape["job_name"]);
        let limit = scrape["sample_limit"].as_u64().context("no sample_limit")?;
        ensure!(
            (2001..=5000).contains(&limit),
            "{name}: sample_limit is {limit}; a sensor has under 2,000 series"
        );
    }
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
    // A surge in its own baseline, and a past that is too short to say what is usual.
    (
        "increase10m_avg1h[10d] offset 1h",
        "increase10m_avg1h[10d]",
        "scan_surge_by_port",
    ),
    (
        "increase10m_avg1h[10d] offset 2h",
        "increase10m_avg1h[10d]",
        "scan_surge_by_port",
    ),
    // One day too few for a median, a mean where a median should be, another hour, and no mean of the last day.
    (") >= 4", ") >= 3", "days"),
    ("quantile without (day) (0.5,", "avg without (day) (", "days"),
    ("increase10m <= 2 *", "increase10m <= 0 *", "days"),
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
    (") / 200", ") / 190", "scan_surge_by_port"),
    (") / 200", ") / 210", "scan_surge_by_region"),
    (") / 200", ") / 100", "mirai_surge"),
    (") / 200, 10)", ") / 200, 5)", "mirai_surge"),
    ("} > 3 *", "} > 2 *", "mirai_surge"),
    (") >= 300", ") >= 200", "mirai_surge"),
    ("{source_region=\"JP\"}", "", "mirai_surge"),
    // The fleet.
    ("> 3 *", "> 2.5 *", "fleet"),
    (") >= 3\n", ") >= 2\n", "fleet"),
    (") >= 1000", ") >= 900", "fleet"),
    ("few1h\n          ) >= 3", "few1h < 0\n          ) >= 3", "fleet"),
    (
        "(instance_transport_port:teiten_scan_packets:increase10m and instance_transport_port:teiten_scan_packets:usual10m)",
        "(instance_transport_port:teiten_scan_packets:increase10m)",
        "fleet",
    ),
    ("topk by (job) (10,", "topk by (job) (15,", "new_port"),
    (
        "[10d] offset 2h)\n            unless",
        "[1d] offset 2h)\n            unless",
        "new_port",
    ),
    ("[1d] offset 7d", "[1d] offset 1d", "new_port"),
    ("[1d] offset 3d", "[1d]", "new_port"),
    (
        "(teiten_port_sources) < 10",
        "(teiten_port_sources) < 9",
        "new_port",
    ),
    // The other alerts on traffic.
    (
        "> 3 *\n            instance:teiten_iot",
        "> 2.8 *\n            instance:teiten_iot",
        "traffic",
    ),
    (
        ") >= 100\n        for: 10m",
        ") >= 90\n        for: 10m",
        "traffic",
    ),
    ("> 0.5 *", "> 0.4 *", "traffic"),
    (") >= 5000", ") >= 4800", "traffic"),
    (
        "> 5 * instance:teiten_observed",
        "> 0 * instance:teiten_observed",
        "traffic",
    ),
    ("> 5 * instance_class", "> 4 * instance_class", "traffic"),
    ("{class=\"backscatter\"}", "", "traffic"),
    ("for: 2m", "for: 0s", "scan_surge_by_port"),
    ("up{job=\"teiten\"} == 0", "up == 0", "sensor"),
    ("for: 5m", "for: 0s", "sensor"),
    ("teiten_attached == 0", "teiten_attached == 2", "sensor"),
    ("{outcome=~\"observed_.+\"}[3h]", "[3h]", "sensor"),
    ("[5m] offset 3h", "[5m]", "sensor"),
    ("detail_total[1h]", "detail_total[1m]", "sensor"),
    ("packets[10m]) > 0", "packets[10m]) > 5", "sensor"),
    ("packets[10m]) < 0", "packets[10m]) < -10", "sensor"),
    ("[1d] offset 10m)", "[10m])", "sensor"),
    ("mode!=\"native\"", "mode!=\"\"", "sensor_days"),
    ("timestamp_seconds == 0", "timestamp_seconds <= 0", "sensor_days"),
    ("> 90 * 86400", "> 89 * 86400", "sensor_months"),
    ("clock_steps_total[1h]", "clock_steps_total[2h]", "sensor_days"),
    ("free_bytes < 2e9", "free_bytes < 2.1e9", "sensor_days"),
    ("-3 * delta", "-30 * delta", "sensor_days"),
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
