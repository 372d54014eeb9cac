//! Somebody else's XDP program on the interface: named, refused, and left alone.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use aya::{Ebpf, programs::Xdp};
use sensor_common::names;
use sensor_lab::{
    frames::{Ipv4, Tcp},
    network::Network,
};
use teiten::kernel::Object;
use tempfile::TempDir;

use crate::{
    Test,
    daemon::{Daemon, attached, run},
    network, program, traffic,
};

pub const TESTS: [Test; 3] = [
    ("a_foreign_program_is_named_and_stays", foreign_program),
    ("a_second_sensor_does_not_disturb_the_first", second_sensor),
    ("an_interface_that_refuses_takes_the_others_along", all_or_none),
];

/// A program of somebody else, pinned so that iproute2 finds it. Dropping it unpins it.
pub struct Foreign {
    mount: TempDir,
    _program: Ebpf,
}

impl Foreign {
    pub fn load() -> Self {
        let mount = TempDir::new().unwrap();
        mount_bpffs(mount.path());
        let mut program = Ebpf::load(Object::embedded().bytes()).unwrap();
        let xdp: &mut Xdp = program.program_mut(names::FLUSH).unwrap().try_into().unwrap();
        xdp.load().unwrap();
        xdp.pin(mount.path().join("foreign")).unwrap();
        Self {
            mount,
            _program: program,
        }
    }

    fn path(&self) -> PathBuf {
        self.mount.path().join("foreign")
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // The folder goes with the mount; what fails here is said by the temporary folder's own removal.
        let _ = fs::remove_file(self.path());
        let _ = Command::new("umount").arg(self.mount.path()).status();
    }
}

fn mount_bpffs(folder: &Path) {
    let finished = program::run(Command::new("mount").args(["-t", "bpf", "bpf"]).arg(folder), "");
    assert!(finished.status.success(), "{}", finished.errors);
}

/// Attaches without a link, as iproute2 does.
pub fn attach(network: &Network, foreign: &Foreign, interface: &str, mode: &str) {
    let path = foreign.path();
    network
        .sensor()
        .ip(&[
            "link",
            "set",
            "dev",
            interface,
            mode,
            "pinned",
            path.to_str().unwrap(),
        ])
        .unwrap();
}

/// A sensor that says nothing but why it ends.
fn try_to_run(network: &Network, arguments: &[&str]) -> program::Finished {
    let common = [
        "run",
        "--no-pin",
        "--watch",
        "198.51.100.0/24",
        "--log-level",
        "error",
        "--listen",
        "127.0.0.1:0",
    ];
    run(network, &[&common, arguments].concat())
}

fn foreign_program() {
    let network = network("foreign");
    let foreign = Foreign::load();
    for held in ["xdpdrv", "xdpgeneric"] {
        attach(&network, &foreign, "rx", held);
        let before = attached(&network);
        assert_eq!(before.len(), 1);
        for mode in ["auto", "native", "generic"] {
            let finished = try_to_run(&network, &["-i", "rx", "--mode", mode]);
            let said = &finished.errors;
            assert_eq!(finished.status.code(), Some(1), "{said}");
            let id = format!("id {}", before[0].id);
            for part in [
                "another XDP program",
                "`rx`",
                "`flush`",
                &id,
                &format!("ip link set dev rx {held} off"),
            ] {
                assert!(said.contains(part), "{held}, {mode}: no {part:?} in {said}");
            }
            assert_eq!(attached(&network), before, "{held}, {mode}");
        }
        network
            .sensor()
            .ip(&["link", "set", "dev", "rx", held, "off"])
            .unwrap();
    }
    // The cure works.
    let daemon = Daemon::start(&network, &["-i", "rx", "--watch", "198.51.100.0/24"]);
    daemon.await_snapshot(|_| true);
}

fn second_sensor() {
    let network = network("second");
    let first = Daemon::start(&network, &["-i", "rx", "--watch", "198.51.100.0/24"]);
    let before = attached(&network);
    for mode in ["auto", "native", "generic"] {
        let finished = try_to_run(&network, &["-i", "rx", "--mode", mode]);
        let said = &finished.errors;
        assert_eq!(finished.status.code(), Some(1), "{said}");
        for part in ["another XDP program", "`rx`", "`teiten`", "another interface"] {
            assert!(said.contains(part), "{mode}: no {part:?} in {said}");
        }
        assert_eq!(attached(&network), before, "{mode}");
    }
    let frame = Ipv4::to([198, 51, 100, 1].into()).frame(Tcp::syn(23));
    traffic::send(&network, &vec![frame; 7]);
    assert_eq!(first.at_rest(7).seen, 7);
}

fn all_or_none() {
    let network = network("all-or-none");
    let foreign = Foreign::load();
    let sensor = network.sensor();
    sensor
        .ip(&[
            "link", "add", "name", "two", "type", "veth", "peer", "name", "far",
        ])
        .unwrap();
    attach(&network, &foreign, "two", "xdpdrv");
    let before = attached(&network);
    for interfaces in [["-i", "rx", "-i", "two"], ["-i", "two", "-i", "rx"]] {
        let finished = try_to_run(&network, &interfaces);
        assert_eq!(finished.status.code(), Some(1), "{}", finished.errors);
        assert!(finished.errors.contains("`two`"), "{}", finished.errors);
        assert_eq!(attached(&network), before);
    }
}
