//! `teiten check`: faults that are planted, found, and cured by the command that it names.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use sensor_lab::network::Network;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Test,
    daemon::{BINARY, teiten},
    foreign::{Foreign, attach},
    network,
    privilege::{NOBODY, reachable_binary},
    program,
};

pub const TESTS: [Test; 8] = [
    ("check_finds_no_error_on_a_host_that_runs_the_sensor", sound),
    ("check_finds_faults_of_interfaces_and_its_cures_work", interfaces),
    ("check_finds_too_few_queues_and_its_cure_works", queues),
    (
        "check_finds_foreign_programs_and_its_cures_work",
        foreign_programs,
    ),
    ("check_finds_faults_of_files_and_its_cures_work", files),
    ("check_finds_faults_of_region_databases", regions),
    ("check_finds_missing_mounts_and_its_cures_work", mounts),
    ("check_finds_missing_privilege_and_its_cures_work", privilege),
];

/// What a run of `check --json` said.
struct Checked {
    status: Option<i32>,
    report: Value,
}

impl Checked {
    fn of(command: &mut Command) -> Self {
        let finished = program::run(command, "");
        let report = serde_json::from_str(&finished.output)
            .unwrap_or_else(|error| panic!("{error}: {}{}", finished.output, finished.errors));
        let checked = Self {
            status: finished.status.code(),
            report,
        };
        checked.assert_documented();
        checked
    }

    /// What `docs/check.md` promises of every answer.
    fn assert_documented(&self) {
        assert_eq!(self.report["schema"], 1);
        let errors = self.findings().iter().any(|finding| finding["state"] == "error");
        assert_eq!(self.report["fit"], !errors);
        assert_eq!(self.status, Some(i32::from(errors)));
        for finding in self.findings() {
            let keys: Vec<_> = finding.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, ["check", "cure", "message", "state", "subject"]);
            assert_eq!(finding["cure"].is_null(), finding["state"] == "ok", "{finding}");
        }
    }

    fn findings(&self) -> &Vec<Value> {
        self.report["findings"].as_array().unwrap()
    }

    fn finding(&self, check: &str) -> &Value {
        let found = self.findings().iter().find(|finding| finding["check"] == check);
        found.unwrap_or_else(|| panic!("no {check} in {}", self.report))
    }

    fn state(&self, check: &str) -> &str {
        self.finding(check)["state"].as_str().unwrap()
    }

    fn cure(&self, check: &str) -> &str {
        self.finding(check)["cure"].as_str().unwrap()
    }
}

/// Without a region database, whose reading takes longer than the rest.
fn check(network: &Network, arguments: &[&str]) -> Checked {
    let file = crate::daemon::configuration("");
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let path = file.path().to_str().unwrap();
    Checked::of(&mut teiten(
        network,
        &[&["check", "--json", "--config", path], arguments].concat(),
    ))
}

/// A command line, as root in the sensor's namespace.
fn run_cure(network: &Network, cure: &str) {
    let finished = program::run(network.command("sh").unwrap().args(["-c", cure]), "");
    assert!(finished.status.success(), "{cure}: {}", finished.errors);
}

/// The fault is found as so bad, its cure runs, and then it is gone.
fn found_and_cured(network: &Network, arguments: &[&str], what: &str, state: &str) {
    let before = check(network, arguments);
    assert_eq!(before.state(what), state, "{}", before.report);
    run_cure(network, before.cure(what));
    let after = check(network, arguments);
    assert_eq!(after.state(what), "ok", "{}", after.report);
}

const RX: [&str; 4] = ["-i", "rx", "--watch", "198.51.100.0/24"];

fn sound() {
    let network = network("check-sound");
    assert_eq!(check(&network, &[]).report["fit"], true);
    let checked = check(&network, &RX);
    assert_eq!(checked.report["fit"], true, "{}", checked.report);
    for name in [
        "interface",
        "foreign_program",
        "native_xdp",
        "mtu",
        "queues",
        "mac_filter",
        "lro",
    ] {
        assert_eq!(checked.state(name), "ok", "{}", checked.report);
        assert_eq!(checked.finding(name)["subject"], "rx");
    }
    // For people: every finding, and a last line that says it all.
    let finished = crate::daemon::run(&network, &["check", "-i", "rx", "--no-pin"]);
    let last = finished.output.lines().last().unwrap();
    assert!(
        last.starts_with("this host is fit for the sensor: 0 errors"),
        "{last}"
    );
    assert!(
        finished.output.contains("foreign_program (rx)"),
        "{}",
        finished.output
    );
}

fn interfaces() {
    let network = network("check-interfaces");
    let sensor = network.sensor();
    sensor.ip(&["link", "set", "dev", "rx", "down"]).unwrap();
    found_and_cured(&network, &RX, "interface", "warning");
    // veth has it on from the start.
    found_and_cured(&network, &RX, "vlan_stripping", "warning");

    network
        .enter(|| fs::write("/proc/sys/net/ipv4/ip_forward", "1"))
        .unwrap()
        .unwrap();
    sensor
        .ip(&["route", "add", "198.51.100.0/24", "dev", "rx"])
        .unwrap();
    found_and_cured(&network, &RX, "forwarding", "warning");

    let missing = check(&network, &["-i", "no-such-if"]);
    assert_eq!(missing.state("interface"), "error");
    run_cure(&network, missing.cure("interface"));

    // The loopback has no native XDP, where the kernel says such a thing.
    let lo = check(&network, &["-i", "lo", "--mode", "native"]);
    if lo.state("native_xdp") != "ok" {
        assert_eq!(lo.state("native_xdp"), "error");
        let flags: Vec<_> = lo.cure("native_xdp").split(' ').skip(2).collect();
        assert_eq!(check(&network, &flags).state("native_xdp"), "ok", "{flags:?}");
        assert_eq!(check(&network, &["-i", "lo"]).state("native_xdp"), "warning");
    }
}

fn queues() {
    let network = network("check-queues");
    if std::thread::available_parallelism().unwrap().get() < 2 {
        println!("one queue is enough for one CPU");
        return;
    }
    run_cure(&network, "ethtool -L rx rx 1");
    found_and_cured(&network, &RX, "queues", "warning");
    // The other end sends on two queues: with one to receive them there is no native XDP.
    run_cure(&network, "ethtool -L rx rx 1");
    let native = [&RX[..], &["--mode", "native"]].concat();
    if check(&network, &native).state("native_xdp") != "ok" {
        found_and_cured(&network, &native, "native_xdp", "error");
    }
}

fn foreign_programs() {
    let network = network("check-foreign");
    let foreign = Foreign::load();
    for mode in ["xdpdrv", "xdpgeneric"] {
        attach(&network, &foreign, "rx", mode);
        found_and_cured(&network, &RX, "foreign_program", "error");
    }
}

fn files() {
    let network = network("check-files");
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let state = folder.path().join("it's state");
    let arguments = ["--state-directory", state.to_str().unwrap()];
    found_and_cured(&network, &arguments, "state_directory", "error");
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    found_and_cured(&network, &arguments, "state_directory", "warning");

    let configuration = folder.path().join("teiten.toml");
    fs::write(
        &configuration,
        "[capture]\nwatch = ['198.51.100.0/24']\n[regions]\ncountry = []\n",
    )
    .unwrap();
    fs::set_permissions(&configuration, fs::Permissions::from_mode(0o644)).unwrap();
    let look = || {
        let path = configuration.to_str().unwrap();
        Checked::of(&mut teiten(&network, &["check", "--json", "--config", path]))
    };
    let before = look();
    assert_eq!(before.state("configuration"), "warning");
    run_cure(&network, before.cure("configuration"));
    assert_eq!(look().state("configuration"), "ok");
    assert_eq!(look().state("region_database"), "warning");
}

fn regions() {
    let network = network("check-regions");
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("geoip");
    let file = folder.path().join("teiten.toml");
    fs::write(
        &file,
        format!("[regions]\ncountry = ['{}']\n", database.display()),
    )
    .unwrap();
    let look = || {
        Checked::of(&mut teiten(
            &network,
            &["check", "--json", "--config", file.to_str().unwrap()],
        ))
    };
    assert_eq!(look().state("region_database"), "error");
    fs::write(&database, "no database\n").unwrap();
    assert_eq!(look().state("region_database"), "error");
    let line = "3221225984,3221226239,JP\n";
    fs::write(&database, line).unwrap();
    assert_eq!(look().state("region_database"), "ok", "{}", look().report);
    run_cure(
        &network,
        &format!("touch --date='2 years ago' '{}'", database.display()),
    );
    assert_eq!(look().state("region_database"), "warning");
}

/// A shell in a mount namespace of its own, which ends with `check`.
fn in_mounts(network: &Network, folder: &Path, before: &str) -> Checked {
    let script = format!(
        "{before}\nexec '{BINARY}' check --json --config /dev/stdin --state-directory '{}' <<'END'\n[regions]\ncountry = []\nEND",
        folder.display()
    );
    Checked::of(network.command("unshare").unwrap().args([
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        &script,
    ]))
}

fn mounts() {
    let network = network("check-mounts");
    let folder = TempDir::new().unwrap();
    let plant = "while mountpoint -q /sys/fs/bpf; do umount --lazy /sys/fs/bpf || exit 9; done";
    let before = in_mounts(&network, folder.path(), plant);
    assert_eq!(before.state("bpffs"), "error");
    let cured = in_mounts(
        &network,
        folder.path(),
        &format!("{plant}\n{}", before.cure("bpffs")),
    );
    assert_eq!(cured.state("bpffs"), "ok");

    let full = |size| {
        format!(
            "mount -t tmpfs -o mode=0700,size={size} tmpfs '{}'",
            folder.path().display()
        )
    };
    for (size, state) in [("1m", "error"), ("512m", "warning"), ("2g", "ok")] {
        let checked = in_mounts(&network, folder.path(), &full(size));
        assert_eq!(checked.state("disk"), state, "{size}");
    }
}

fn privilege() {
    let network = network("check-privilege");
    let folder = reachable_binary();
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    let look = || {
        let mut command = network.command("setpriv").unwrap();
        command
            .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
            .arg(folder.path().join("teiten"))
            .args(["check", "--json", "--state-directory", state.to_str().unwrap()]);
        Checked::of(&mut command)
    };
    let before = look();
    assert_eq!(before.state("capabilities"), "error");
    run_cure(&network, before.cure("capabilities"));
    assert_eq!(look().state("capabilities"), "ok");
    assert_eq!(before.state("state_directory"), "error");
    run_cure(&network, before.cure("state_directory"));
    assert_eq!(look().state("state_directory"), "ok");
}
