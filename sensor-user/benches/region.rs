//! What a region costs: compiling Debian's whole database, and one look-up.
//!
//! `cargo bench -p teiten --bench region [-- --json]`. Every figure is the median of many rounds. Sources
//! are drawn *uniform* (any address of IPv4; any of `2000::/3`) or *by range* (any range, then an address in
//! it: small and crowded ranges count as much as large ones, so this is the hard case). *Hot* is 4,096 sources
//! over and over, *random* 1,048,576: more than the caches hold.

use std::fs;
use std::hint::black_box;
use std::net::Ipv6Addr;
use std::process::ExitCode;
use std::time::Instant;

use sensor_common::{Address, Family};
use serde_json::{Value, json};
use teiten::region::{RegionSources, RegionTable};

const COMPILE_ROUNDS: usize = 11;
/// Look-ups of a round: few enough that most rounds are over before another process gets the CPU.
const BATCH: u32 = 1 << 16;
const BATCHES: usize = 256;
const HOT: u32 = 4_096;
const RANDOM: u32 = 1 << 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("skipped: a benchmark runs by `cargo bench` only");
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(report) if arguments.iter().any(|argument| argument == "--json") => println!("{report:#}"),
        Ok(report) => print(&report),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn measure() -> Result<Value, Box<dyn std::error::Error>> {
    let sources = RegionSources::debian();
    let mut rounds = Vec::new();
    for _ in 0..COMPILE_ROUNDS {
        let started = Instant::now();
        black_box(RegionTable::load(&sources)?);
        rounds.push(started.elapsed().as_secs_f64() * 1e3);
    }
    rounds.sort_by(f64::total_cmp);
    let peak_bytes = peak_bytes();
    let table = RegionTable::load(&sources)?;
    let ranges = Ranges::read(&sources)?;
    let mut numbers = Numbers(1);
    let mut lookups = Vec::new();
    let cases: [(Family, &str, Draw); 4] = [
        (Family::Ipv4, "uniform", |_, numbers| Address::v4(numbers.half())),
        (Family::Ipv4, "by range", Ranges::in_range_v4),
        (Family::Ipv6, "uniform", |_, numbers| global_unicast(numbers)),
        (Family::Ipv6, "by range", Ranges::in_range_v6),
    ];
    for (family, drawn, draw) in cases {
        for (name, count) in [("hot", HOT), ("random", RANDOM)] {
            let addresses: Vec<Address> = (0..count).map(|_| draw(&ranges, &mut numbers)).collect();
            let rounds = nanoseconds(&table, &addresses, family);
            lookups.push(json!({
                "family": family as u8,
                "sources": name,
                "drawn": drawn,
                "nanoseconds": rounds[rounds.len() / 2],
                "nanoseconds_least": rounds[0],
                "nanoseconds_most": rounds[rounds.len() - 1],
            }));
        }
    }
    Ok(json!({
        "database": table.info(),
        "compile_milliseconds": rounds[COMPILE_ROUNDS / 2],
        "compile_milliseconds_least": rounds[0],
        "compile_milliseconds_most": rounds[COMPILE_ROUNDS - 1],
        "peak_resident_bytes": peak_bytes,
        "lookups": lookups,
    }))
}

fn print(report: &Value) {
    let database = &report["database"];
    for file in database["regions"].as_array().into_iter().flatten() {
        println!(
            "{} ranges_v4 {} ranges_v6 {}",
            file["path"], file["ranges_v4"], file["ranges_v6"]
        );
    }
    println!(
        "compile     {:>8.1} ms",
        report["compile_milliseconds"].as_f64().unwrap_or(f64::NAN)
    );
    println!("table       {:>8} bytes", database["memory_bytes"]);
    println!("peak of all {:>8} bytes", report["peak_resident_bytes"]);
    for row in report["lookups"].as_array().into_iter().flatten() {
        println!(
            "IPv{} {:<6} {:<8} {:>6.1} [{:.1}–{:.1}] ns",
            row["family"],
            row["sources"].as_str().unwrap_or_default(),
            row["drawn"].as_str().unwrap_or_default(),
            row["nanoseconds"].as_f64().unwrap_or(f64::NAN),
            row["nanoseconds_least"].as_f64().unwrap_or(f64::NAN),
            row["nanoseconds_most"].as_f64().unwrap_or(f64::NAN),
        );
    }
}

/// One look-up among many, in nanoseconds, by round, in order.
fn nanoseconds(table: &RegionTable, addresses: &[Address], family: Family) -> Vec<f64> {
    let batches = addresses.chunks(BATCH as usize).cycle().take(BATCHES);
    let measured = batches.map(|batch| {
        let repeats = BATCH as usize / batch.len();
        let started = Instant::now();
        let mut sum = 0;
        for _ in 0..repeats {
            for address in batch {
                sum += table.lookup(*address, family).index();
            }
        }
        black_box(sum);
        started.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH)
    });
    let mut measured: Vec<f64> = measured.collect();
    measured.sort_by(f64::total_cmp);
    measured
}

/// The most memory that the process ever had resident (`VmHWM`, proc(5)), if the kernel tells.
fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

type Draw = fn(&Ranges, &mut Numbers) -> Address;

/// The ranges of the text, to draw sources from.
#[derive(Default)]
struct Ranges {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Ranges {
    fn read(sources: &RegionSources) -> Result<Self, Box<dyn std::error::Error>> {
        let mut ranges = Self::default();
        for path in &sources.regions {
            for line in fs::read_to_string(path)?
                .lines()
                .filter(|line| !line.starts_with('#'))
            {
                let (first, rest) = line.split_once(',').ok_or("a line without a comma")?;
                let (last, _) = rest.split_once(',').ok_or("a line with one comma")?;
                if first.contains(':') {
                    let (first, last): (Ipv6Addr, Ipv6Addr) = (first.parse()?, last.parse()?);
                    ranges.v6.push((first.to_bits(), last.to_bits()));
                } else {
                    ranges.v4.push((first.parse()?, last.parse()?));
                }
            }
        }
        Ok(ranges)
    }

    fn in_range_v4(&self, numbers: &mut Numbers) -> Address {
        let (first, last) = self.v4[numbers.below(self.v4.len())];
        // The upper half of the product: an even draw from 0 to the range's length less one.
        let length = u64::from(last - first) + 1;
        let offset = (length * u64::from(numbers.half())) >> 32;
        Address::v4(u32::try_from(u64::from(first) + offset).unwrap_or(last))
    }

    fn in_range_v6(&self, numbers: &mut Numbers) -> Address {
        let (first, last) = self.v6[numbers.below(self.v6.len())];
        Address::v6((first + numbers.wide() % (last - first + 1)).to_be_bytes())
    }
}

fn global_unicast(numbers: &mut Numbers) -> Address {
    Address::v6((1 << 125 | numbers.wide() >> 3).to_be_bytes())
}

/// `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
struct Numbers(u64);

impl Numbers {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.word()) << 64 | u128::from(self.word())
    }

    fn half(&mut self) -> u32 {
        (self.word() >> 32) as u32
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.word() % limit as u64).unwrap_or(0)
    }
}
