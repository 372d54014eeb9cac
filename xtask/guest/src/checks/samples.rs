//! Samples: the program with sampling on, while packets come.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use sensor_common::{
    ToolSet, Transport,
    generator::DARK_V4,
    names,
    sample::{MOST_HEAD_BYTES, Reason},
};
use sensor_lab::frames::{Edit as _, Ethernet, Ipv4, Udp};
use serde_json::json;
use teiten::kernel::{
    Counters, ModeChoice, Object, Samples, Sampling,
    samples::{Limit, SampleTotals, sample},
    sys,
};

use super::{Finding, sensor::Plan, verifier};
use crate::{link::Pair, load, machine::Machine};

/// Of SIP, and sampled whatever chance says.
const SIP: u16 = 5_060;
/// Payloads of every length up to this one: heads end on every octet, and the longest frames are cut.
const LONGEST_PAYLOAD: usize = 520;
/// SYNs, all of which are chosen as well.
const SYNS: u64 = 1_000;
/// Their port, as [`load::send`] has it.
const SYN_PORT: u16 = 23;
/// Samples of each CPU at once; hardly any come to be free later.
const BURST: u32 = 700;
/// How long packets may take to arrive.
const PATIENCE: Duration = Duration::from_secs(20);

/// Every reason to sample there is, the longest heads, and limits that the second flood meets.
fn everything() -> Sampling {
    Sampling {
        head_bytes: u32::try_from(MOST_HEAD_BYTES).unwrap_or(u32::MAX),
        ports: vec![(Transport::Udp, SIP)],
        tools: ToolSet(u16::MAX),
        one_in: 1,
        each_cpu: Limit {
            rate: 1,
            burst: BURST,
        },
        each_source: Limit {
            rate: 1,
            burst: BURST,
        },
        ring_bytes: 1 << 20,
    }
}

/// Whether the verifier takes the program with all of it, and what that costs.
pub fn verifier(_: &Machine) -> Result<Finding> {
    let object = Object::embedded();
    let plan = Plan {
        sampling: Some(everything()),
        ..Plan::of(&object)
    };
    let mut sensor = plan.load()?;
    verifier::counted(
        sensor
            .verified_instructions(names::PROGRAM)
            .map_err(verifier::Refusal::OfProgram),
    )
}

/// Attached, with everything sampled: samples are the frames that were sent, ports are exact, and what was not taken is
/// declared.
pub fn arrive(_: &Machine) -> Result<Finding> {
    // One CPU for all, so that samples lie in the ring in the order in which frames are sent.
    sys::pin_to_cpu(0).context("no thread can run on CPU 0")?;
    let pair = Pair::make()?;
    let (object, sampling) = (Object::embedded(), everything());
    let plan = Plan {
        sampling: Some(sampling.clone()),
        ..Plan::of(&object)
    };
    let mut sensor = plan.load()?;
    let counters = sensor.take_counters()?;
    let mut samples = sensor.take_samples(&sampling)?;
    sensor.attach(&[pair.rx.to_owned()], ModeChoice::Native)?;

    let datagrams = datagrams();
    load::send_each(pair.tx, &datagrams)?;
    let sent = datagrams.len() as u64;
    await_observed(&counters, sent)?;
    let found = read(&mut samples)?;
    compare(&found, &datagrams)?;

    load::send(pair.tx, SYNS)?;
    await_observed(&counters, sent + SYNS)?;
    let flooded = read(&mut samples)?.len() as u64;
    let totals = samples.totals()?;
    sensor.detach();
    check(&counters, &totals, [sent, flooded])?;
    Ok(Finding::passed(
        format!(
            "{sent} whole, then {flooded} of {SYNS}; {} declared lost; ports exact",
            totals.chosen - totals.taken
        ),
        [
            ("datagrams", json!(sent)),
            ("syns", json!(SYNS)),
            ("chosen", json!(totals.chosen)),
            ("taken", json!(totals.taken)),
            ("over_rate", json!(totals.over_rate)),
            ("over_source", json!(totals.over_source)),
            ("over_ring", json!(totals.over_ring)),
        ],
    ))
}

/// To the SIP port, each a payload of another length, whose octets no two lengths have in common.
fn datagrams() -> Vec<Vec<u8>> {
    let ethernet = Ethernet {
        destination: [0xff; 6],
        ..Ethernet::default()
    };
    (0..=LONGEST_PAYLOAD)
        .map(|length| {
            let payload: Vec<u8> = (0..length)
                .map(|place| u8::try_from((place * 31 + length) % 251).unwrap_or_default())
                .collect();
            Ipv4::to(DARK_V4.into())
                .frame_in(&ethernet, Udp::to(SIP, &payload))
                .padded()
        })
        .collect()
}

fn await_observed(counters: &Counters, packets: u64) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let observed = counters.read(&[])?.observed();
        if observed >= packets || Instant::now() > deadline {
            ensure!(
                observed == packets,
                "{observed} of {packets} packets were observed"
            );
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Heads and reasons of what lies in the ring.
fn read(samples: &mut Samples) -> Result<Vec<(Vec<u8>, u32)>> {
    let (mut found, mut unreadable) = (Vec::new(), 0_u32);
    samples.ring.read(u64::MAX, |entry| match sample(entry) {
        Some((head, frame)) => found.push((frame.to_vec(), head.reasons)),
        None => unreadable += 1,
    });
    ensure!(unreadable == 0, "{unreadable} entries of the ring are no samples");
    Ok(found)
}

fn compare(found: &[(Vec<u8>, u32)], sent: &[Vec<u8>]) -> Result<()> {
    ensure!(
        found.len() == sent.len(),
        "{} of {} frames were sampled",
        found.len(),
        sent.len()
    );
    let reasons = Reason::Port as u32 | Reason::Chance as u32;
    for ((head, why), frame) in found.iter().zip(sent) {
        let expected = &frame[..frame.len().min(MOST_HEAD_BYTES)];
        ensure!(
            head == expected,
            "a frame of {} octets has another head of {}",
            frame.len(),
            head.len()
        );
        ensure!(*why == reasons, "reasons {why:#b} instead of {reasons:#b}");
    }
    Ok(())
}

fn check(counters: &Counters, totals: &SampleTotals, [sent, flooded]: [u64; 2]) -> Result<()> {
    let counted = counters.read(&[])?;
    let ports: Vec<(u16, u64)> = (0..=u16::MAX)
        .zip(&counted.ports)
        .map(|(port, count)| (port, count.tcp + count.udp))
        .filter(|(_, packets)| *packets > 0)
        .collect();
    ensure!(
        ports == [(SYN_PORT, SYNS), (SIP, sent)],
        "the ports are not exact: {ports:?}"
    );
    ensure!(
        totals.chosen == sent + SYNS && totals.taken == sent + flooded,
        "{totals:?} of {sent} + {SYNS} packets, of which {sent} + {flooded} were read"
    );
    let lost = totals.over_rate + totals.over_source + totals.over_ring;
    ensure!(
        totals.taken + lost == totals.chosen,
        "the books do not close: {totals:?}"
    );
    ensure!(totals.over_rate > 0, "the limit held nothing back: {totals:?}");
    Ok(())
}
