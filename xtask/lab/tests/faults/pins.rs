//! Pins: found, refused, damaged, of another version, and taken off.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use libtest_mimic::{Completion, Failed};
use sensor_lab::network::LabLock;
use serde_json::Value;

use crate::{
    Test,
    place::{ID, Place, assert_said, await_that, layout, run},
};

pub const TESTS: [(&str, Test); 6] = [
    (
        "a_second_daemon_is_refused_and_told_the_process_of_the_first",
        two_at_once,
    ),
    ("damaged_pins_are_refused_with_two_ways_out", damaged),
    (
        "pins_of_another_version_are_refused_with_a_way_out",
        other_version,
    ),
    (
        "status_and_detach_say_what_there_is_and_leave_nothing",
        status_and_detach,
    ),
    ("pins_are_for_their_owner_alone_and_need_a_bpf_file_system", owner),
    ("a_totals_series_goes_on_over_a_restart", totals_go_on),
];

fn two_at_once(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "two")?;
    let settings = place.settings();
    let first = place.start(&settings)?;
    let said = place.refused(&settings)?;
    assert_said(
        &said,
        &[
            "runs already",
            &format!("process {}", first.id()),
            "stop it first",
        ],
    );
    let output = place.teiten(&["detach"])?;
    assert!(!output.status.success());
    assert_said(
        &String::from_utf8_lossy(&output.stderr),
        &[&format!("process {}", first.id())],
    );
    // The first was not disturbed.
    place.send(7)?;
    await_that("seven packets", || {
        Ok((first.snapshot(0)?.seen == 7).then_some(()))
    })?;
    first.stop()?;
    Ok(Completion::Completed)
}

fn damaged(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "damaged")?;
    let settings = place.settings();
    place.start(&settings)?.stop()?;
    let set = place.set();
    for name in ["PORTS", "STATE", "LEDGER"] {
        fs::remove_file(set.join(name))?;
        if name == "STATE" {
            // Another map in its place.
            run(Command::new("bpftool")
                .args(["map", "pin", "pinned"])
                .args([set.join("OUTCOMES"), set.join(name)]))?;
        }
        let said = place.refused(&settings)?;
        assert_said(&said, &["damaged", name, "teiten detach", "--discard-pins"]);
        let status = place.teiten(&["status"])?;
        assert_said(
            &String::from_utf8_lossy(&status.stdout),
            &["cannot be adopted", name],
        );
        // The way out works, and the damaged maps' totals are gone.
        let mut anew = settings.clone();
        anew.discard_pins = true;
        let daemon = place.start(&anew)?;
        assert_said(&daemon.log(), &["pins are discarded", name]);
        assert_eq!(daemon.snapshot(0)?.seen, 0);
        daemon.stop()?;
    }
    fs::remove_file(set.join("CLASSES"))?;
    assert!(place.teiten(&["detach"])?.status.success());
    assert!(!set.exists());
    place.start(&settings)?.stop()?;
    Ok(Completion::Completed)
}

fn other_version(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "version")?;
    let settings = place.settings();
    place.start(&settings)?.stop()?;
    let other = place.set().with_file_name("v4294967295");
    fs::rename(place.set(), &other)?;
    let said = place.refused(&settings)?;
    assert_said(&said, &["layout v4294967295", "teiten detach", "--discard-pins"]);
    assert!(other.exists(), "what is not ours to adopt is left alone");
    assert!(place.teiten(&["detach"])?.status.success());
    place.start(&settings)?.stop()?;
    Ok(Completion::Completed)
}

fn status(place: &Place) -> Result<Value, Failed> {
    let output = place.teiten(&["status", "--json"])?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn status_and_detach(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "status")?;
    let found = status(&place)?;
    assert_eq!(
        (&found["running"], &found["sets"]),
        (&Value::Bool(false), &Value::Array(vec![]))
    );
    let daemon = place.start(&place.settings())?;
    place.send(5)?;
    await_that("five packets", || {
        Ok((daemon.snapshot(0)?.seen == 5).then_some(()))
    })?;
    let found = status(&place)?;
    assert_eq!(
        (&found["running"], &found["sensor"]),
        (&Value::Bool(true), &ID.into())
    );
    assert_eq!(found["process"], daemon.id());
    daemon.stop()?;
    // The kernel counts on without a daemon.
    place.send(3)?;
    let found = await_that("eight packets", || {
        let found = status(&place)?;
        Ok((found["sets"][0]["seen"] == 8).then_some(found))
    })?;
    assert_eq!(
        (&found["running"], &found["process"]),
        (&Value::Bool(false), &Value::Null)
    );
    let set = &found["sets"][0];
    assert_eq!(
        (&set["layout"], &set["obstacle"]),
        (&layout().into(), &Value::Null)
    );
    let link = &set["links"][0];
    assert_eq!(
        (&link["interface"], &link["mode"], &link["attached"]),
        (&"rx".into(), &"native".into(), &Value::Bool(true))
    );
    let output = place.teiten(&["detach"])?;
    assert!(output.status.success());
    assert_said(
        &String::from_utf8_lossy(&output.stdout),
        &["taken off rx", "end at 8 packets"],
    );
    await_that("no program on rx", || {
        let shown = run(place.network.command("ip")?.args(["link", "show", "dev", "rx"]))?;
        Ok((!shown.contains("xdp")).then_some(()))
    })?;
    assert_eq!(fs::read_dir(place.bpf.pins())?.count(), 0, "nothing stays");
    assert_said(
        &String::from_utf8_lossy(&place.teiten(&["detach"])?.stdout),
        &["nothing was pinned"],
    );
    Ok(Completion::Completed)
}

fn owner(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "owner")?;
    place.start(&place.settings())?.stop()?;
    for folder in place.set().ancestors().take(3) {
        let mode = fs::metadata(folder)?.permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", folder.display());
    }
    let elsewhere = tempfile::tempdir()?;
    let mut settings = place.settings();
    settings.pin_directory = Some(elsewhere.path().join("pins"));
    let said = place.refused(&settings)?;
    assert_said(
        &said,
        &["no BPF file system", "mount -t bpf", "kernel.pin = false"],
    );
    Ok(Completion::Completed)
}

fn totals_go_on(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "totals")?;
    let settings = place.settings();
    for (round, frames) in [10, 20, 30].into_iter().enumerate() {
        let daemon = place.start(&settings)?;
        place.send(frames)?;
        let seen = [10, 30, 60][round];
        let snapshot = await_that("every packet derived", || {
            let snapshot = daemon.snapshot(0)?;
            let law = &snapshot.conservation;
            Ok((law.derived == frames as u64 && snapshot.seen == seen).then_some(snapshot))
        })?;
        let law = &snapshot.conservation;
        assert_eq!((law.derived_earlier, law.drained), (seen - frames as u64, seen));
        assert_eq!((law.lost_crash, law.difference), (0, 0));
        assert_eq!(snapshot.interfaces["rx"], seen);
        assert_eq!(snapshot.outcomes["observed_tcp"], seen);
        daemon.stop()?;
    }
    Ok(Completion::Completed)
}
