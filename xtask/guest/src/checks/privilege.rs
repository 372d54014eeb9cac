//! The daemon as an ordinary user: what it gives up after the start, and that it counts all the same.

use std::{fs, os::unix::fs::PermissionsExt as _};

use anyhow::{Context as _, Result, ensure};
use sensor_lab::{
    artefacts,
    conserve::await_rest,
    daemon::{Daemon, Settings},
    network::{DARK_PREFIX, Lab, Network},
};
use serde_json::json;
use teiten::kernel::sys;

use super::Finding;
use crate::{load, machine::Machine, privilege};

/// The user `nobody`.
const NOBODY: u32 = 65_534;
const PACKETS: u64 = 5_000;
/// Starts a program as that user, with the capabilities of the systemd unit.
const SCRIPT: &str = "/tmp/as-nobody";

/// Starts it, sends, and reads what it may still do.
pub fn dropped(machine: &Machine) -> Result<Finding> {
    // As `LimitMEMLOCK=infinity` does in the unit.
    sys::lift_memlock_limit().context("the limit on locked memory stays")?;
    let capabilities = "-all,+bpf,+net_admin,+perfmon";
    let script = format!(
        "#!/bin/sh\nexec /sbin/setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups --bounding-set={capabilities} \
         --inh-caps={capabilities} --ambient-caps={capabilities} '{}' \"$@\"\n",
        artefacts::daemon()?.display()
    );
    fs::write(SCRIPT, script)
        .and_then(|()| fs::set_permissions(SCRIPT, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("{SCRIPT} cannot be written"))?;
    let lock = Lab::lock()?;
    let network = Network::pair(&lock, "privilege")?;
    let settings = Settings {
        interfaces: vec![network.rx().name.to_owned()],
        watch: vec![DARK_PREFIX.to_owned()],
        flush_interval: Some("1s".to_owned()),
        ..Settings::default()
    };
    let mut daemon = Daemon::start(network.sensor(), SCRIPT.as_ref(), &settings)?;
    let threads = privilege::hold(machine, NOBODY)?;
    network
        .sender()
        .enter(|| load::send(network.tx().name, PACKETS))??;
    await_rest(&mut daemon)?;
    let law = daemon.whole_snapshot()?.conservation;
    ensure!(
        law.observed == PACKETS && law.accounts_for_all() && law.difference == 0,
        "{law:?}"
    );
    privilege::hold(machine, NOBODY)?;
    daemon.stop()?;
    Ok(Finding::passed(
        if machine.has((6, 1)) {
            "none left"
        } else {
            "CAP_BPF left"
        },
        [("threads", json!(threads)), ("packets", json!(PACKETS))],
    ))
}
