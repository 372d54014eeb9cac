//! The kernel and the process: what does not depend on any interface.

use std::{fs, path::Path};

use caps::{CapSet, Capability};
use nix::sys::{
    resource::{Resource, getrlimit},
    statfs::statfs,
};

use super::{Finding, Places, Plan, files::quoted};
use crate::kernel::{
    PinPlace,
    release::{OLDEST_KERNEL, parse_release},
    sys,
};

/// `BPF_FS_MAGIC` of `include/uapi/linux/magic.h`.
const BPF_FS_MAGIC: i64 = 0xcafe_4a11;
/// 2025-01-01: no clock that was ever set is before it.
const EARLIEST_SECONDS: i64 = 1_735_689_600;
/// Memory that the daemon itself takes, with a region database and in a flood.
const DAEMON_BYTES: u64 = 200 << 20;
const MIB: u64 = 1 << 20;

pub(super) fn look(plan: &Plan, places: &Places) -> Vec<Finding> {
    let release = read(&places.proc.join("sys/kernel/osrelease"));
    let version = parse_release(&release);
    let mut findings = vec![
        kernel(&release, version),
        realtime(version, places),
        types(places),
        compiler(places),
        capabilities(),
    ];
    findings.extend(locked_memory(version, plan.map_bytes));
    findings.extend([
        file_system(plan.pins.as_ref()),
        memory(plan.map_bytes, places),
        clock(),
    ]);
    findings
}

/// A file of the kernel as one trimmed line; empty where there is none.
pub(super) fn read(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().to_owned()
}

fn kernel(release: &str, version: Option<(u32, u32)>) -> Finding {
    let (major, minor) = OLDEST_KERNEL;
    match version {
        Some(version) if version < OLDEST_KERNEL => Finding::error(
            "kernel",
            format!("Linux {release} is too old: the program needs {major}.{minor} or later"),
            "apt-get install linux-image-amd64 && systemctl reboot",
        ),
        Some(_) => Finding::ok("kernel", format!("Linux {release}")),
        None => Finding::warning(
            "kernel",
            format!(
                "the release {release:?} has no number: whether it is {major}.{minor} or later cannot be told"
            ),
            "uname --all",
        ),
    }
}

/// Before 6.10 the flush of a `PREEMPT_RT` kernel may be interrupted where its flag does not help.
fn realtime(version: Option<(u32, u32)>, places: &Places) -> Finding {
    if read(&places.sys.join("kernel/realtime")) == "1" && version.is_some_and(|version| version < (6, 10)) {
        return Finding::warning(
            "realtime",
            "this kernel is built with PREEMPT_RT, and older than 6.10: that the flush counts exactly is not proved there",
            "apt-get install linux-image-amd64 && systemctl reboot",
        );
    }
    Finding::ok("realtime", "the flush is exact on this kernel")
}

fn types(places: &Places) -> Finding {
    if places.sys.join("kernel/btf/vmlinux").exists() {
        return Finding::ok("btf", "the kernel describes its types");
    }
    Finding::warning(
        "btf",
        "the kernel does not describe its types (CONFIG_DEBUG_INFO_BTF): maps cannot be shown with theirs",
        "apt-get install linux-image-amd64 && systemctl reboot",
    )
}

fn compiler(places: &Places) -> Finding {
    // Kernels that always compile have no switch, or do not show it.
    if read(&places.proc.join("sys/net/core/bpf_jit_enable")) == "0" {
        return Finding::warning(
            "jit",
            "the kernel interprets BPF programs instead of compiling them: a packet costs several times as much",
            "sysctl -w net.core.bpf_jit_enable=1",
        );
    }
    Finding::ok("jit", "BPF programs are compiled")
}

fn capabilities() -> Finding {
    let has = |capability| caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false);
    let all = has(Capability::CAP_SYS_ADMIN);
    let missing: Vec<String> = [
        (Capability::CAP_BPF, all),
        (Capability::CAP_NET_ADMIN, false),
        (Capability::CAP_PERFMON, all),
    ]
    .into_iter()
    .filter(|(capability, included)| !included && !has(*capability))
    .map(|(capability, _)| capability.to_string())
    .collect();
    if missing.is_empty() {
        return Finding::ok("capabilities", "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are there");
    }
    let program = std::env::current_exe().map_or_else(|_| "teiten".into(), |path| path.display().to_string());
    Finding::error(
        "capabilities",
        format!(
            "this process lacks {}: run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, as the systemd unit does",
            missing.join(", ")
        ),
        format!("setcap cap_bpf,cap_net_admin,cap_perfmon=ep '{program}'"),
    )
}

/// Kernels before 5.11 hold maps against the limit on locked memory.
fn locked_memory(version: Option<(u32, u32)>, map_bytes: u64) -> Option<Finding> {
    if version.is_none_or(|version| version >= (5, 11)) {
        return None;
    }
    let may_raise = caps::has_cap(None, CapSet::Effective, Capability::CAP_SYS_RESOURCE).unwrap_or(false);
    let (_, most) = getrlimit(Resource::RLIMIT_MEMLOCK).unwrap_or((0, 0));
    Some(locked_memory_of(may_raise, most, map_bytes))
}

pub(super) fn locked_memory_of(may_raise: bool, most: u64, map_bytes: u64) -> Finding {
    if may_raise || most >= map_bytes {
        return Finding::ok("memlock", "the maps may be locked in memory");
    }
    Finding::error(
        "memlock",
        format!(
            "this kernel holds maps against the limit on locked memory, which is {most} bytes, and they take {map_bytes}"
        ),
        format!(
            "prlimit --memlock=unlimited:unlimited --pid {}",
            std::os::unix::process::parent_id()
        ),
    )
}

/// Whether there is a place for pins.
fn file_system(pins: Option<&PinPlace>) -> Finding {
    let Some(place) = pins else {
        return Finding::ok("bpffs", "nothing is to be pinned");
    };
    // The sensor makes its folder; what is above is the operator's to mount.
    let path = match place.directory.parent() {
        Some(above) if !place.directory.exists() => above,
        _ => &place.directory,
    };
    let kind = statfs(path).map(|about| about.filesystem_type().0);
    #[expect(
        clippy::useless_conversion,
        reason = "the number has another width on other machines"
    )]
    if kind.is_ok_and(|kind| i64::from(kind) == BPF_FS_MAGIC) {
        return Finding::ok("bpffs", "the BPF file system is mounted").of(path.display().to_string());
    }
    let path = path.display().to_string();
    Finding::error(
        "bpffs",
        "no BPF file system is mounted, so nothing can be pinned that would go on counting without the daemon: mount \
         one, or run with `--no-pin`",
        format!("mkdir -p {0} && mount -t bpf bpf {0}", quoted(&path)),
    )
    .of(path)
}

fn memory(map_bytes: u64, places: &Places) -> Finding {
    let table = read(&places.proc.join("meminfo"));
    let available = table
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|figure| figure.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .map(|kibibytes| kibibytes * 1024);
    let Some(available) = available else {
        return Finding::warning("memory", "how much memory is free cannot be told", "free --mebi");
    };
    let (maps, free) = (map_bytes / MIB, available / MIB);
    if map_bytes > available {
        return Finding::error(
            "memory",
            format!(
                "the maps take {maps} MiB (for every CPU that this machine could have), and {free} MiB are free: take \
                 fewer slots and a smaller ring"
            ),
            "teiten run --flow-slots 4096 --ring-size 4MiB",
        );
    }
    if map_bytes + DAEMON_BYTES > available {
        return Finding::warning(
            "memory",
            format!(
                "the maps take {maps} MiB and the daemon up to {} MiB; {free} MiB are free",
                DAEMON_BYTES / MIB
            ),
            "teiten run --flow-slots 4096 --ring-size 4MiB",
        );
    }
    Finding::ok("memory", format!("the maps take {maps} MiB, {free} MiB are free"))
}

fn clock() -> Finding {
    clock_of(
        jiff::Timestamp::now().as_second(),
        sys::clock_is_synchronised().unwrap_or(false),
    )
}

pub(super) fn clock_of(now_seconds: i64, synchronised: bool) -> Finding {
    if now_seconds < EARLIEST_SECONDS {
        return Finding::error(
            "clock",
            "the clock was never set: everything would be counted under a date that is long past",
            "timedatectl set-ntp true",
        );
    }
    if !synchronised {
        return Finding::warning(
            "clock",
            "nothing keeps the clock right: counts of several sensors will not fit together",
            "apt-get install systemd-timesyncd && timedatectl set-ntp true",
        );
    }
    Finding::ok("clock", "it is kept right")
}
