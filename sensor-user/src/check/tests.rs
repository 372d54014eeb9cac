//! Hosts that this one is not: planted in files, or in what an interface says.

use std::fs;

use tempfile::TempDir;

use super::{files, host, interface, *};
use crate::kernel::hardware::{Hardware, Holder, Offloads};

/// A host as files below a folder.
struct Host {
    folder: TempDir,
}

impl Host {
    /// A host without a fault.
    fn sound() -> Self {
        let host = Self {
            folder: TempDir::new().unwrap(),
        };
        for (path, text) in [
            ("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"),
            ("proc/sys/net/core/bpf_jit_enable", "1\n"),
            ("proc/sys/net/ipv4/ip_forward", "0\n"),
            (
                "proc/meminfo",
                "MemTotal: 4000000 kB\nMemAvailable:    3000000 kB\n",
            ),
            ("sys/kernel/btf/vmlinux", ""),
        ] {
            host.write(path, text);
        }
        host
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.folder.path().join(path)).unwrap();
    }

    fn look(&self) -> Report {
        let places = Places {
            proc: self.folder.path().join("proc"),
            sys: self.folder.path().join("sys"),
        };
        look(&plan(), &places)
    }

    fn finding(&self, check: &str) -> Finding {
        let report = self.look();
        let finding = report.findings.into_iter().find(|finding| finding.check == check);
        finding.unwrap_or_else(|| panic!("no {check}"))
    }
}

fn plan() -> Plan {
    Plan {
        interfaces: Vec::new(),
        mode: ModeChoice::Auto,
        watch: vec!["198.51.100.0/24".parse().unwrap()],
        map_bytes: 22 << 20,
        state_directory: None,
        pins: None,
        config_file: None,
        regions: None,
    }
}

#[test]
fn a_planted_fault_of_the_host_is_found_and_undone_is_gone() {
    type Plant = (&'static str, State, &'static str, fn(&Host));
    let faults: [Plant; 6] = [
        ("kernel", State::Error, "linux-image-amd64", |host| {
            host.write("proc/sys/kernel/osrelease", "5.4.0-100-generic\n");
        }),
        ("realtime", State::Warning, "linux-image-amd64", |host| {
            host.write("sys/kernel/realtime", "1\n");
        }),
        ("btf", State::Warning, "linux-image-amd64", |host| {
            host.remove("sys/kernel/btf/vmlinux");
        }),
        ("jit", State::Warning, "bpf_jit_enable=1", |host| {
            host.write("proc/sys/net/core/bpf_jit_enable", "0\n");
        }),
        ("memory", State::Error, "--flow-slots", |host| {
            host.write("proc/meminfo", "MemAvailable: 10240 kB\n");
        }),
        (
            "forwarding",
            State::Warning,
            "replace blackhole 198.51.100.0/24",
            |host| {
                host.write("proc/sys/net/ipv4/ip_forward", "1\n");
                let route = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
                         eth0 00000000 010200C0 0003 0 0 0 00000000 0 0 0\n";
                host.write("proc/thread-self/net/route", route);
            },
        ),
    ];
    for (check, state, cure, plant) in faults {
        let host = Host::sound();
        assert_eq!(host.finding(check).state, State::Ok, "{check}: before");
        plant(&host);
        let finding = host.finding(check);
        assert_eq!(finding.state, state, "{check}");
        assert!(finding.cure.unwrap().contains(cure), "{check}");
        assert_eq!(host.look().fit, !host.look().errors().any(|_| true), "{check}");
    }
}

#[test]
fn a_blackhole_for_the_prefix_ends_the_warning_and_one_for_a_part_does_not() {
    let host = Host::sound();
    host.write("proc/sys/net/ipv4/ip_forward", "1\n");
    let mask = |length: u32| {
        format!(
            "{:08X}",
            u32::from_be_bytes(u32::to_ne_bytes(!0 << (32 - length)))
        )
    };
    let destination = format!("{:08X}", u32::from_ne_bytes([198, 51, 100, 0]));
    let table = |line: &str, length| {
        let mask = mask(length);
        format!("head\neth0 00000000 010200C0 0003 0 0 0 00000000 0 0 0\n{line} 0 0 0 {mask} 0 0 0\n")
    };
    let blackhole = format!("* {destination} 00000000 0001");
    let unreachable = format!("eth0 {destination} 00000000 0201");
    for line in [&blackhole, &unreachable] {
        host.write("proc/thread-self/net/route", &table(line, 24));
        assert_eq!(host.finding("forwarding").state, State::Ok);
    }
    host.write("proc/thread-self/net/route", &table(&blackhole, 25));
    assert_eq!(host.finding("forwarding").state, State::Warning);
}

/// An interface without a fault, of a driver that says all.
fn sound_interface() -> Hardware {
    Hardware {
        up: true,
        promiscuous: false,
        mtu: 1500,
        driver: Some("ixgbe".to_owned()),
        xdp: None,
        channels: None,
        offloads: Some(Offloads::default()),
        program: None,
    }
}

#[test]
fn a_planted_fault_of_the_interface_is_found() {
    type Plant = (&'static str, ModeChoice, State, &'static str, fn(&mut Hardware));
    let faults: [Plant; 7] = [
        (
            "interface",
            ModeChoice::Auto,
            State::Warning,
            "ip link set dev eth0 up",
            |card| card.up = false,
        ),
        (
            "lro",
            ModeChoice::Auto,
            State::Warning,
            "ethtool -K eth0 lro off",
            |card| {
                card.offloads = Some(Offloads {
                    joins_packets: true,
                    ..Offloads::default()
                });
            },
        ),
        (
            "vlan_stripping",
            ModeChoice::Auto,
            State::Warning,
            "ethtool -K eth0 rxvlan off",
            |card| {
                card.offloads = Some(Offloads {
                    strips_vlan: true,
                    ..Offloads::default()
                });
            },
        ),
        (
            "mtu",
            ModeChoice::Native,
            State::Error,
            "ip link set dev eth0 mtu 3506",
            |card| card.mtu = 9000,
        ),
        (
            "mtu",
            ModeChoice::Auto,
            State::Warning,
            "ip link set dev eth0 mtu 3506",
            |card| card.mtu = 3507,
        ),
        (
            "foreign_program",
            ModeChoice::Auto,
            State::Error,
            "ip link set dev eth0 xdpgeneric off",
            |card| {
                card.program = Some(Holder {
                    id: 7,
                    described: " (`filter`, id 7)".to_owned(),
                    generic: true,
                });
            },
        ),
        (
            "foreign_program",
            ModeChoice::Auto,
            State::Warning,
            "systemctl stop teiten",
            |card| {
                card.program = Some(Holder {
                    id: 7,
                    described: " (`teiten_frags`, id 7)".to_owned(),
                    generic: false,
                });
            },
        ),
    ];
    // A kernel without frames in several buffers.
    let version = Some((5, 10));
    let sound = interface::judge("eth0", ModeChoice::Native, &[], version, &sound_interface());
    assert!(
        sound.iter().all(|finding| finding.state == State::Ok),
        "{sound:?}"
    );
    for (check, mode, state, cure, plant) in faults {
        let mut card = sound_interface();
        plant(&mut card);
        let found = interface::judge("eth0", mode, &[8], version, &card);
        let wrong: Vec<_> = found
            .iter()
            .filter(|finding| finding.state != State::Ok)
            .collect();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert_eq!((wrong[0].check, wrong[0].state), (check, state));
        assert_eq!(wrong[0].cure.as_deref(), Some(cure));
    }
}

#[test]
fn the_sensors_own_pinned_program_is_no_foreign_one() {
    let mut card = sound_interface();
    card.program = Some(Holder {
        id: 8,
        described: " (`teiten`, id 8)".to_owned(),
        generic: false,
    });
    for (own, state) in [(&[7_u32, 8][..], State::Ok), (&[7], State::Warning)] {
        let found = interface::judge("eth0", ModeChoice::Auto, own, Some((6, 1)), &card);
        let about = found.iter().find(|finding| finding.check == "foreign_program");
        assert_eq!(about.map(|finding| finding.state), Some(state), "{own:?}");
    }
}

#[test]
fn figures_are_judged_at_their_edges() {
    for (finding, state) in [
        (files::disk((64 << 20) - 1), State::Error),
        (files::disk(64 << 20), State::Warning),
        (files::disk((1 << 30) - 1), State::Warning),
        (files::disk(1 << 30), State::Ok),
        (files::region_age(Some(0), 365 * 86_400), State::Ok),
        (files::region_age(Some(0), 366 * 86_400), State::Warning),
        (host::clock_of(0, true), State::Error),
        (host::clock_of(1_800_000_000, false), State::Warning),
        (host::clock_of(1_800_000_000, true), State::Ok),
        (host::locked_memory_of(false, 65_536, 65_537), State::Error),
        (host::locked_memory_of(false, 65_536, 65_536), State::Ok),
        (host::locked_memory_of(true, 0, 65_536), State::Ok),
    ] {
        assert_eq!(finding.state, state, "{finding}");
        assert_eq!(finding.cure.is_some(), state != State::Ok, "{finding}");
    }
}
