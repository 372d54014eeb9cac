//! The demo as whoever starts it meets it: what it says, what it answers, and what it leaves behind. Needs root;
//! `cargo xtask test` runs it that way.

#![expect(
    clippy::unwrap_used,
    reason = "tests without the standard harness are not recognised as such"
)]

mod running;
mod terminal;

use std::{
    env, fs,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    process::Output,
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use nix::sys::signal::Signal;
use sensor_common::tool::{Proof, Tool};
use sensor_lab::{artefacts, network::Lab};
use serde_json::Value;

use self::running::Running;

/// A short demo.
const SHORT: [&str; 5] = ["--seconds", "3", "--packets", "200000", "--json"];

type Outcome = Result<(), Failed>;
type Test = (&'static str, bool, fn() -> Outcome);

fn main() {
    let mut arguments = Arguments::from_args();
    // Each demo takes the machine's lock for itself.
    arguments.test_threads = Some(1);
    let tests: [Test; 7] = [
        (
            "every_packet_is_counted_where_it_belongs",
            false,
            every_packet_is_counted_where_it_belongs,
        ),
        (
            "packets_that_are_counted_wrongly_are_found_and_named",
            false,
            packets_that_are_counted_wrongly_are_found_and_named,
        ),
        (
            "an_interrupted_demo_leaves_nothing_behind",
            false,
            an_interrupted_demo_leaves_nothing_behind,
        ),
        (
            "a_demo_without_a_daemon_says_so_and_leaves_nothing_behind",
            false,
            a_demo_without_a_daemon_says_so,
        ),
        (
            "options_that_do_not_go_together_are_refused",
            false,
            options_that_do_not_go_together_are_refused,
        ),
        (
            "on_a_terminal_the_live_view_opens_and_the_demo_goes_on_without_it",
            false,
            terminal::live_view,
        ),
        (
            "the_surge_and_nothing_else_reaches_who_should_hear_of_it",
            true,
            the_surge_and_nothing_else_reaches_who_should_hear_of_it,
        ),
    ];
    let obstacle = Lab::obstacle().or_else(|| {
        let daemon = artefacts::daemon().unwrap();
        (!daemon.exists()).then(|| format!("needs {}: `cargo build -p teiten` makes it", daemon.display()))
    });
    let full = env::var("TEITEN_TEST_FULL").is_ok_and(|value| value == "1");
    let trial = |(name, long, test): Test| {
        let obstacle = obstacle.clone();
        Trial::ignorable_test(name, move || match obstacle {
            Some(reason) => Ok(Completion::ignored_with(reason)),
            None if long && !full => Ok(Completion::ignored_with(
                "takes two minutes: set TEITEN_TEST_FULL=1",
            )),
            None => test().map(|()| Completion::Completed),
        })
    };
    libtest_mimic::run(&arguments, tests.map(trial).into()).exit();
}

/// Runs a demo to its end, and reads its answer.
fn answer(arguments: &[&str]) -> Result<(Value, Output), Failed> {
    let output = Running::start(arguments)?.finish()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    if text.lines().count() != 1 {
        return Err(format!("not one line on standard output: {text:?}; it said\n{said}").into());
    }
    Ok((serde_json::from_str(&text)?, output))
}

fn number(value: &Value, pointer: &str) -> Result<u64, Failed> {
    value
        .pointer(pointer)
        .and_then(Value::as_u64)
        .ok_or_else(|| format!("no number at {pointer}").into())
}

fn rows<'value>(value: &'value Value, key: &str) -> Result<&'value Vec<Value>, Failed> {
    value[key]
        .as_array()
        .ok_or_else(|| format!("no list {key}").into())
}

/// The sum of a figure over a list.
fn sum(value: &Value, key: &str, figure: &str) -> Result<u64, Failed> {
    Ok(rows(value, key)?
        .iter()
        .filter_map(|row| row[figure].as_u64())
        .sum())
}

/// Whether each row of a list has the same for `sent` and `counted`; and how many rows there are.
fn equal_rows(value: &Value, key: &str) -> Result<usize, Failed> {
    let rows = rows(value, key)?;
    match rows
        .iter()
        .find(|row| !row["sent"].is_u64() || row["sent"] != row["counted"])
    {
        Some(row) => Err(format!("{key}: {row}").into()),
        None => Ok(rows.len()),
    }
}

fn every_packet_is_counted_where_it_belongs() -> Outcome {
    let (answer, output) = answer(&SHORT)?;
    assert!(output.status.success(), "{answer:#}");
    assert_eq!(number(&answer, "/difference")?, 0);
    // ZMap asks for one port of 256 addresses, Nmap for four ports of eight: that is what they are. masscan asks for one
    // port of 64, and may ask more than once.
    let scanned: Vec<_> = rows(&answer, "scanners")?
        .iter()
        .map(|row| {
            (
                row["name"].as_str(),
                row["sent"].as_u64(),
                row["counted"].as_u64(),
            )
        })
        .collect();
    let (scanned, masscan) = scanned.split_at(2);
    assert_eq!(
        scanned,
        [
            (Some("zmap"), Some(256), Some(256)),
            (Some("nmap"), Some(32), Some(32))
        ]
    );
    let [(Some("masscan"), Some(of_masscan), Some(counted))] = *masscan else {
        return Err(format!("no masscan, or more: {masscan:?}").into());
    };
    assert!(of_masscan >= 64 && of_masscan == counted, "{masscan:?}");
    for row in rows(&answer, "scanners")? {
        assert_eq!(row["marked"], row["sent"], "{row}");
        assert_eq!(row["mark"], row["name"], "{row}");
        assert!(row["sure"].as_u64() > Some(0), "{row}");
    }
    assert_eq!(
        equal_rows(&answer, "tools")?,
        Tool::COUNT,
        "each tool was planted"
    );
    for row in rows(&answer, "tools")? {
        let tool = Tool::ALL.iter().find(|tool| row["tool"] == tool.name()).unwrap();
        let (counted, sure) = (row["counted"].as_u64().unwrap(), row["sure"].as_u64().unwrap());
        match tool.rule().proof() {
            Proof::Packet => assert_eq!(sure, counted, "{row}"),
            Proof::Never => assert_eq!(sure, 0, "{row}"),
            Proof::Source => assert!(sure > 0 && sure < counted, "{row}"),
        }
    }
    let all = 200_000 + 256 + 32 + of_masscan;
    for pointer in ["/sent", "/arrived", "/seen"] {
        assert_eq!(number(&answer, pointer)?, all, "{pointer}");
    }
    assert_eq!(answer["xdp_mode"], "native");

    let outcomes = answer["outcomes"].as_object().ok_or("no outcomes")?;
    assert_eq!(outcomes, answer["outcomes_sent"].as_object().unwrap());
    let outcome = |name: &str| number(&answer, &format!("/outcomes/{name}"));
    assert_eq!(outcomes.values().filter_map(Value::as_u64).sum::<u64>(), all);
    let observed: u64 = outcomes
        .iter()
        .filter(|(name, _)| name.starts_with("observed_"))
        .filter_map(|(_, packets)| packets.as_u64())
        .sum();
    assert!(observed > all / 2 && outcome("not_watched")? > 0 && outcome("truncated_tcp")? > 0);
    let classes = answer["classes"].as_object().ok_or("no classes")?;
    assert_eq!(classes.values().filter_map(Value::as_u64).sum::<u64>(), observed);

    assert!(equal_rows(&answer, "ports")? > 10_000);
    let of = |transport: &str| -> Result<u64, Failed> {
        let ports = rows(&answer, "ports")?
            .iter()
            .filter(|row| row["transport"] == transport);
        Ok(ports.filter_map(|row| row["counted"].as_u64()).sum())
    };
    assert_eq!(of("tcp")?, outcome("observed_tcp")?);
    assert_eq!(of("udp")?, outcome("observed_udp")?);
    assert!(equal_rows(&answer, "regions")? >= 13);
    assert_eq!(sum(&answer, "regions", "counted")?, observed);
    equal_rows(&answer, "port_regions")?;
    assert_eq!(
        sum(&answer, "port_regions", "counted")? + number(&answer, "/port_regions_other/counted")?,
        number(&answer, "/classes/scan")?
    );
    let mirai = number(&answer, "/mirai/counted")?;
    assert_eq!(number(&answer, "/mirai/sent")?, mirai);
    assert_eq!(sum(&answer, "ports", "mirai_counted")?, mirai);
    assert_eq!(sum(&answer, "regions", "mirai_counted")?, mirai);

    let law = |name: &str| number(&answer, &format!("/conservation/{name}"));
    assert_eq!((law("observed")?, law("drained")?), (observed, observed));
    for name in ["difference", "resident", "lost_ring", "lost_queue"] {
        assert_eq!(law(name)?, 0, "{name}");
    }
    let surge = answer["surge"].clone();
    let planted = rows(&answer, "port_regions")?
        .iter()
        .find(|row| (&row["port"], &row["source_region"]) == (&surge["port"], &surge["source_region"]))
        .ok_or("the surge's port and region have no row")?;
    assert_eq!(planted["counted"], surge["sent"]);
    assert!(surge["sent"].as_u64() > surge["sent_before"].as_u64().map(|before| 10 * before));
    assert!(number(&answer, "/metrics/compared")? > 40);
    Ok(())
}

/// A daemon that watches another IPv6 prefix than it is asked to.
fn packets_that_are_counted_wrongly_are_found_and_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let daemon = folder.path().join("short-sighted");
    let script = format!(
        "#!/bin/sh\nexec '{}' $(printf '%s\\n' \"$@\" | sed s/2001:db8:feed::/2001:db8:fade::/)\n",
        artefacts::daemon()?.display()
    );
    fs::write(&daemon, script)?;
    fs::set_permissions(&daemon, fs::Permissions::from_mode(0o755))?;
    let daemon = daemon.display().to_string();
    let (answer, output) = answer(&[&SHORT[..], &["--daemon", &daemon]].concat())?;
    assert_eq!(output.status.code(), Some(1));
    let missing = number(&answer, "/outcomes_sent/observed_icmpv6")?;
    assert!(missing > 0);
    assert_eq!(number(&answer, "/outcomes/observed_icmpv6")?, 0);
    assert!(number(&answer, "/difference")? > missing);
    let differing = rows(&answer, "differing")?;
    let named = differing
        .iter()
        .find(|row| row["of"] == "outcome" && row["name"] == "observed_icmpv6")
        .ok_or("the outcome is not named")?;
    assert_eq!(
        (named["sent"].as_u64(), named["counted"].as_u64()),
        (Some(missing), Some(0))
    );
    Ok(())
}

fn an_interrupted_demo_leaves_nothing_behind() -> Outcome {
    for (line, later, signal) in [
        ("two namespaces", Duration::ZERO, Signal::SIGTERM),
        ("scan the dark prefix", Duration::from_millis(300), Signal::SIGINT),
        ("the scenario", Duration::from_secs(2), Signal::SIGINT),
    ] {
        let demo = Running::start(&["--seconds", "60"])?;
        demo.await_line(line)?;
        thread::sleep(later);
        demo.signal(signal)?;
        let signalled = Instant::now();
        let output = demo.finish()?;
        assert_eq!(
            output.status.signal(),
            Some(signal as i32),
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.stdout.is_empty());
        assert!(
            signalled.elapsed() < Duration::from_secs(30),
            "{line}: {:?}",
            signalled.elapsed()
        );
    }
    Ok(())
}

fn a_demo_without_a_daemon_says_so() -> Outcome {
    let output = Running::start(&["--daemon", "/no/such/daemon"])?.finish()?;
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("/no/such/daemon"), "{said}");
    Ok(())
}

fn options_that_do_not_go_together_are_refused() -> Outcome {
    for arguments in [["--seconds", "0"].as_slice(), &["--packets", "5"], &["--seed"]] {
        let output = Running::start(arguments)?.finish()?;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let output = Running::start(&["--stack", "--seconds", "10"])?.finish()?;
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("--stack needs"), "{said}");
    Ok(())
}

fn the_surge_and_nothing_else_reaches_who_should_hear_of_it() -> Outcome {
    let (answer, output) = answer(&["--stack", "--json"])?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{:#}", answer["alerts"]);
    assert_eq!(number(&answer, "/difference")?, 0);
    let alerts = &answer["alerts"];
    let heard: Vec<_> = rows(alerts, "heard")?
        .iter()
        .map(|alert| (alert["receiver"].as_str(), alert["labels"]["alertname"].as_str()))
        .collect();
    for name in [
        "TeitenScanSurgeByPort",
        "TeitenScanSurgeByRegion",
        "TeitenMiraiSurge",
    ] {
        assert!(heard.contains(&(Some("/analysts"), Some(name))), "{heard:?}");
    }
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(number(alerts, "/expressions/asked")? > 35);
    Ok(())
}
