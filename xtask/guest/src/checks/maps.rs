//! Reading what the program wrote: per-CPU arrays, and the ring.

use std::{net::Ipv4Addr, os::fd::AsFd as _};

use anyhow::{Context as _, Result, bail, ensure};
use aya::{EbpfLoader, maps::Map};
use sensor_common::{counters::PORT_COUNT, generator::DARK_V4, names};
use sensor_lab::frames::{Edit as _, Ipv4, Tcp};
use serde_json::json;
use teiten::{
    kernel::{
        Object, RingReader,
        counters::possible_cpus,
        sys::{self, Batch, map_lookup_batch},
        trial::EntryPoint,
    },
    pipeline::{
        conservation::Conservation,
        decode::{Entry, next_entry},
    },
};

use super::{Finding, sensor::Plan};
use crate::machine::Machine;

/// The port that frames are sent to, so that its entry is not the first.
const PORT: u16 = 2323;
/// Numbers in one value of the map of ports.
const PORT_WORDS: usize = 4;
/// The smallest ring: one page.
const SMALL_RING_BYTES: u32 = 4096;
/// Far more flows than the small ring and the small cache hold.
const FLOWS: u32 = 4000;

fn syn_from(source: u32) -> Vec<u8> {
    let header = Ipv4 {
        source: Ipv4Addr::from_bits(source),
        ..Ipv4::to(Ipv4Addr::from_bits(DARK_V4))
    };
    header.frame(Tcp::syn(PORT)).padded()
}

/// Whether the kernel reads a per-CPU array in one call; where it does not, the counters are read one by one, and are
/// as right.
pub fn batch(machine: &Machine) -> Result<Finding> {
    let supported = supports_batches()?;
    ensure!(
        supported == machine.has(Machine::BATCHES),
        "Linux 5.13 brought batches for per-CPU arrays; this kernel says {supported}"
    );
    let object = Object::embedded();
    let mut sensor = Plan::of(&object).load()?;
    let counters = sensor.take_counters()?;
    for (cpu, frames) in [(0, 3), (1, 2)] {
        sys::pin_to_cpu(cpu).with_context(|| format!("no thread can run on CPU {cpu}"))?;
        for _ in 0..frames {
            sensor.try_frame(EntryPoint::Plain, &syn_from(1))?;
        }
    }
    let totals = counters.read(&[])?;
    let counted: Vec<u64> = totals.ports.iter().map(|port| port.syn).collect();
    let expected: Vec<u64> = (0..=u16::MAX)
        .map(|port| if port == PORT { 5 } else { 0 })
        .collect();
    ensure!(counted == expected, "the counters were read wrong");
    let summary = if supported { "one call" } else { "one by one" };
    Ok(Finding::passed(summary, [("supported", json!(supported))]))
}

fn supports_batches() -> Result<bool> {
    let object = Object::embedded();
    let ebpf = EbpfLoader::new()
        .load(object.bytes())
        .context("the maps are not made")?;
    let Some(Map::PerCpuArray(ports)) = ebpf.map(names::PORTS) else {
        bail!("the object has no map {}", names::PORTS);
    };
    let mut values = vec![0; PORT_COUNT * PORT_WORDS * possible_cpus()? as usize];
    let answer = map_lookup_batch(ports.fd().as_fd(), u32::try_from(PORT_COUNT)?, &mut values);
    Ok(answer.context("the batch look-up fails")? == Batch::Read)
}

/// A full ring: what it refuses is counted, and the books close all the same.
pub fn ring(_: &Machine) -> Result<Finding> {
    sys::pin_to_cpu(0).context("no thread can run on CPU 0")?;
    let object = Object::embedded();
    let plan = Plan {
        ring_bytes: SMALL_RING_BYTES,
        flow_slots: 64,
        ..Plan::of(&object)
    };
    let mut sensor = plan.load()?;
    let counters = sensor.take_counters()?;
    let mut ring = sensor.take_records()?;
    for source in 0..FLOWS {
        sensor.try_frame(EntryPoint::Plain, &syn_from(source))?;
    }
    let mut books = Conservation::default();
    let mut stayed = 1;
    while stayed > 0 {
        drain(&mut ring, &mut books);
        stayed = sensor.flush_cpu(0)?;
    }
    drain(&mut ring, &mut books);
    let (report, totals) = (books.report(), counters.read(&[])?);
    ensure!(
        totals.observed() == u64::from(FLOWS),
        "{} packets were counted",
        totals.observed()
    );
    ensure!(
        report.difference == 0,
        "the markers differ by {}",
        report.difference
    );
    ensure!(
        report.read_packets + report.lost_packets == u64::from(FLOWS),
        "{} packets were read and {} lost, of {FLOWS}",
        report.read_packets,
        report.lost_packets
    );
    ensure!(
        report.lost_packets > 0 && report.read_packets > 0,
        "the ring was not filled: {} packets were lost",
        report.lost_packets
    );
    Ok(Finding::passed(
        format!(
            "{} read + {} lost = {FLOWS}",
            report.read_packets, report.lost_packets
        ),
        [
            ("read_packets", json!(report.read_packets)),
            ("lost_packets", json!(report.lost_packets)),
        ],
    ))
}

/// Reads what is in the ring, and takes it into the books.
pub fn drain(ring: &mut RingReader, books: &mut Conservation) -> u64 {
    ring.read(u64::MAX, |mut bytes| {
        while let Some(entry) = next_entry(&mut bytes) {
            match entry {
                Entry::Record(record) => books.record(&record),
                Entry::Marker(marker) => {
                    books.marker(&marker);
                }
            }
        }
    })
}
