//! What a record costs behind the ring: records a second on one core, and where the time goes.
//!
//! `cargo xtask bench drain [--json]`. Records are made up beforehand, as they lie in the ring, and go the way of the
//! drain and of the aggregation in one thread: books of conservation, decoding, region, cells, unique sources, and the rows
//! of the hour for the disk. Profiles
//! are of *flows*: *hot* is 4,096 of them, a few of which are most of the records; *medium* 65,536; *uniform* any source
//! of IPv4, which no cache helps. Each figure is the median of several rounds, in
//! time on the CPU.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "numbers that are made up are cut to what a field holds"
)]

use std::{hint::black_box, process::ExitCode, sync::Arc};

use bytes::Bytes;
use sensor_common::{
    Address, Class, Family, ToolSet,
    record::{FlowKey, FlowKind, RECORD_BYTES, Record},
};
use sensor_sketch::SourceKey;
use serde_json::{Value, json};
use teiten::{
    config::default_watched_ports,
    pipeline::{
        arrival::{Arrival, BATCH},
        conservation::Conservation,
        decode::{Entry, next_entry},
        derive::Aggregator,
        hourly::{Hourly, Limits},
        sources::{DEFAULT_IOT_PORTS, Facts, Sources},
    },
    region::{RegionSources, RegionTable},
};

const RECORDS: usize = 1 << 20;
/// Records of a batch, as the drain hands them on.
const BATCH_BYTES: usize = 64 << 10;
const ROUNDS: usize = 7;
/// A whole hour.
const NOW: i64 = 1_700_006_400;
const MICROS: i64 = NOW * 1_000_000;

const PROFILES: [Profile; 3] = [
    Profile {
        name: "hot",
        flows: Some(4_096),
    },
    Profile {
        name: "medium",
        flows: Some(65_536),
    },
    Profile {
        name: "uniform",
        flows: None,
    },
];

struct Profile {
    name: &'static str,
    flows: Option<u64>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("skipped: a benchmark runs by `cargo bench` only");
        return ExitCode::SUCCESS;
    }
    let regions = match RegionTable::load(&RegionSources::debian()) {
        Ok(regions) => Arc::new(regions),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let rows: Vec<Value> = PROFILES
        .iter()
        .map(|profile| measure(profile, &regions))
        .collect();
    if arguments.iter().any(|argument| argument == "--json") {
        println!(
            "{:#}",
            json!({ "records": RECORDS, "rounds": ROUNDS, "profiles": rows })
        );
    } else {
        rows.iter().for_each(print);
    }
    ExitCode::SUCCESS
}

/// xorshift64* (Vigna, 2016).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        // The high half, which is the better one.
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }
}

/// A flow by its number: always the same source, port and marks.
fn flow(number: u64) -> FlowKey {
    let mut numbers = Numbers(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    numbers.next();
    let source = Address::v4(numbers.next() as u32);
    let popular = [23, 22, 80, 443, 445, 3389, 8080, 2323, 5555, 6379, 37215, 81];
    let port = match numbers.below(100) {
        0..70 => popular[numbers.below(12) as usize],
        _ => numbers.below(1 << 16) as u16,
    };
    let mirai = (port == 23 || port == 2323) && numbers.below(2) == 0;
    let kind = FlowKind {
        port,
        protocol: 6,
        class: Class::Scan,
        tools: if mirai { ToolSet::MIRAI } else { ToolSet::NONE },
        family: Family::Ipv4,
        fragment: false,
    };
    FlowKey {
        source,
        kind: kind.pack(),
    }
}

fn key_of(profile: &Profile, number: usize, numbers: &mut Numbers) -> FlowKey {
    match profile.flows {
        None => flow(1 << 40 | number as u64),
        // The lower of two draws, twice over: a few flows come often.
        Some(flows) => {
            let (a, b, c) = (numbers.below(flows), numbers.below(flows), numbers.below(flows));
            flow(a.min(b).min(c))
        }
    }
}

fn records(profile: &Profile) -> Vec<Record> {
    let mut numbers = Numbers(7);
    (0..RECORDS)
        .map(|number| Record {
            key: key_of(profile, number, &mut numbers),
            packets: 1 + (number % 3) as u32,
            bytes: 40,
            first_jiffies: 0,
            last_jiffies: 0,
            ttl: 64,
            tcp_flags: 2,
            window: 1_024,
            peer_port: 40_000,
            cpu: (number % 2) as u16,
            destinations: 1,
            first_destination: 0,
            peer_ports: 1,
        })
        .collect()
}

/// As they lie in the ring.
fn encode(records: &[Record]) -> Vec<Bytes> {
    let mut bytes = Vec::with_capacity(records.len() * RECORD_BYTES);
    for record in records {
        let small = u64::from(record.ttl) | u64::from(record.tcp_flags) << 8 | u64::from(record.window) << 16;
        let ports = u64::from(record.peer_port) << 32 | u64::from(record.cpu) << 48;
        let words = [
            record.key.source.high,
            record.key.source.low,
            record.key.kind,
            u64::from(record.packets) | u64::from(record.bytes) << 32,
            u64::from(record.first_jiffies) | u64::from(record.last_jiffies) << 32,
            small | ports,
            record.destinations,
            u64::from(record.first_destination) | u64::from(record.peer_ports) << 32,
        ];
        for word in words {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
    }
    let whole = Bytes::from(bytes);
    (0..whole.len())
        .step_by(BATCH_BYTES)
        .map(|at| whole.slice(at..(at + BATCH_BYTES).min(whole.len())))
        .collect()
}

/// Nanoseconds for which this thread was on a CPU (`Documentation/scheduler/sched-stats.rst`): what others take from it
/// meanwhile does not count.
fn on_cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split(' ').next().and_then(|number| number.parse().ok());
    first.unwrap_or(f64::NAN)
}

/// Nanoseconds a record: the median of all rounds. What `setup` makes is not part of the time.
fn time<T>(setup: impl FnMut() -> T, round: impl FnMut(&mut T)) -> f64 {
    rounds(setup, round)[ROUNDS / 2]
}

/// Nanoseconds a record by round, in order.
fn rounds<T>(mut setup: impl FnMut() -> T, mut round: impl FnMut(&mut T)) -> Vec<f64> {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let mut state = setup();
            // The first pass is the beginning of an hour; the second is all the rest of it.
            round(&mut state);
            let begun = on_cpu();
            round(&mut state);
            (on_cpu() - begun) / RECORDS as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds
}

fn decode(batches: &[Bytes], mut each: impl FnMut(&Record)) {
    for batch in batches {
        let mut batch = &batch[..];
        while let Some(entry) = next_entry(&mut batch) {
            if let Entry::Record(record) = entry {
                each(&record);
            }
        }
    }
}

/// As the aggregation reads them.
fn decode_batches(batches: &[Bytes], mut each: impl FnMut(&mut [Arrival])) {
    let mut arrivals = Vec::with_capacity(BATCH);
    decode(batches, |record| {
        arrivals.push(Arrival::new(*record, MICROS, MICROS));
        if arrivals.len() == BATCH {
            each(&mut arrivals);
            arrivals.clear();
        }
    });
    each(&mut arrivals);
}

fn measure(profile: &Profile, regions: &Arc<RegionTable>) -> Value {
    let records = records(profile);
    let batches = encode(&records);
    let mut first = None;
    decode(&batches[..1], |record| {
        first.get_or_insert(*record);
    });
    assert_eq!(
        first.as_ref(),
        records.first(),
        "the records are encoded as the kernel does"
    );
    let key = || SourceKey::new(*b"a benchmark key.");
    let watched = default_watched_ports();
    let with_sources =
        || Aggregator::new(Arc::clone(regions), &watched).with_sources(key(), &DEFAULT_IOT_PORTS);
    let decoding = time(
        || (),
        |()| {
            decode(&batches, |record| {
                black_box(record);
            });
        },
    );
    let books = time(Conservation::default, |books| {
        decode(&batches, |record| books.record(record));
    });
    let lookup = time(
        || (),
        |()| {
            for record in &records {
                black_box(regions.lookup(record.key.source, Family::Ipv4));
            }
        },
    );
    let facts: Vec<Facts> = records
        .iter()
        .map(|record| facts_of(record, regions, &watched))
        .collect();
    let sources = time(
        || Sources::new(key(), &watched, &DEFAULT_IOT_PORTS),
        |sources| facts.iter().for_each(|facts| sources.add(facts, NOW)),
    );
    let mut arrivals = Vec::new();
    let mut aggregator = with_sources();
    decode_batches(&batches, |batch| {
        aggregator.add_all(batch);
        arrivals.push(batch.to_vec());
    });
    let hours = time(
        || Hourly::new(Limits::default()),
        |hourly| arrivals.iter().for_each(|batch| hourly.add_all(batch)),
    );
    let all_rounds = rounds(
        || {
            (
                Conservation::default(),
                with_sources(),
                Hourly::new(Limits::default()),
            )
        },
        |(books, aggregator, hourly)| {
            decode(&batches, |record| books.record(record));
            decode_batches(&batches, |batch| {
                aggregator.add_all(batch);
                hourly.add_all(batch);
            });
        },
    );
    let all = all_rounds[ROUNDS / 2];
    json!({
        "profile": profile.name,
        "records_per_second": 1e9 / all,
        "records_per_second_least": 1e9 / all_rounds[ROUNDS - 1],
        "records_per_second_most": 1e9 / all_rounds[0],
        "nanoseconds": {
            "all": all,
            "decoding, twice": 2.0 * decoding,
            "books of conservation": books - decoding,
            "region": lookup,
            "unique sources": sources,
            "rows of the hour": hours,
            "cells and the rest": all - decoding - books - lookup - sources - hours,
        },
    })
}

fn facts_of(record: &Record, regions: &RegionTable, watched: &[teiten::pipeline::PortName]) -> Facts {
    let kind = FlowKind::unpack(record.key.kind);
    let (port, tools) = kind.map_or((0, ToolSet::NONE), |kind| (kind.port, kind.tools));
    Facts {
        key: record.key,
        region: regions.lookup(record.key.source, Family::Ipv4),
        watched: watched
            .iter()
            .position(|name| name.to_string() == format!("{port}/tcp")),
        syn_to: Some(port),
        tools,
        sure: tools,
    }
}

fn print(row: &Value) {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    println!(
        "{}: {:.2} [{:.2}–{:.2}] million records a second",
        row["profile"].as_str().unwrap_or_default(),
        number(&row["records_per_second"]) / 1e6,
        number(&row["records_per_second_least"]) / 1e6,
        number(&row["records_per_second_most"]) / 1e6
    );
    if let Some(parts) = row["nanoseconds"].as_object() {
        for (name, value) in parts {
            println!("  {:>7.1} ns  {name}", number(value));
        }
    }
}
