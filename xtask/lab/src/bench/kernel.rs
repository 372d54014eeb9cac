//! The program alone: `BPF_PROG_TEST_RUN` of a frame whose flow is in the cache and of one whose flow is not, what the
//! verifier went through, and what the maps take.
//!
//! A test run hands the same frame to the program again and again. So it is the generator that is run: it makes the
//! frame another one and then calls the sensor, or a program that only drops, in its place.

use std::{fmt, path::PathBuf};

use anyhow::{Context as _, Result, anyhow};
use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, Map, MapData, RingBuf},
    programs::{ProgramFd, Xdp},
};
use sensor_common::{
    Verdict,
    config::{KernelConfig, LAYOUT_VERSION},
    generator::DARK_V4,
    names, watch,
};
use serde::Serialize;

use super::{Spread, load_of_others::Watch, measured::Belief};
use crate::{
    daemon::{own_cpu_time, own_map_bytes},
    live::{Call, Generator, PortCounts, online_cpus, pin},
};

/// Frames to a run: their records, should each leave one, fit into the ring.
const FRAMES_A_RUN: u32 = 131_072;
/// Slots of the flow cache and bytes of the ring, as the daemon has them by default.
const FLOW_SLOTS: u32 = 16_384;
const RING_BYTES: u32 = 16 << 20;

/// What is measured.
#[derive(Clone, Debug)]
pub struct KernelOptions {
    /// Measurements of each.
    pub rounds: usize,
    /// The sensor's object file.
    pub sensor: PathBuf,
    /// The generator's object file.
    pub generator: PathBuf,
}

/// What the program costs. Nanoseconds a frame, making the frame included.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelCosts {
    /// A program that drops, with frames of one flow.
    pub bare_ns: Spread,
    /// The sensor, with frames of one flow: it is always in the cache.
    pub hit_ns: Spread,
    /// A program that drops, with frames of any flow.
    pub bare_uniform_ns: Spread,
    /// The sensor, with frames of any flow: it is hardly ever in the cache.
    pub miss_ns: Spread,
    /// `hit − bare`, of the medians.
    pub hit_extra_ns: f64,
    /// `miss − bare`, of the medians.
    pub miss_extra_ns: f64,
    /// The sensor that watches a host at work, with frames of one flow that no socket takes.
    pub host_ns: Spread,
    /// `host − hit`, of the medians: what the look-up of a socket costs.
    pub host_extra_ns: f64,
    /// The sensor's programs.
    pub programs: Vec<ProgramCost>,
    /// Of the sensor's maps on this machine, in bytes, as the kernel accounts for them.
    pub map_bytes: u64,
    /// What others took of the machine meanwhile.
    #[serde(flatten)]
    pub belief: Belief,
}

/// One program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProgramCost {
    /// Its name.
    pub program: &'static str,
    /// Instructions that the verifier went through, of all paths together (Linux 5.16); its limit is a million.
    pub verified_instructions: Option<u32>,
    /// Bytes of the program as the kernel runs it, before it becomes machine code.
    pub translated_bytes: Option<u32>,
}

/// Measures on the first CPU that is online.
///
/// # Errors
/// The kernel refuses an object file, or to run it.
pub fn measure_kernel(options: &KernelOptions) -> Result<KernelCosts> {
    let cpu = *online_cpus()?.first().context("no CPU is online")?;
    pin(cpu)?;
    let others = own_map_bytes()?;
    let mut sensor = load_sensor(options, false)?;
    let programs = [names::PROGRAM, names::PROGRAM_FRAGS, names::FLUSH]
        .map(|name| program_cost(&mut sensor, name))
        .into_iter()
        .collect::<Result<_>>()?;
    let own = own_map_bytes()?.saturating_sub(others);
    let mut host = load_sensor(options, true)?;
    program_cost(&mut host, names::PROGRAM)?;

    let mut generator = Generator::load(&options.generator, PortCounts::Left)?;
    let (bare, counting) = (generator.bare_drop()?, descriptor(&mut sensor, names::PROGRAM)?);
    let looking = descriptor(&mut host, names::PROGRAM)?;
    let mut rings = [take_ring(&mut sensor)?, take_ring(&mut host)?];
    let sides = [
        (Call::Single, &bare),
        (Call::Single, &counting),
        (Call::Uniform, &bare),
        (Call::Uniform, &counting),
        (Call::Single, &looking),
    ];
    let (watch, own_before) = (Watch::start()?, own_cpu_time()?);
    let mut measured = [const { Vec::new() }; 5];
    for round in 0..=options.rounds {
        for (side, (frames, target)) in measured.iter_mut().zip(sides) {
            generator.set_target(target)?;
            let time = generator.call(frames, FRAMES_A_RUN)?;
            for ring in &mut rings {
                while ring.next().is_some() {}
            }
            // The first round finds cold caches: it is not counted.
            if round > 0 {
                side.push(time.as_secs_f64() * 1e9);
            }
        }
    }
    let others = watch.finish(own_cpu_time()?.saturating_sub(own_before))?;
    let [bare_ns, hit_ns, bare_uniform_ns, miss_ns, host_ns] = measured.map(|side| Spread::of(&side));
    Ok(KernelCosts {
        hit_extra_ns: hit_ns.median - bare_ns.median,
        miss_extra_ns: miss_ns.median - bare_uniform_ns.median,
        host_extra_ns: host_ns.median - hit_ns.median,
        bare_ns,
        hit_ns,
        bare_uniform_ns,
        miss_ns,
        host_ns,
        programs,
        map_bytes: own,
        belief: Belief::of(others),
    })
}

fn take_ring(sensor: &mut Ebpf) -> Result<RingBuf<MapData>> {
    let ring = sensor.take_map(names::RECORDS);
    let ring = ring.with_context(|| format!("the sensor has no map {}", names::RECORDS))?;
    Ok(ring.try_into()?)
}

/// Loads the sensor as the daemon does: with its default sizes, and a /24 that is watched, as a host's own if so asked.
fn load_sensor(options: &KernelOptions, watch_host: bool) -> Result<Ebpf> {
    let config = config_bytes(&KernelConfig {
        layout_version: LAYOUT_VERSION,
        verdict: Verdict::Drop as u32,
        flow_mask: FLOW_SLOTS - 1,
        wake_bytes: u64::MAX,
        seed: 0x5eed_5eed_5eed_5eed,
        watch_host: u32::from(watch_host),
        ..KernelConfig::UNSET
    });
    let mut sensor = EbpfLoader::new()
        .override_global(names::CONFIG, config.as_slice(), true)
        .map_max_entries(names::FLOWS, FLOW_SLOTS)
        .map_max_entries(names::RECORDS, RING_BYTES)
        .load_file(&options.sensor)
        .with_context(|| {
            let file = options.sensor.display();
            format!(
                "the sensor {file} cannot be loaded: `cargo xtask build` makes it, and loading it takes root"
            )
        })?;
    let mut index = vec![watch::NONE; watch::INDEX_ENTRIES];
    index[(DARK_V4 >> 16) as usize] = watch::FIRST_BLOCK;
    let mut block: watch::Block = [0; watch::BLOCK_WORDS];
    for host in 0..=u32::from(u8::MAX) {
        let (word, bit) = watch::block_bit(DARK_V4 | host);
        block[word] |= 1 << bit;
    }
    let mut map: Array<_, watch::Index> = map_mut(&mut sensor, names::WATCH_INDEX)?.try_into()?;
    let index: Box<watch::Index> = index
        .try_into()
        .map_err(|_| anyhow!("an index of the watch list has another length than the sensor's"))?;
    map.set(0, *index, 0)?;
    let mut map: Array<_, watch::Block> = map_mut(&mut sensor, names::WATCH_BLOCKS)?.try_into()?;
    map.set(0, block, 0)?;
    Ok(sensor)
}

/// The configuration as the program reads it, little-endian.
fn config_bytes(config: &KernelConfig) -> Vec<u8> {
    let KernelConfig {
        layout_version,
        verdict,
        flow_mask,
        watch_v6,
        wake_bytes,
        seed,
        watch_host,
        own_networks,
    } = *config;
    let words = [layout_version, verdict, flow_mask, watch_v6].map(u32::to_ne_bytes);
    let longs = [wake_bytes, seed].map(u64::to_ne_bytes);
    let behind = [watch_host, own_networks].map(u32::to_ne_bytes);
    [words.as_flattened(), longs.as_flattened(), behind.as_flattened()].concat()
}

fn map_mut<'sensor>(sensor: &'sensor mut Ebpf, name: &str) -> Result<&'sensor mut Map> {
    sensor
        .map_mut(name)
        .with_context(|| format!("the sensor has no map {name}"))
}

fn program<'sensor>(sensor: &'sensor mut Ebpf, name: &str) -> Result<&'sensor mut Xdp> {
    let program = sensor
        .program_mut(name)
        .with_context(|| format!("the sensor has no program {name}"))?;
    Ok(program.try_into()?)
}

fn descriptor(sensor: &mut Ebpf, name: &str) -> Result<ProgramFd> {
    Ok(program(sensor, name)?.fd()?.try_clone()?)
}

/// Loads a program, and asks the kernel about it.
fn program_cost(sensor: &mut Ebpf, name: &'static str) -> Result<ProgramCost> {
    let program = program(sensor, name)?;
    program
        .load()
        .with_context(|| format!("the kernel refuses the program {name}"))?;
    let info = program.info()?;
    Ok(ProgramCost {
        program: name,
        verified_instructions: info.verified_instruction_count(),
        translated_bytes: info.size_translated(),
    })
}

impl fmt::Display for KernelCosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ns a frame, making it included: median [least–greatest]")?;
        for (name, spread) in [
            ("bare drop, one flow", self.bare_ns),
            ("sensor, flow in the cache", self.hit_ns),
            ("bare drop, any flow", self.bare_uniform_ns),
            ("sensor, flow not in the cache", self.miss_ns),
            ("sensor on a host at work", self.host_ns),
        ] {
            let Spread { median, least, most } = spread;
            writeln!(f, "  {name:<30} {median:>6.0} [{least:.0}–{most:.0}]")?;
        }
        writeln!(f, "  {:<30} {:>6.0}", "a hit costs", self.hit_extra_ns)?;
        writeln!(f, "  {:<30} {:>6.0}", "a miss costs", self.miss_extra_ns)?;
        writeln!(
            f,
            "  {:<30} {:>6.0}",
            "looking for a socket costs", self.host_extra_ns
        )?;
        writeln!(f, "programs: instructions verified, bytes")?;
        let number =
            |number: Option<u32>| number.map_or_else(|| "unknown".to_owned(), |number| number.to_string());
        for program in &self.programs {
            writeln!(
                f,
                "  {:<30} {:>8} {:>8}",
                program.program,
                number(program.verified_instructions),
                number(program.translated_bytes)
            )?;
        }
        writeln!(f, "maps: {} KiB on this machine", self.map_bytes / 1024)?;
        write!(f, "{}", self.belief)
    }
}
