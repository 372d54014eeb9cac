//! The whole chain with real processes: scrape, rules, alert, message.

pub(crate) mod sensor;

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sensor_lab::stack::{Alert, Receiver, Scrape, Stack};

use self::sensor::{Course, Sensor};
use crate::Test;
use crate::expressions::{self, Owes, Variables};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_surge_reaches_its_receiver_and_every_expression_has_rows",
        a_surge_reaches_its_receiver_and_every_expression_has_rows,
    ),
    ("quiet_traffic_sends_no_message", quiet_traffic_sends_no_message),
];

/// When the traffic changes, in seconds after the sensors' start: by then they have a past.
const CHANGE: f64 = 30.0;
/// When a message must have come, after the sensors' start.
const DEADLINE: Duration = Duration::from_mins(1);
/// How long nothing else may come after the last expected message.
const AFTERWARDS: Duration = Duration::from_secs(4);

/// What a message says of an alert: who gets it, and the labels that tell it from others.
type Message = (String, Vec<String>);

/// What was heard so far.
fn messages(receiver: &Receiver) -> BTreeSet<Message> {
    receiver.alerts().iter().map(message).collect()
}

fn message(alert: &Alert) -> Message {
    let labels = [
        "alertname",
        "severity",
        "scope",
        "origin",
        "reason",
        "interface",
        "transport",
        "port",
        "source_region",
    ];
    let values = labels
        .iter()
        .filter_map(|&label| alert.labels.get(label).cloned());
    (alert.receiver.clone(), values.collect())
}

fn expected(messages: &[(&str, &[&str])]) -> BTreeSet<Message> {
    messages
        .iter()
        .map(|(path, values)| {
            (
                (*path).to_owned(),
                values.iter().map(|&value| value.to_owned()).collect(),
            )
        })
        .collect()
}

/// A sensor on which a port, a region and Mirai surge; beside them what looks like a surge and is none.
fn surging() -> Sensor {
    let surge = Course::Surges {
        rate: 20.0,
        then: 600.0,
        at: CHANGE,
    };
    let flood = Course::Surges {
        rate: 20.0,
        then: 5000.0,
        at: CHANGE,
    };
    let more = Course::Becomes {
        first: 50.0,
        then: 500.0,
        at: CHANGE,
    };
    Sensor::steady(20.0)
        .with(
            r#"teiten_port_syn_packets_total{transport="tcp",port="23"}"#,
            surge,
        )
        .with(
            r#"teiten_port_syn_packets_total{transport="tcp",port="2323"}"#,
            Course::Appears {
                rate: 600.0,
                at: CHANGE,
            },
        )
        .with(r#"teiten_source_region_packets_total{source_region="BR"}"#, surge)
        .with(
            r#"teiten_source_region_mirai_packets_total{source_region="BR"}"#,
            surge,
        )
        .with(r#"teiten_port_sources{transport="tcp",port="23"}"#, more)
        .with(r#"teiten_source_region_sources{source_region="BR"}"#, more)
        .with("teiten_mirai_sources", more)
        // Few sources.
        .with(
            r#"teiten_port_syn_packets_total{transport="tcp",port="80"}"#,
            surge,
        )
        .with(
            r#"teiten_port_sources{transport="tcp",port="80"}"#,
            Course::Is(3.0),
        )
        // The rest rows are no port and no region.
        .with(
            r#"teiten_port_syn_packets_total{transport="tcp",port="other"}"#,
            flood,
        )
        .with(
            r#"teiten_source_region_packets_total{source_region="other"}"#,
            flood,
        )
}

/// A sensor with a program missing on one of two interfaces, detail lost, and a wrong count.
fn broken() -> Sensor {
    Sensor::steady(20.0)
        .with(
            r#"teiten_attached{interface="eth1"}"#,
            Course::Becomes {
                first: 1.0,
                then: 0.0,
                at: CHANGE,
            },
        )
        .with(
            r#"teiten_packets_lost_detail_total{reason="ring_full"}"#,
            Course::Surges {
                rate: 0.0,
                then: 100.0,
                at: CHANGE,
            },
        )
        .with(
            "teiten_conservation_difference_packets",
            Course::Becomes {
                first: 0.0,
                then: -5.0,
                at: CHANGE,
            },
        )
}

fn a_surge_reaches_its_receiver_and_every_expression_has_rows() -> Result<()> {
    let wanted = expected(&[
        (
            "/analysts",
            &["TeitenScanSurgeByPort", "warning", "sensor", "tcp", "23"],
        ),
        (
            "/analysts",
            &["TeitenScanSurgeByPort", "warning", "sensor", "tcp", "2323"],
        ),
        (
            "/analysts",
            &["TeitenScanSurgeByRegion", "warning", "sensor", "BR"],
        ),
        (
            "/analysts",
            &["TeitenMiraiSurge", "warning", "sensor", "any", "BR"],
        ),
        ("/operators", &["TeitenAttachmentLost", "critical", "eth1"]),
        // Few sources: it is noted, and nobody is called.
        (
            "/notes",
            &["TeitenSingleOriginSurge", "info", "sensor", "port", "tcp", "80"],
        ),
        ("/operators", &["TeitenSensorDown", "critical", "unreachable"]),
        ("/operators", &["TeitenDetailLost", "warning", "ring_full"]),
        ("/operators", &["TeitenConservationBroken", "critical"]),
    ]);
    let receiver = Receiver::start()?;
    let sensors = [surging().serve()?, broken().serve()?];
    let started = Instant::now();
    let mut targets: Vec<_> = sensors.iter().map(|sensor| sensor.address.to_string()).collect();
    // Port 1 of loopback: nobody answers there.
    targets.push("127.0.0.1:1".to_owned());
    let stack = Stack::start(&Scrape::Plain(&targets), &receiver.address().to_string(), || {
        Ok(())
    })?;

    while !messages(&receiver).is_superset(&wanted) {
        ensure!(
            started.elapsed() < DEADLINE,
            "these messages did not come: {:?}",
            wanted.difference(&messages(&receiver)).collect::<Vec<_>>()
        );
        thread::sleep(Duration::from_millis(200));
    }
    thread::sleep(AFTERWARDS);
    let got = messages(&receiver);
    ensure!(
        got == wanted,
        "needless messages: {:?}",
        got.difference(&wanted).collect::<Vec<_>>()
    );
    every_expression_has_rows(&stack)
}

/// Panels, variables and recorded series have rows, those of surges too: there is one.
fn every_expression_has_rows(stack: &Stack) -> Result<()> {
    let variables = Variables {
        rate_interval: "10s",
        range: "15s",
        demo: true,
        ..Variables::DEFAULT
    };
    let mut asked = 0;
    let rules = expressions::of_rules("deploy/prometheus/demo/rules")?.into_iter();
    let owing = rules
        .chain(expressions::of_dashboards(&variables)?)
        // Alerts fire here, so there are annotations of them.
        .filter(|expression| {
            matches!(expression.owes, Owes::Rows | Owes::RowsInSurge) || expression.is_annotation()
        });
    for expression in owing {
        let rows = stack
            .api()
            .query(&expression.query)
            .with_context(|| format!("{}, {}", expression.file, expression.place))?;
        ensure!(
            !rows.is_empty(),
            "no rows: {}, {}:\n{}",
            expression.file,
            expression.place,
            expression.query
        );
        asked += 1;
    }
    ensure!(asked > 35, "only {asked} expressions were asked");
    Ok(())
}

fn quiet_traffic_sends_no_message() -> Result<()> {
    let receiver = Receiver::start()?;
    // Much, so that no floor hides a fault: 10,000 packets in each window of each port and region.
    let sensors = [
        Sensor::steady(1000.0)
            .with(
                r#"teiten_port_syn_packets_total{transport="tcp",port="23"}"#,
                Course::StartsAgain {
                    rate: 1000.0,
                    at: 25.0,
                },
            )
            .with(
                r#"teiten_port_syn_packets_total{transport="tcp",port="2323"}"#,
                Course::Appears {
                    rate: 300.0,
                    at: CHANGE,
                },
            )
            .serve()?,
        // Little: from 20 to 900 packets in a window.
        Sensor::steady(2.0)
            .with(
                r#"teiten_source_region_packets_total{source_region="BR"}"#,
                Course::Surges {
                    rate: 2.0,
                    then: 90.0,
                    at: CHANGE,
                },
            )
            .serve()?,
    ];
    let started = Instant::now();
    let targets: Vec<_> = sensors.iter().map(|sensor| sensor.address.to_string()).collect();
    let stack = Stack::start(&Scrape::Plain(&targets), &receiver.address().to_string(), || {
        Ok(())
    })?;
    thread::sleep(Duration::from_secs(55).saturating_sub(started.elapsed()));

    // Silence proves something only if the rules were at work: each recorded series but the surges is there.
    for rule in expressions::of_rules("deploy/prometheus/demo/rules")? {
        if rule.owes == Owes::Rows {
            ensure!(
                !stack.api().query(&rule.query)?.is_empty(),
                "no rows: {}",
                rule.place
            );
        }
    }
    // Nothing fired, and no surge was even waited for.
    for alerts in [r#"alertstate="firing""#, r#"alertname=~".+Surge.*""#] {
        let raised = stack
            .api()
            .query(&format!("count_over_time(ALERTS{{{alerts}}}[1m])"))?;
        ensure!(raised.is_empty(), "{raised:?}");
    }
    let got = messages(&receiver);
    ensure!(got.is_empty(), "{got:?}");
    Ok(())
}
