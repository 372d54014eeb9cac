//! `flush` while packets come on the same CPU: exact with the flag that keeps them off, and not without it.
//!
//! Before Linux 6.10 a test run does not keep softirqs off, so a packet may interrupt `flush`. To have that happen, the
//! sensor's end is polled by a timer of CPU 0, where `flush` runs without pause, while CPU 1 sends.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use sensor_common::Verdict;
use sensor_lab::artefacts;
use serde_json::{Value, json};
use teiten::{
    kernel::{Counters, ModeChoice, Object, RingReader, Sensor},
    pipeline::conservation::Conservation,
};

use super::{Finding, maps::drain, sensor::Plan};
use crate::{link::Pair, load::Load, machine::Machine};

/// The CPU that receives and flushes, and the one that sends.
const FLUSHED: u32 = 0;
const SENDING: u32 = 1;
/// Frames that have the interface polled by the CPU that receives.
const FIRST_FRAMES: u64 = 2000;
/// Frames of a burst: what the queue of the receiving end holds. Between bursts the sending CPU rests, so that in an
/// emulated machine, where it may take the other's time, that one comes to receive.
const BURST: u64 = 256;
const REST: Duration = Duration::from_millis(1);
/// Bursts before it is looked at how many packets came while `flush` ran.
const BURSTS: u32 = 50;
/// How many are wanted, and for how long they are waited for.
const WANTED_BYPASSED: u64 = 1000;
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a race lasts where nothing says how many packets came: without the flag, or where none can come.
const CONTROL_LASTS: Duration = Duration::from_secs(5);
/// How many races may come to nothing, with the flag and without: on a busy host few packets meet `flush` in one.
const RACES: u32 = 4;
const CONTROLS: u32 = 8;
/// Few, so that packets meet the slots that are being emptied.
const FLOW_SLOTS: u32 = 64;

/// The sensor's own program.
pub fn flag(machine: &Machine) -> Result<Finding> {
    let patience = if machine.has(Machine::QUIET_TEST_RUNS) {
        CONTROL_LASTS
    } else {
        PATIENCE
    };
    let is_enough = |race: &Race| race.bypassed > 0 || machine.has(Machine::QUIET_TEST_RUNS);
    let object = Object::embedded();
    let mut race = self::race(machine, &object, patience)?;
    for _ in 1..RACES {
        if race.difference() != 0 || is_enough(&race) {
            break;
        }
        race = self::race(machine, &object, patience)?;
    }
    ensure!(race.difference() == 0, "flush is not exact: {race:?}");
    ensure!(
        is_enough(&race),
        "no packet came while flush ran, so this proved nothing: {race:?}"
    );
    let summary = format!("{} packets met flush, difference 0", race.bypassed);
    Ok(Finding::passed(summary, race.figures()))
}

/// A program that sets no flag: where packets can meet it the law has to find that out, and elsewhere needs no flag.
pub fn no_flag(machine: &Machine) -> Result<Finding> {
    let object = Object::from_file(&artefacts::object("sensor-fault-no-flag.o")?)?;
    let mut race = self::race(machine, &object, CONTROL_LASTS)?;
    if machine.has(Machine::QUIET_TEST_RUNS) {
        ensure!(
            race.difference() == 0,
            "packets come while flush runs, on a kernel that keeps them off: {race:?}"
        );
    } else {
        for _ in 1..CONTROLS {
            if race.difference() != 0 {
                break;
            }
            race = self::race(machine, &object, CONTROL_LASTS)?;
        }
        ensure!(
            race.difference() != 0,
            "the planted fault was not found, so the check above proves nothing: {race:?}"
        );
    }
    let difference = race.difference();
    Ok(Finding::passed(
        format!("difference {difference}"),
        race.figures(),
    ))
}

/// What a race came to. Packets where nothing else is said.
#[derive(Clone, Copy, Debug)]
struct Race {
    observed: u64,
    read: u64,
    lost: u64,
    /// That came while flush ran.
    bypassed: u64,
    /// Observed, and neither read nor lost.
    missing: i64,
    /// Still in the caches after the last flush, as far as the markers know.
    resident: i64,
    /// The worst that a marker showed.
    markers: i64,
    /// How often the CPU was flushed meanwhile.
    rounds: u64,
}

impl Race {
    /// The worst by which the law does not hold: at a marker, or at rest.
    fn difference(&self) -> i64 {
        let differences = [self.missing, self.resident, self.markers];
        differences
            .into_iter()
            .max_by_key(|difference| difference.abs())
            .unwrap_or(0)
    }

    fn figures(&self) -> [(&'static str, Value); 8] {
        [
            ("observed", json!(self.observed)),
            ("read", json!(self.read)),
            ("lost", json!(self.lost)),
            ("bypassed", json!(self.bypassed)),
            ("difference", json!(self.difference())),
            ("missing", json!(self.missing)),
            ("marker_difference", json!(self.markers)),
            ("flushes", json!(self.rounds)),
        ]
    }
}

fn race(machine: &Machine, object: &Object, patience: Duration) -> Result<Race> {
    let pair = Pair::make()?;
    pair.poll_by_timer()?;
    let plan = Plan {
        flow_slots: FLOW_SLOTS,
        ring_bytes: 16 << 20,
        verdict: Verdict::Drop,
        ..Plan::of(object)
    };
    let mut sensor = plan.load()?;
    let counters = sensor.take_counters()?;
    let mut ring = sensor.take_records()?;
    sensor.attach(&[pair.rx.to_owned()], ModeChoice::Native)?;
    let load = Load::new(machine, pair.tx)?;

    let (racing, draining) = (AtomicBool::new(true), AtomicBool::new(true));
    let (rounds, books) = thread::scope(|scope| {
        let drain = scope.spawn(|| drain_while(&draining, &mut ring));
        let flush = scope.spawn(|| flush_while(&racing, &mut sensor));
        let sent = send(&load, &counters, patience);
        racing.store(false, Ordering::Release);
        let rounds = join(flush);
        draining.store(false, Ordering::Release);
        let books = join(drain);
        sent.and(rounds).map(|rounds| (rounds, books))
    })?;
    let mut books = books;
    sensor.detach();
    come_to_rest(&mut sensor, &mut ring, &mut books)?;

    let (report, totals) = (books.report(), counters.read(&[])?);
    let accounted = report.read_packets + totals.losses.lost_packets;
    Ok(Race {
        missing: i64::try_from(totals.observed())? - i64::try_from(accounted)?,
        observed: totals.observed(),
        read: report.read_packets,
        lost: totals.losses.lost_packets,
        bypassed: totals.losses.bypassed_packets,
        resident: report.resident_packets,
        markers: report.difference,
        rounds,
    })
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Sends until enough packets came while `flush` ran.
fn send(load: &Load, counters: &Counters, patience: Duration) -> Result<()> {
    let deadline = Instant::now() + patience;
    load.send(FLUSHED, FIRST_FRAMES)?;
    loop {
        for _ in 0..BURSTS {
            load.send(SENDING, BURST)?;
            thread::sleep(REST);
        }
        let bypassed = counters.read(&[])?.losses.bypassed_packets;
        if bypassed >= WANTED_BYPASSED || Instant::now() > deadline {
            break;
        }
    }
    // The timer still has to find the last ones.
    thread::sleep(Duration::from_millis(200));
    Ok(())
}

fn flush_while(going_on: &AtomicBool, sensor: &mut Sensor) -> Result<u64> {
    let mut rounds = 0;
    while going_on.load(Ordering::Acquire) {
        sensor.flush_cpu(FLUSHED).context("while packets came")?;
        rounds += 1;
    }
    Ok(rounds)
}

fn drain_while(going_on: &AtomicBool, ring: &mut RingReader) -> Conservation {
    let mut books = Conservation::default();
    while going_on.load(Ordering::Acquire) {
        if drain(ring, &mut books) == 0 {
            thread::sleep(Duration::from_micros(200));
        }
    }
    books
}

/// Flushes every CPU until nothing is left, and reads all of it.
fn come_to_rest(sensor: &mut Sensor, ring: &mut RingReader, books: &mut Conservation) -> Result<()> {
    loop {
        drain(ring, books);
        let flushed = sensor.flush()?;
        drain(ring, books);
        ensure!(
            flushed.failed.is_empty(),
            "CPUs were not flushed: {:?}",
            flushed.failed
        );
        if flushed.stayed == 0 && flushed.unproven.is_empty() {
            return Ok(());
        }
    }
}
