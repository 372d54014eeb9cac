//! Interfaces that are deleted, made again, renamed, set down, or taken by somebody else's program.

use std::{fs, process::Command};

use libtest_mimic::{Completion, Failed};
use sensor_lab::{artefacts, daemon::Settings, network::LabLock};

use crate::{
    Test,
    place::{Place, await_log, await_metric, await_that, run},
};

pub const TESTS: [(&str, Test); 4] = [
    (
        "a_deleted_interface_is_missed_and_attached_to_when_it_is_back",
        deleted,
    ),
    ("a_renamed_interface_is_watched_on", renamed),
    ("an_interface_that_flaps_is_watched_on", flapped),
    ("a_foreign_program_is_left_alone_until_it_is_gone", foreign),
];

/// A sensor on a second pair that may be broken.
fn second(place: &Place) -> Result<Settings, Failed> {
    make_second(place)?;
    Ok(Settings {
        interfaces: vec!["rx".to_owned(), "rx2".to_owned()],
        // The watch must not wait for the flush.
        flush_interval: Some("500ms".to_owned()),
        ..place.settings()
    })
}

fn make_second(place: &Place) -> Result<(), Failed> {
    let sensor = place.network.sensor();
    let pair = [
        "link", "add", "name", "tx2", "type", "veth", "peer", "name", "rx2", "netns",
    ];
    place
        .network
        .sender()
        .ip(&[&pair[..], &[sensor.name()]].concat())?;
    sensor.ip(&["link", "set", "dev", "rx2", "up"])?;
    place.network.sender().ip(&["link", "set", "dev", "tx2", "up"])?;
    Ok(())
}

fn deleted(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "deleted")?;
    let settings = second(&place)?;
    let daemon = place.start(&settings)?;
    place.send_from("tx2", 4)?;
    let counted = |expected: u64| {
        await_that("packets of rx2", || {
            Ok((daemon.snapshot(0)?.interfaces["rx2"] == expected).then_some(()))
        })
    };
    counted(4)?;
    place.network.sender().ip(&["link", "delete", "dev", "tx2"])?;
    await_metric(&daemon, "teiten_attached{interface=\"rx2\"}", "0")?;
    await_metric(&daemon, "teiten_attached{interface=\"rx\"}", "1")?;
    await_log(&daemon, &["not attached any more", "rx2", "gone"])?;
    let ready = daemon.readiness()?;
    assert!(!ready.ready && ready.text.contains("rx2"), "{ready:?}");
    make_second(&place)?;
    await_metric(&daemon, "teiten_attached{interface=\"rx2\"}", "1")?;
    await_metric(&daemon, "teiten_attached_again_total{interface=\"rx2\"}", "1")?;
    place.send_from("tx2", 6)?;
    counted(10)?;
    assert!(daemon.readiness()?.ready);
    daemon.stop()?;
    // What the interface counted under both of its numbers is known to the next daemon as well.
    let daemon = place.start(&settings)?;
    assert_eq!(daemon.snapshot(0)?.interfaces["rx2"], 10);
    daemon.stop()?;
    Ok(Completion::Completed)
}

fn renamed(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "renamed")?;
    let daemon = place.start(&second(&place)?)?;
    place
        .network
        .sensor()
        .ip(&["link", "set", "dev", "rx2", "name", "wan0"])?;
    await_log(&daemon, &["renamed", "wan0"])?;
    place.send_from("tx2", 4)?;
    await_that("packets of rx2", || {
        Ok((daemon.snapshot(0)?.interfaces["rx2"] == 4).then_some(()))
    })?;
    await_metric(&daemon, "teiten_attached{interface=\"rx2\"}", "1")?;
    daemon.stop()?;
    Ok(Completion::Completed)
}

fn flapped(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "flapped")?;
    let daemon = place.start(&second(&place)?)?;
    let sensor = place.network.sensor();
    for round in 1..=2 {
        sensor.ip(&["link", "set", "dev", "rx2", "down"])?;
        await_metric(&daemon, "teiten_interface_up{interface=\"rx2\"}", "0")?;
        await_metric(&daemon, "teiten_attached{interface=\"rx2\"}", "1")?;
        sensor.ip(&["link", "set", "dev", "rx2", "up"])?;
        await_metric(&daemon, "teiten_interface_up{interface=\"rx2\"}", "1")?;
        place.send_from("tx2", 3)?;
        await_that("packets of rx2", || {
            Ok((daemon.snapshot(0)?.interfaces["rx2"] == 3 * round).then_some(()))
        })?;
    }
    await_log(&daemon, &["the interface is down"])?;
    daemon.stop()?;
    Ok(Completion::Completed)
}

/// Somebody else's program comes in the moment when the interface is made again; iproute2 attaches it.
fn foreign(lock: &LabLock) -> Result<Completion, Failed> {
    let place = Place::make(lock, "foreign-fault")?;
    let settings = second(&place)?;
    let sensor = place.network.sensor();
    let program = place.bpf.pins().with_file_name("foreign");
    run(Command::new("bpftool")
        .args(["prog", "load"])
        .arg(artefacts::object("generator.o")?)
        .arg(&program)
        .args(["type", "xdp"]))?;
    let program = program.to_string_lossy().into_owned();
    let mut daemon = place.start(&settings)?;
    daemon.pause()?;
    place.network.sender().ip(&["link", "delete", "dev", "tx2"])?;
    make_second(&place)?;
    sensor.ip(&["link", "set", "dev", "rx2", "xdpdrv", "pinned", &program])?;
    daemon.resume()?;
    await_log(&daemon, &["not attached any more", "rx2", "another XDP program"])?;
    await_metric(&daemon, "teiten_attached{interface=\"rx2\"}", "0")?;
    daemon.check_alive()?;
    sensor.ip(&["link", "set", "dev", "rx2", "xdpdrv", "off"])?;
    await_metric(&daemon, "teiten_attached{interface=\"rx2\"}", "1")?;
    await_log(&daemon, &["attached again", "rx2"])?;
    daemon.stop()?;
    fs::remove_file(program)?;
    Ok(Completion::Completed)
}
