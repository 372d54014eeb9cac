//! Files: configuration, region databases, and the directory for what must outlive the daemon.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use nix::{
    sys::statvfs::statvfs,
    unistd::{AccessFlags, access},
};

use super::{Finding, Plan};
use crate::region::{RegionError, RegionSources, RegionTable};

/// A region database older than this misplaces many networks.
const OLD_DATABASE: Duration = Duration::from_hours(24 * 365);
/// Below this the disk is full before anybody sees a warning.
const LITTLE_DISK_BYTES: u64 = 64 << 20;
/// Below this somebody should look.
const SMALL_DISK_BYTES: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
/// Mode bits of everybody but the owner.
const OTHERS: u32 = 0o077;
/// Those of everybody but the owner and the group.
const EVERYBODY: u32 = 0o007;

pub(super) fn look(plan: &Plan, findings: &mut Vec<Finding>) {
    findings.extend(plan.config_file.as_deref().map(configuration));
    findings.extend(plan.regions.as_ref().map(regions));
    if let Some(directory) = &plan.state_directory {
        state_directory(directory, findings);
    }
}

/// It names the dark prefixes, which are the telescope's secret.
fn configuration(path: &Path) -> Finding {
    let shown = path.display().to_string();
    let mode = fs::metadata(path).map_or(0, |about| about.permissions().mode());
    let finding = if mode & EVERYBODY == 0 {
        Finding::ok("configuration", "not everybody on this host can read it")
    } else {
        Finding::warning(
            "configuration",
            "everybody on this host can read which addresses are watched",
            format!("chmod o= {}", quoted(&shown)),
        )
    };
    finding.of(shown)
}

fn regions(sources: &RegionSources) -> Finding {
    const CHECK: &str = "region_database";
    if sources.regions.is_empty() {
        return Finding::warning(
            CHECK,
            "there is none: every source will be ZZ, unknown",
            "apt-get install --no-install-recommends tor-geoipdb",
        );
    }
    let first = sources.regions.first().map(|path| path.display().to_string());
    let finding = match RegionTable::load(sources) {
        Ok(table) => region_age(table.info().built_seconds(), jiff::Timestamp::now().as_second()),
        Err(error) => unreadable_regions(&error),
    };
    finding.of(first.unwrap_or_default())
}

fn unreadable_regions(error: &RegionError) -> Finding {
    Finding::error(
        "region_database",
        error.to_string(),
        "apt-get install --reinstall --no-install-recommends tor-geoipdb",
    )
}

pub(super) fn region_age(built_seconds: Option<u64>, now_seconds: i64) -> Finding {
    let now = u64::try_from(now_seconds).unwrap_or(0);
    let days = now.saturating_sub(built_seconds.unwrap_or(0)) / (24 * 3600);
    if days * 24 * 3600 > OLD_DATABASE.as_secs() {
        return Finding::warning(
            "region_database",
            format!("it was built {days} days ago: networks have moved since"),
            "apt-get update && apt-get install --only-upgrade tor-geoipdb",
        );
    }
    Finding::ok("region_database", format!("it was built {days} days ago"))
}

fn state_directory(path: &Path, findings: &mut Vec<Finding>) {
    let shown = path.display().to_string();
    let name = quoted(&shown);
    let Ok(about) = fs::metadata(path) else {
        let made = Finding::error(
            "state_directory",
            "it is not there: nothing would outlive the daemon",
            format!("install --directory --mode=0700 {name}"),
        );
        findings.push(made.of(shown));
        return;
    };
    let user = nix::unistd::geteuid();
    let finding = if access(path, AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK).is_err() {
        Finding::error(
            "state_directory",
            format!(
                "this process (user {user}) may not write there; user {} may",
                about.uid()
            ),
            format!("chown --recursive {user} {name}"),
        )
    } else if about.permissions().mode() & OTHERS != 0 {
        Finding::warning(
            "state_directory",
            "others on this host can look into it, and sources of packets are personal data",
            format!("chmod go= {name}"),
        )
    } else {
        Finding::ok(
            "state_directory",
            "it can be written, and nobody else looks into it",
        )
    };
    findings.push(finding.of(shown.as_str()));
    let free = statvfs(path).map(|about| about.blocks_available().saturating_mul(about.fragment_size()));
    if let Ok(free) = free {
        findings.push(disk(free).of(shown));
    }
}

pub(super) fn disk(free_bytes: u64) -> Finding {
    let free = free_bytes / MIB;
    let show = "du --human-readable --max-depth=1 --one-file-system /var | sort --human-numeric-sort";
    if free_bytes < LITTLE_DISK_BYTES {
        return Finding::error("disk", format!("{free} MiB are free: nothing can be kept"), show);
    }
    if free_bytes < SMALL_DISK_BYTES {
        return Finding::warning("disk", format!("{free} MiB are free: it will soon be full"), show);
    }
    Finding::ok("disk", format!("{free} MiB are free"))
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}
