//! What the daemon refuses: each bad input with its thing, its cause, its cure, and nothing attached afterwards.

use std::{fs, net::TcpListener};

use sensor_lab::network::Network;
use tempfile::TempDir;

use crate::{
    Test,
    daemon::{attached, configuration, run},
    network,
    program::Finished,
};

pub const TESTS: [Test; 7] = [
    ("a_wrong_command_line_says_what_is_right", command_lines),
    ("a_wrong_value_says_what_would_be_right", values),
    ("a_wrong_configuration_file_says_where", configurations),
    ("an_interface_that_is_not_there_is_named", interfaces),
    ("a_place_that_cannot_be_listened_on_is_named", listening),
    ("drop_never_covers_the_hosts_own_addresses", own_addresses),
    (
        "an_object_that_cannot_be_loaded_is_refused_with_its_cure",
        objects,
    ),
];

/// Something failed, in a world that might be otherwise.
const FAILED: i32 = 1;
/// The usage cannot be.
const WRONG_USAGE: i32 = 2;

/// More than this is no message any more but a log.
const LONGEST_MESSAGE_BYTES: usize = 1_200;

/// Arguments behind `run`, and parts of the message.
type Case<'case> = (&'case [&'case str], &'case [&'case str]);

const WATCH: [&str; 2] = ["--watch", "198.51.100.0/24"];

/// The sensor ended with this status, said each part, and left nothing on any interface.
pub fn assert_refused(network: &Network, what: &str, finished: &Finished, status: i32, parts: &[&str]) {
    let said = &finished.errors;
    assert_eq!(finished.status.code(), Some(status), "{what}: {said}");
    for part in parts {
        assert!(said.contains(part), "{what}: no {part:?} in: {said}");
    }
    assert!(!said.contains("panicked"), "{what}: {said}");
    let torn = said
        .lines()
        .any(|line| line.starts_with("teiten:") && line.contains("  "));
    assert!(!torn, "{what}: {said}");
    assert!(said.len() <= LONGEST_MESSAGE_BYTES, "{what}: {said}");
    assert!(finished.output.is_empty(), "{what}: {}", finished.output);
    assert_eq!(attached(network), [], "{what}");
}

/// Every case as `run ARGUMENTS MORE`.
fn refuse_all(network: &Network, status: i32, cases: &[Case<'_>], more: &[&str]) {
    for (arguments, parts) in cases {
        // Without a region database, whose loading takes longer than the rest; logs come in the way of messages.
        let file = configuration("level = 'error'");
        let common = ["run", "--config", file.path().to_str().unwrap()];
        let finished = run(network, &[&common, *arguments, more].concat());
        assert_refused(network, &format!("{arguments:?}"), &finished, status, parts);
    }
}

fn command_lines() {
    let network = network("usage");
    let mut cases: Vec<Case<'_>> = vec![
        (
            &["--wacth", "198.51.100.0/24"],
            &["'--wacth'", "'--watch'", "--help"],
        ),
        (
            &["--mode", "fast"],
            &["'fast'", "--mode", "auto", "native", "generic"],
        ),
        (
            &["--verdict", "reject"],
            &["'reject'", "--verdict", "pass", "drop"],
        ),
        (&["--listen", "here"], &["'here'", "--listen", "socket address"]),
        (
            &["--listen", "127.0.0.1"],
            &["'127.0.0.1'", "--listen", "ADDR:PORT"],
        ),
        (
            &["--listen", "127.0.0.1:65536"],
            &["'127.0.0.1:65536'", "ADDR:PORT"],
        ),
        (&["--ring-size", "much"], &["'much'", "--ring-size"]),
        (&["--flow-slots", "-1"], &["-1"]),
        (&["--flush-interval", "soon"], &["'soon'", "--flush-interval"]),
        (&["--kernel-log", "loud"], &["'loud'", "--kernel-log"]),
        (&["--interface"], &["--interface <IF>", "--help"]),
        (&["rx"], &["'rx'", "--help"]),
    ];
    refuse_all(&network, WRONG_USAGE, &cases, &[]);
    cases.clear();
    let finished = run(&network, &[]);
    assert_refused(
        &network,
        "nothing",
        &finished,
        WRONG_USAGE,
        &["Usage: teiten", "run"],
    );
    let finished = run(&network, &["rnu"]);
    assert_refused(&network, "rnu", &finished, WRONG_USAGE, &["'rnu'", "--help"]);
}

fn values() {
    let network = network("values");
    let rx = ["--interface", "rx"];
    let without_watch: [Case<'_>; 8] = [
        (
            &[],
            &[
                "nothing is watched",
                "teiten run --interface rx --watch 198.51.100.0/24",
                "capture.watch",
            ],
        ),
        (
            &["--watch", "dark"],
            &["`dark` is no network prefix", "198.51.100.0/24"],
        ),
        (&["--watch", ""], &["`` is no network prefix", "198.51.100.0/24"]),
        (
            &["--watch", "198.51.100.0/33"],
            &["`198.51.100.0/33` is no network prefix"],
        ),
        (
            &["--watch", "198.51.100.0/-1"],
            &["`198.51.100.0/-1` is no network prefix"],
        ),
        (
            &["--watch", "198.51.100/24"],
            &["`198.51.100/24` is no network prefix"],
        ),
        (
            &["--watch", "2001:db8::/129"],
            &["`2001:db8::/129` is no network prefix"],
        ),
        (
            &["--watch", "203.0.113.0/24,198.51.100.1/24"],
            &[
                "`198.51.100.1/24`",
                "bits are set behind the prefix",
                "do you mean 198.51.100.0/24?",
            ],
        ),
    ];
    refuse_all(&network, WRONG_USAGE, &without_watch, &rx);
    let with_watch: [Case<'_>; 9] = [
        (&["--interface", "rx"], &["`rx` is named twice", "name it once"]),
        (
            &["--ring-size", "3MiB"],
            &["kernel.ring_size", "3145728", "no power of two", "4194304"],
        ),
        (
            &["--ring-size", "2KiB"],
            &["kernel.ring_size", "2048", "from 4096 to 1073741824"],
        ),
        (
            &["--ring-size", "2GiB"],
            &["kernel.ring_size", "2147483648", "from 4096 to 1073741824"],
        ),
        (
            &["--flow-slots", "1000"],
            &["kernel.flow_slots", "1000", "no power of two", "1024"],
        ),
        (
            &["--flow-slots", "0"],
            &["kernel.flow_slots", "is 0", "no power of two", "1024"],
        ),
        (
            &["--flush-interval", "10ms"],
            &["kernel.flush_interval", "10ms", "from 100ms to 1h"],
        ),
        (
            &["--flush-interval", "2h"],
            &["kernel.flush_interval", "from 100ms to 1h"],
        ),
        (
            &["--id", "a sensor"],
            &["`a sensor` cannot be a sensor id", "1 to 64 letters", "--id"],
        ),
    ];
    refuse_all(&network, WRONG_USAGE, &with_watch, &[rx, WATCH].concat());
    let without_interface: [Case<'_>; 1] = [(
        &[],
        &[
            "no interface is named",
            "--interface IF",
            "capture.interfaces",
            "ip -brief link",
        ],
    )];
    refuse_all(&network, WRONG_USAGE, &without_interface, &WATCH);
}

fn configurations() {
    let network = network("files");
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let minimal = "[capture]\ninterfaces = ['rx']\nwatch = ['198.51.100.0/24']\n";
    let with = |text: &str| format!("{minimal}{text}").into_bytes();
    let cases: [(&str, Vec<u8>, &[&str]); 8] = [
        (
            "broken",
            b"[capture\ninterfaces = ['rx']\n".to_vec(),
            &["line 1", "is not valid"],
        ),
        (
            "unknown-key",
            with("wathc = []\n"),
            &["unknown field `wathc`", "`watch`", "line 4"],
        ),
        (
            "unknown-table",
            with("[kernl]\n"),
            &["unknown field `kernl`", "`kernel`", "line 4"],
        ),
        (
            "wrong-type",
            with("verdict = 1\n"),
            &["line 4", "verdict = 1", "wanted string"],
        ),
        ("twice", with("watch = []\n"), &["duplicate key", "line 4"]),
        (
            "wrong-port",
            with("[export]\nwatched_ports = ['23']\n"),
            &["`23` names no port", "23/tcp", "line 5"],
        ),
        ("not-text", vec![0xff, 0xfe, 0x00], &["cannot be read", "UTF-8"]),
        (
            "empty",
            Vec::new(),
            &["no interface is named", "capture.interfaces"],
        ),
    ];
    for (name, text, parts) in &cases {
        let file = path(name);
        fs::write(&file, text).unwrap();
        for arguments in [&["run", "--config", &file][..], &["config", "check", &file]] {
            let finished = run(&network, arguments);
            assert_refused(&network, name, &finished, WRONG_USAGE, parts);
            let cure = if *name == "empty" {
                "--interface"
            } else {
                "teiten config init"
            };
            assert!(finished.errors.contains(cure), "{}", finished.errors);
        }
    }
    for (file, cause) in [
        (path("missing.toml"), "No such file"),
        (folder.path().to_str().unwrap().to_owned(), "Is a directory"),
    ] {
        let finished = run(&network, &["run", "--config", &file]);
        let parts = [file.as_str(), "cannot be read", cause, "teiten config init"];
        assert_refused(&network, &file, &finished, WRONG_USAGE, &parts);
    }
    let file = path("regions.toml");
    fs::write(
        &file,
        with("[regions]\ncountry = ['/nonexistent/country.mmdb']\n"),
    )
    .unwrap();
    let finished = run(&network, &["run", "--no-pin", "--config", &file]);
    let parts = ["/nonexistent/country.mmdb", "No such file"];
    assert_refused(&network, "regions", &finished, FAILED, &parts);
}

fn objects() {
    let network = network("object");
    let folder = TempDir::new().unwrap();
    let garbage = folder.path().join("garbage.o");
    fs::write(&garbage, b"this is no object").unwrap();
    let garbage = garbage.to_str().unwrap();
    let cases: [Case<'_>; 2] = [
        (
            &["--object", "/nonexistent/sensor.o"],
            &["/nonexistent/sensor.o", "No such file", "cargo xtask build"],
        ),
        (&["--object", garbage], &["cannot be loaded", "cargo xtask build"]),
    ];
    refuse_all(&network, FAILED, &cases, &[&["-i", "rx"], &WATCH[..]].concat());
}

fn interfaces() {
    let network = network("interface");
    let long = "x".repeat(100);
    let cases: [Case<'_>; 9] = [
        (&["-i", "nothere"], &["no interface `nothere`", "ip -brief link"]),
        (
            &["-i", "rx", "-i", "nothere"],
            &["no interface `nothere`", "ip -brief link"],
        ),
        (
            &["-i", "nothere", "-i", "rx"],
            &["no interface `nothere`", "ip -brief link"],
        ),
        (&["-i", ""], &["no interface ``", "ip -brief link"]),
        (&["-i", "../rx"], &["no interface `../rx`", "ip -brief link"]),
        (&["-i", "rx/"], &["no interface `rx/`", "ip -brief link"]),
        (&["-i", "."], &["no interface `.`", "ip -brief link"]),
        (&["-i", "rx\n"], &["no interface `rx\\n`", "ip -brief link"]),
        (&["-i", &long], &["no interface `xxx", "ip -brief link"]),
    ];
    refuse_all(&network, FAILED, &cases, &WATCH);
    // A NUL cannot come by the command line.
    let file = configuration("[capture]\ninterfaces = [\"r\\u0000x\"]\nwatch = ['198.51.100.0/24']\n");
    let finished = run(&network, &["run", "--config", file.path().to_str().unwrap()]);
    let parts = ["no interface `r\\0x`", "ip -brief link"];
    assert_refused(&network, "NUL", &finished, FAILED, &parts);
    // One interface under two names would be counted twice, or not at all.
    network
        .sensor()
        .ip(&["link", "property", "add", "dev", "rx", "altname", "darkside"])
        .unwrap();
    let cases: [Case<'_>; 1] = [(
        &["-i", "rx", "-i", "darkside"],
        &["`rx` and `darkside`", "same interface", "once"],
    )];
    refuse_all(&network, FAILED, &cases, &WATCH);
}

fn listening() {
    let network = network("listen");
    let common = ["-i", "rx", "--watch", "198.51.100.0/24"];
    let _taken = network
        .enter(|| TcpListener::bind("127.0.0.1:10023").unwrap())
        .unwrap();
    let cases: [Case<'_>; 3] = [
        (
            &["--listen", "127.0.0.1:10023"],
            &[
                "cannot listen on 127.0.0.1:10023",
                "Address already in use",
                "--listen",
            ],
        ),
        (
            &[],
            &[
                "cannot listen on 127.0.0.1:10023",
                "Address already in use",
                "--listen",
            ],
        ),
        (
            &["--listen", "203.0.113.99:10023"],
            &[
                "cannot listen on 203.0.113.99:10023",
                "Cannot assign requested address",
                "--listen",
            ],
        ),
    ];
    refuse_all(&network, FAILED, &cases, &common);
}

fn own_addresses() {
    let network = network("own");
    let sensor = network.sensor();
    sensor
        .ip(&["address", "add", "203.0.113.5/24", "dev", "rx"])
        .unwrap();
    sensor
        .ip(&["route", "add", "default", "via", "203.0.113.254"])
        .unwrap();
    let cases: [Case<'_>; 5] = [
        (
            &["--watch", "198.51.100.0/24,203.0.113.0/28"],
            &[
                "203.0.113.0/28",
                "203.0.113.5",
                "own address on rx",
                "--verdict drop",
                "`pass`",
            ],
        ),
        (
            &["--watch", "203.0.113.5"],
            &["203.0.113.5/32", "own address on rx", "`pass`"],
        ),
        (
            &["--watch", "203.0.113.254"],
            &["203.0.113.254/32", "a gateway of this host", "`pass`"],
        ),
        (
            &["--watch", "127.0.0.0/8"],
            &["127.0.0.0/8", "127.0.0.1", "own address on lo", "`pass`"],
        ),
        (&["--watch", "0.0.0.0/0"], &["0.0.0.0/0", "own address", "`pass`"]),
    ];
    refuse_all(&network, WRONG_USAGE, &cases, &["-i", "rx", "--verdict", "drop"]);
}
