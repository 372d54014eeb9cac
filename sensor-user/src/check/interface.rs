//! An interface: whether packets reach the program there, and what it costs.

use super::{Finding, Places, host::read};
use crate::kernel::{
    KernelError, ModeChoice,
    attach::interface_index,
    hardware::{Channels, Hardware, XdpFeatures},
    release::parse_release,
};

/// The greatest packet that fits one buffer of a page, with the room that XDP keeps: 4,096 octets without 256 in front,
/// 320 behind and the Ethernet header.
const ONE_BUFFER_MTU: u32 = 3_506;
/// Names of this project's programs begin so.
const OWN_NAME: &str = "(`teiten";

/// Looks at one. `own` are the programs that this sensor pinned.
pub(super) fn look(name: &str, mode: ModeChoice, own: &[u32], places: &Places, findings: &mut Vec<Finding>) {
    let index = match interface_index(name) {
        Ok(index) => index,
        Err(error) => {
            findings.push(Finding::error("interface", error.to_string(), "ip -brief link").of(name));
            return;
        }
    };
    match Hardware::look(index, name) {
        Ok(hardware) => {
            let version = parse_release(&read(&places.proc.join("sys/kernel/osrelease")));
            let found = judge(name, mode, own, version, &hardware);
            findings.extend(found.into_iter().map(|finding| finding.of(name)));
        }
        Err(error) => {
            let said = format!("the kernel says nothing of it: {error}");
            findings.push(Finding::error("interface", said, "ip -details link").of(name));
        }
    }
}

pub(super) fn judge(
    name: &str,
    mode: ModeChoice,
    own: &[u32],
    version: Option<(u32, u32)>,
    hardware: &Hardware,
) -> Vec<Finding> {
    vec![
        link(name, hardware),
        program(name, own, hardware),
        native(name, mode, hardware),
        mtu(name, mode, version, hardware),
        queues(name, hardware.channels),
        vlan(name, hardware),
        large_packets(name, hardware),
        filter(name, hardware),
    ]
}

fn link(name: &str, hardware: &Hardware) -> Finding {
    let driver = hardware.driver.as_deref().unwrap_or("unknown");
    if hardware.up {
        return Finding::ok("interface", format!("it is up; its driver is {driver}"));
    }
    Finding::warning(
        "interface",
        "it is down: no packet arrives",
        format!("ip link set dev {name} up"),
    )
}

fn program(name: &str, own: &[u32], hardware: &Hardware) -> Finding {
    let Some(holder) = &hardware.program else {
        return Finding::ok("foreign_program", "no XDP program holds it");
    };
    let described = &holder.described;
    if own.contains(&holder.id) {
        return Finding::ok(
            "foreign_program",
            format!("this sensor's own program is pinned there{described}: a start replaces it in one step"),
        );
    }
    if described.contains(OWN_NAME) {
        return Finding::warning(
            "foreign_program",
            format!(
                "a sensor's program is attached already{described}: one that runs keeps a second one out"
            ),
            "systemctl stop teiten",
        );
    }
    let mode = if holder.generic { "xdpgeneric" } else { "xdpdrv" };
    Finding::error(
        "foreign_program",
        format!(
            "another XDP program is attached to `{name}`{described}: it is not ours to replace; take it off if it is not \
             needed, or give the sensor another interface"
        ),
        format!("ip link set dev {name} {mode} off"),
    )
}

fn native(name: &str, mode: ModeChoice, hardware: &Hardware) -> Finding {
    const CHECK: &str = "native_xdp";
    if mode == ModeChoice::Generic {
        return Finding::ok(CHECK, "generic mode is asked for, which works everywhere");
    }
    match hardware.xdp {
        None => Finding::ok(
            CHECK,
            "this kernel does not say; Linux 6.3 is the first that does. `run` tries it",
        ),
        Some(features) if features.native() => Finding::ok(CHECK, "the driver supports it"),
        Some(_) => no_native(name, mode, hardware.channels),
    }
}

/// Either the driver has none, or it wants more queues: which of the two the kernel does not say.
fn no_native(name: &str, mode: ModeChoice, channels: Option<Channels>) -> Finding {
    let cause = match channels {
        Some(_) => "Operation not supported: its driver has none, or wants more receive queues for it",
        None => "Operation not supported by its driver",
    };
    let cure = channels
        .and_then(|channels| more_queues(name, channels))
        .unwrap_or_else(|| format!("teiten run --interface {name} --mode generic"));
    if mode == ModeChoice::Auto {
        return Finding::warning(
            "native_xdp",
            format!(
                "native XDP is not possible ({cause}): generic mode will be taken, which costs more a packet"
            ),
            cure,
        );
    }
    let error = KernelError::NoNative {
        interface: name.to_owned(),
        cause: cause.to_owned(),
        cure: "use `--mode generic`, or `--mode auto`, which does so by itself".to_owned(),
    };
    Finding::error("native_xdp", error.to_string(), cure)
}

/// Packets that do not fit one buffer need a driver and a kernel (5.18) that split them.
fn mtu(name: &str, mode: ModeChoice, version: Option<(u32, u32)>, hardware: &Hardware) -> Finding {
    let mtu = hardware.mtu;
    let splits = version.is_none_or(|version| version >= (5, 18))
        && hardware.xdp.is_none_or(XdpFeatures::several_buffers);
    if mtu <= ONE_BUFFER_MTU || splits || mode == ModeChoice::Generic {
        return Finding::ok("mtu", format!("packets of {mtu} octets can be read"));
    }
    let found = format!("packets of {mtu} octets do not fit one buffer, and here native XDP takes no others");
    let cure = format!("ip link set dev {name} mtu {ONE_BUFFER_MTU}");
    match mode {
        ModeChoice::Native => Finding::error("mtu", found, cure),
        _ => Finding::warning("mtu", format!("{found}: generic mode will be taken"), cure),
    }
}

fn queues(name: &str, channels: Option<Channels>) -> Finding {
    let Some(channels) = channels else {
        return Finding::ok("queues", "its driver has none to set");
    };
    let queues = channels.receive + channels.combined;
    match more_queues(name, channels) {
        Some(cure) if queues < cpus() => Finding::warning(
            "queues",
            format!(
                "{queues} receive queues for {} CPUs: the others cannot help in a flood",
                cpus()
            ),
            cure,
        ),
        _ => Finding::ok("queues", format!("{queues} receive queues")),
    }
}

/// The command that gives the interface as many receive queues as there are CPUs, or as many as it can have.
fn more_queues(name: &str, channels: Channels) -> Option<String> {
    let command = |kind, now: u32, most: u32| {
        let wanted = most.min(cpus());
        (wanted > now).then(|| format!("ethtool -L {name} {kind} {wanted}"))
    };
    command("combined", channels.combined, channels.most_combined)
        .or_else(|| command("rx", channels.receive, channels.most_receive))
}

fn cpus() -> u32 {
    std::thread::available_parallelism().map_or(1, |cpus| u32::try_from(cpus.get()).unwrap_or(u32::MAX))
}

fn vlan(name: &str, hardware: &Hardware) -> Finding {
    match hardware.offloads {
        Some(offloads) if offloads.strips_vlan => Finding::warning(
            "vlan_stripping",
            "the card takes VLAN tags off before the program sees them: no packet is lost by that, and no tag is seen",
            format!("ethtool -K {name} rxvlan off"),
        ),
        Some(_) => Finding::ok("vlan_stripping", "VLAN tags stay where they are"),
        None => Finding::ok("vlan_stripping", "its driver says nothing of it"),
    }
}

fn large_packets(name: &str, hardware: &Hardware) -> Finding {
    match hardware.offloads {
        Some(offloads) if offloads.joins_packets => Finding::warning(
            "lro",
            "the card joins packets of one flow (LRO): they would be counted as one, and some drivers refuse native XDP",
            format!("ethtool -K {name} lro off"),
        ),
        _ => Finding::ok("lro", "packets come as they were sent"),
    }
}

/// What is needed cannot be told from here: a routed prefix comes to the card's own address, a mirrored one does not.
fn filter(name: &str, hardware: &Hardware) -> Finding {
    if hardware.promiscuous {
        return Finding::ok(
            "mac_filter",
            "promiscuous: frames to every Ethernet address come in",
        );
    }
    Finding::ok(
        "mac_filter",
        format!(
            "frames to its own Ethernet address come in, which is right for routed prefixes; behind a mirror port it \
             takes `ip link set dev {name} promisc on`"
        ),
    )
}
