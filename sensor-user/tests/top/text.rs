//! The text mode, as a script or `head` reads it.

use std::process::{Command, Output};

use crate::{Test, sensor::Sensor};

pub const TESTS: [Test; 3] = [
    ("one_answer_is_printed_as_tables", tables, None),
    ("a_reader_that_has_seen_enough_is_no_failure", head, None),
    (
        "a_sensor_that_is_not_there_is_an_error_with_its_cure",
        nobody,
        None,
    ),
];

fn top(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_teiten"))
        .arg("top")
        .args(arguments)
        .output()
        .unwrap()
}

fn tables() {
    let sensor = Sensor::frozen();
    let output = top(&["--url", &sensor.url(), "--once"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(
        text.starts_with("tokyo-1  native  2026-01-01T00:00:10Z  seen 13,000  1300/s  difference 0"),
        "{text}"
    );
    for row in [
        &["port", "mean/s", "Mirai", "sources"][..],
        &["23/tcp", "1000", "90%", "4,321"],
        &["5060/udp", "200", "7"],
        &["JP", "Japan", "800", "87%", "3,000"],
        &["zmap", "(likely)", "30.0"],
        &["backscatter", "50.0"],
    ] {
        assert!(lines.iter().any(|line| line == row), "{row:?} in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours in a pipe: {text:?}");
}

fn head() {
    let sensor = Sensor::start();
    let script = format!(
        "{} top --url {} --interval 100ms | head -3",
        env!("CARGO_BIN_EXE_teiten"),
        sensor.url()
    );
    let output = Command::new("bash")
        .args(["-o", "pipefail", "-c", &script])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 3);
}

fn nobody() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let output = top(&["--once", "--url", &closed.to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("is the sensor running"), "{text}");
    for (arguments, part) in [
        (&["--url", "ftp://x"][..], "http://127.0.0.1:10023"),
        (&["--interval", "1ms"], "between 100ms and 1h"),
        (&["--user", "me"], "--password-file"),
    ] {
        let output = top(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(part), "{arguments:?}: {text}");
    }
}
