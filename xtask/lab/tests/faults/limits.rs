//! Resources that are refused: maps, memory, room in the ring.

use std::{fs, os::unix::process::CommandExt as _, process::Command};

use libtest_mimic::{Completion, Failed};
use sensor_lab::{artefacts, network::LabLock};

use crate::{
    Test,
    place::{ID, Place, assert_said, await_log, await_that},
};

pub const TESTS: [(&str, Test); 3] = [
    (
        "a_map_that_the_kernel_refuses_is_named_and_nothing_is_left",
        map_refused,
    ),
    ("too_little_memory_is_said_and_nothing_is_left", memory_limit),
    ("a_full_ring_loses_detail_and_no_count", full_ring),
];

/// The daemon with a limit that is set between fork and exec.
fn limited(
    place: &Place,
    arguments: &[&str],
    limit: impl Fn() -> std::io::Result<()> + Send + Sync + 'static,
) -> Result<String, Failed> {
    let mut command: Command = place.network.command(&artefacts::daemon()?.to_string_lossy())?;
    command
        .args([
            "run",
            "-i",
            "rx",
            "--watch",
            "198.51.100.0/24",
            "--id",
            ID,
            "--pin-directory",
        ])
        .arg(place.bpf.pins())
        .arg("--config")
        .arg(place.configuration())
        .args(arguments);
    // SAFETY: between fork and exec the closure makes system calls alone.
    unsafe { command.pre_exec(limit) };
    let output = command.output()?;
    assert!(!output.status.success());
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// That no map, no link and no program is left.
fn assert_nothing_left(place: &Place) -> Result<(), Failed> {
    let folder = place.set();
    let folder = folder.parent().unwrap();
    let left: Vec<_> = fs::read_dir(folder)?.collect();
    assert!(left.is_empty(), "{left:?}");
    let daemon = place.start(&place.settings())?;
    daemon.stop()?;
    Ok(())
}

fn map_refused(lock: &LabLock) -> Result<Completion, Failed> {
    /// Enough for what comes before the maps, and not for all of them.
    const DESCRIPTORS: libc::rlim_t = 12;
    let place = Place::make(lock, "map")?;
    let limit = || {
        let limit = libc::rlimit {
            rlim_cur: DESCRIPTORS,
            rlim_max: DESCRIPTORS,
        };
        // SAFETY: the structure outlives the call.
        match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    let said = limited(&place, &[], limit)?;
    assert_said(&said, &["map `", "Too many open files"]);
    assert_nothing_left(&place)?;
    Ok(Completion::Completed)
}

fn memory_limit(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "memory")?;
    // The ring has to be mapped twice, and this much address space does not do.
    let limit = || {
        let limit = libc::rlimit {
            rlim_cur: 96 << 20,
            rlim_max: 96 << 20,
        };
        // SAFETY: the structure outlives the call.
        match unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    let said = limited(&place, &["--ring-size", "64MiB"], limit)?;
    assert_said(
        &said,
        &[
            "ring of records cannot be mapped",
            "Cannot allocate memory",
            "kernel.ring_size",
        ],
    );
    // The maps were whole when the ring could not be mapped: they are pinned, nothing is attached, and the next start
    // adopts them.
    let daemon = place.start(&place.settings())?;
    await_log(&daemon, &["pinned map keeps its size"])?;
    daemon.stop()?;
    Ok(Completion::Completed)
}

fn full_ring(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "full")?;
    let mut settings = place.settings();
    settings.ring_size = Some("4KiB".to_owned());
    settings.flow_slots = Some(1_024);
    let daemon = place.start(&settings)?;
    // Nobody drains meanwhile, and every frame is a flow.
    daemon.pause()?;
    place.send_flows(5_000)?;
    daemon.resume()?;
    let snapshot = await_that("every packet accounted for", || {
        let snapshot = daemon.snapshot(0)?;
        let done = snapshot.seen == 5_000
            && snapshot.conservation.accounts_for_all()
            && snapshot.conservation.resident == 0;
        Ok(done.then_some(snapshot))
    })?;
    assert!(snapshot.conservation.lost_ring > 0, "{snapshot:?}");
    await_log(&daemon, &["the ring of records is full"])?;
    daemon.stop()?;
    Ok(Completion::Completed)
}
