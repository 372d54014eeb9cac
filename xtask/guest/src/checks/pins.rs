//! Whether a pinned map and a pinned link outlive the process that made them, and can be taken up by the next.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use aya::{
    Ebpf, EbpfLoader,
    maps::{Map, MapData, PerCpuArray},
    programs::{
        Xdp,
        links::{FdLink, PinnedLink},
        xdp::{XdpLink, XdpMode},
    },
};
use sensor_common::{Outcome, names};
use serde_json::json;
use teiten::kernel::{Object, attach::interface_index};

use super::Finding;
use crate::{link::Pair, load::send, machine::Machine};

const FOLDER: &str = "/sys/fs/bpf/teiten-guest";
const PACKETS: u64 = 500;
const PATIENCE: Duration = Duration::from_secs(10);

/// Loads, pins and lets go; then the same program again, in the place of the first.
pub fn survive(_: &Machine) -> Result<Finding> {
    fs::create_dir_all(FOLDER).context("the BPF file system is not there")?;
    let (map, link) = (path(names::OUTCOMES), path("link"));
    let pair = Pair::make()?;

    let mut first = load(&map)?;
    let program = program(&mut first)?;
    let id = program.attach_to_if_index(interface_index(pair.rx)?, XdpMode::Driver)?;
    let taken: FdLink = program
        .take_link(id)?
        .try_into()
        .context("the kernel attached the program without a link")?;
    taken.pin(&link)?;
    drop(first);

    send(pair.tx, PACKETS)?;
    await_count(&map, PACKETS).context("after the first loader was gone")?;

    let mut second = load(&map)?;
    let pinned = PinnedLink::from_pin(&link).context("the pinned link cannot be opened")?;
    let taken: XdpLink = FdLink::from(pinned).try_into()?;
    self::program(&mut second)?.attach_to_link(taken)?;
    send(pair.tx, PACKETS)?;
    await_count(&map, 2 * PACKETS).context("after the program was replaced")?;

    fs::remove_file(&link).context("the pinned link cannot be removed")?;
    drop(second);
    await_detached(&map, &pair)?;
    fs::remove_file(&map).context("the pinned map cannot be removed")?;
    Ok(Finding::passed("survive", [("packets", json!(2 * PACKETS))]))
}

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// The object with its map of outcomes at this pin: made there, or taken up. Without a watch list it only counts.
fn load(map: &Path) -> Result<Ebpf> {
    let object = Object::embedded();
    let mut ebpf = EbpfLoader::new()
        .map_pin_path(names::OUTCOMES, map)
        .load(object.bytes())
        .context("the object is not loaded")?;
    program(&mut ebpf)?.load().context("the program is refused")?;
    Ok(ebpf)
}

fn program(ebpf: &mut Ebpf) -> Result<&mut Xdp> {
    let program = ebpf
        .program_mut(names::PROGRAM)
        .with_context(|| format!("the object has no program {}", names::PROGRAM))?;
    Ok(program.try_into()?)
}

fn await_count(map: &Path, expected: u64) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let counted = count(map)?;
        if counted >= expected || Instant::now() > deadline {
            ensure!(
                counted == expected,
                "{counted} of {expected} packets were counted"
            );
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sends until nothing is counted any more. The kernel takes its time to let go of a link that nobody holds.
fn await_detached(map: &Path, pair: &Pair) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let before = count(map)?;
        send(pair.tx, PACKETS)?;
        thread::sleep(Duration::from_millis(200));
        if count(map)? == before {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "packets are still counted, though nobody holds the link"
        );
    }
}

/// What the pinned map holds: nothing is watched, so every packet has one outcome.
fn count(map: &Path) -> Result<u64> {
    let data = MapData::from_pin(map).context("the pinned map cannot be opened")?;
    let outcomes: PerCpuArray<_, u64> = Map::from_map_data(data)?.try_into()?;
    let each_cpu = outcomes.get(&(Outcome::NotWatched as u32), 0)?;
    Ok(each_cpu.iter().sum())
}
