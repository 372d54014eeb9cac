//! Privilege: what suffices, and what is said where it does not.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use sensor_lab::{
    frames::{Ipv4, Tcp},
    network::Network,
};
use tempfile::TempDir;

use crate::{
    Test,
    daemon::{BINARY, Daemon},
    network, program,
    refused::assert_refused,
    traffic,
};

pub const TESTS: [Test; 2] = [
    ("too_little_privilege_is_refused_with_what_is_needed", too_little),
    ("three_capabilities_suffice_for_an_ordinary_user", enough),
];

/// The user `nobody`.
const NOBODY: &str = "65534";
/// What the message asks for.
const NEEDED: [&str; 4] = ["run as root", "CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"];

/// A copy of the binary that an ordinary user may reach, wherever the original lies.
fn reachable_binary() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy(BINARY, folder.path().join("teiten")).unwrap();
    folder
}

/// The binary in `folder`, as an ordinary user with these capabilities and no way to more.
fn as_nobody(network: &Network, folder: &Path, capabilities: &[&str], arguments: &[&str]) -> Command {
    let set = capabilities
        .iter()
        .fold(String::new(), |set, name| set + ",+" + name);
    let mut command = network.command("setpriv").unwrap();
    command
        .args([
            "--reuid",
            NOBODY,
            "--regid",
            NOBODY,
            "--clear-groups",
            "--no-new-privs",
        ])
        .arg(format!("--bounding-set=-all{set}"))
        .arg(format!("--inh-caps=-all{set}"))
        .arg(format!("--ambient-caps=-all{set}"))
        .arg(folder.join("teiten"))
        .args(arguments);
    command
}

fn too_little() {
    let network = network("privilege");
    let folder = reachable_binary();
    let arguments = [
        "run",
        "--no-pin",
        "-i",
        "rx",
        "--watch",
        "198.51.100.0/24",
        "--log-level",
        "error",
    ];
    for capabilities in [
        &[][..],
        &["net_admin", "perfmon"],
        &["bpf", "perfmon"],
        &["bpf"],
        // Enough to ask the verifier, which then takes the program for an unprivileged one.
        &["bpf", "net_admin"],
    ] {
        let mut command = as_nobody(&network, folder.path(), capabilities, &arguments);
        let finished = program::run(&mut command, "");
        let what = format!("{capabilities:?}");
        assert_refused(&network, &what, &finished, 1, &NEEDED);
        let said = &finished.errors;
        let cause = said.contains("Operation not permitted") || said.contains("Permission denied");
        assert!(cause, "{what}: the system's own words are missing in {said}");
        assert!(!said.contains("bug"), "{what}: {said}");
    }
}

fn enough() {
    let network = network("capabilities");
    let folder = reachable_binary();
    let arguments = ["-i", "rx", "--watch", "198.51.100.0/24"];
    let capabilities = ["bpf", "net_admin", "perfmon"];
    let daemon = Daemon::start_as(&network, "", &arguments, |arguments| {
        as_nobody(&network, folder.path(), &capabilities, arguments)
    });
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    assert!(status.contains(&format!("Uid:\t{NOBODY}\t")), "{status}");
    let frame = Ipv4::to([198, 51, 100, 1].into()).frame(Tcp::syn(23));
    traffic::send(&network, &vec![frame; 5]);
    assert_eq!(daemon.at_rest(5).seen, 5);
    daemon.stop(nix::sys::signal::Signal::SIGTERM).assert_clean();
}
