//! Privilege: what suffices, and what is said where it does not.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use sensor_lab::{
    frames::{Ipv4, Tcp},
    network::Network,
};
use teiten::kernel::release::kernel_release;
use tempfile::TempDir;

use crate::{
    Test,
    daemon::{BINARY, Daemon},
    network, program,
    refused::assert_refused,
    traffic,
};

pub const TESTS: [Test; 3] = [
    ("too_little_privilege_is_refused_with_what_is_needed", too_little),
    (
        "three_capabilities_suffice_for_an_ordinary_user_and_are_given_up",
        enough,
    ),
    ("root_gives_up_what_it_does_not_need", root),
];

/// The user `nobody`.
pub const NOBODY: &str = "65534";
/// What the message asks for.
const NEEDED: [&str; 4] = ["run as root", "CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"];

/// A copy of the binary that an ordinary user may reach, wherever the original lies.
pub fn reachable_binary() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // By another process: a descriptor of ours that is open for writing would be inherited by programs that other tests
    // start meanwhile, and such a file cannot be executed.
    let copied = Command::new("cp")
        .arg(BINARY)
        .arg(folder.path().join("teiten"))
        .status();
    assert!(copied.unwrap().success());
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
        let needed = ["bpf", "net_admin", "perfmon"];
        for missing in needed.iter().filter(|name| !capabilities.contains(name)) {
            let lacks = said.split(": run as root").next().unwrap();
            assert!(
                lacks.contains(&format!("CAP_{}", missing.to_uppercase())),
                "{what}: {said}"
            );
        }
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
    assert_given_up(&daemon, NOBODY);
    let frame = Ipv4::to([198, 51, 100, 1].into()).frame(Tcp::syn(23));
    traffic::send(&network, &vec![frame; 5]);
    assert_eq!(daemon.at_rest(5).seen, 5);
    assert_given_up(&daemon, NOBODY);
    daemon.stop(nix::sys::signal::Signal::SIGTERM).assert_clean();
}

/// Every thread of the daemon has this user and no capability that it does not need, can get no other, and may make
/// few system calls.
fn assert_given_up(daemon: &Daemon<'_>, user: &str) {
    let needed = match kernel_release() {
        Some(release) if release >= (6, 1) => 0,
        // CAP_BPF, which every call of bpf(2) asks for there.
        _ => 1_u64 << 39,
    };
    let mut threads = 0;
    for thread in fs::read_dir(format!("/proc/{}/task", daemon.id())).unwrap() {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {status}")).trim()
        };
        let set = |name| u64::from_str_radix(field(name), 16).unwrap();
        assert_eq!((set("CapPrm:"), set("CapEff:")), (needed, needed), "{status}");
        assert_eq!((set("CapInh:"), set("CapAmb:")), (0, 0), "{status}");
        assert!(field("Uid:").split_whitespace().all(|id| id == user), "{status}");
        assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), ("1", "2"), "{status}");
        threads += 1;
    }
    // Drain, aggregate, tick and those that serve HTTP.
    assert!(threads > 4, "{threads}");
}

/// A database that is replaced, a state directory that is written: what the daemon does later still works.
fn root() {
    let network = network("root");
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let state = folder.path().to_str().unwrap();
    let arguments = [
        "-i",
        "rx",
        "--watch",
        "198.51.100.0/24",
        "--state-directory",
        state,
    ];
    let daemon = Daemon::start(&network, &arguments);
    assert_given_up(&daemon, "0");
    let frame = Ipv4::to([198, 51, 100, 1].into()).frame(Tcp::syn(23));
    traffic::send(&network, &vec![frame; 5]);
    assert_eq!(daemon.at_rest(5).seen, 5);
    daemon.next_tick();
    daemon.stop(nix::sys::signal::Signal::SIGTERM).assert_clean();
    assert!(folder.path().join("series.json").exists());
}
