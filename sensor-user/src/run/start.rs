//! The steps of a start: each may end it, and says why.

use std::{
    fs::DirBuilder,
    net::{SocketAddr, TcpListener},
    os::unix::fs::DirBuilderExt as _,
    time::Instant,
};

use anyhow::Context as _;
use sensor_sketch::{KeyError, SourceKey};

use super::{RunError, random};
use crate::{
    check::{self, Places, Plan},
    config::{Config, SamplesConfig},
    kernel::{
        Attachment, KernelError, LoadOptions, Object, Pins, Sensor, WatchList, counters::possible_cpus,
        memory::MapMemory,
    },
    region::RegionHandle,
};

/// The file of the key of unique sources in the state directory.
const SOURCE_KEY: &str = "source.key";

/// The same that `teiten check` does: warnings are said, an error ends it here.
pub(super) fn look_at_host(plan: &Plan) -> Result<(), RunError> {
    let report = check::look(plan, &Places::default());
    for finding in report.warnings() {
        tracing::warn!(
            check = finding.check,
            subject = finding.subject,
            cure = finding.cure,
            "this host: {}",
            finding.message
        );
    }
    let errors: Vec<String> = report
        .errors()
        .map(|finding| match &finding.cure {
            Some(cure) => format!("{}\n  {cure}", finding.message),
            None => finding.message.clone(),
        })
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(RunError::Unfit(errors.join("\n")))
    }
}

/// The region database; without one every source is unknown, which is said and counted.
pub(super) fn load_regions(config: &Config) -> anyhow::Result<RegionHandle> {
    let begun = Instant::now();
    let Some(sources) = config.region_sources() else {
        tracing::warn!(
            "no region database: every source will be ZZ; install Debian's tor-geoipdb, or set `regions.country`"
        );
        return Ok(RegionHandle::without_database());
    };
    let regions = RegionHandle::load(sources)?;
    let table = regions.table();
    tracing::info!(
        regions = table.info().region_count,
        bytes = table.info().memory_bytes,
        milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        "region database loaded"
    );
    Ok(regions)
}

/// Made before privileges are given up, so that no more than this folder has to stay writable.
pub(super) fn make_folder_of_records(config: &Config) {
    if let Some(records) = &config.records {
        // Where it cannot be made, whoever writes records says so, and tries again.
        let _ = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&records.directory);
    }
}

/// The fleet's key, or this sensor's own; where none can be kept, one that ends with the process.
pub(super) fn load_source_key(config: &Config) -> Result<SourceKey, KeyError> {
    let key = match (&config.source_key, &config.state_directory) {
        (Some(path), _) => SourceKey::load(path)?,
        (None, Some(directory)) => {
            // Where it cannot be made, the key's own error says so.
            let _ = DirBuilder::new().recursive(true).mode(0o700).create(directory);
            SourceKey::load_or_create(&directory.join(SOURCE_KEY))?
        }
        (None, None) => SourceKey::random()?,
    };
    tracing::info!(id = key.id(), "key of unique sources");
    Ok(key)
}

pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|source| RunError::Listen { address, source })
}

pub(super) fn load(
    config: &Config,
    object: &Object,
    watch: &WatchList,
    pins: Option<Pins>,
) -> anyhow::Result<Sensor> {
    let memory = MapMemory::new(
        config.flow_slots,
        config.ring_bytes,
        watch.blocks().len(),
        possible_cpus()?,
    );
    tracing::info!(
        total_bytes = memory.total(),
        each_cpu_bytes = memory.each_cpu,
        possible_cpus = memory.possible_cpus,
        shared_bytes = memory.shared,
        "memory of the maps"
    );
    let options = LoadOptions {
        flow_slots: config.flow_slots,
        ring_bytes: config.ring_bytes,
        verdict: config.verdict(),
        log_level: config.kernel_log,
        seed: random::seed().context("drawing the seed of the flow cache")?,
        host: config.watch_host.then(|| config.own_networks.clone()),
        sampling: config.samples.as_ref().map(SamplesConfig::sampling),
    };
    Ok(match pins {
        Some(pins) => {
            let epoch = random::seed().context("drawing a number for the ledger")?;
            Sensor::load_pinned(object, &options, watch, pins, epoch)?
        }
        None => Sensor::load(object, &options, watch)?,
    })
}

/// Attaches the program to all interfaces, or to none.
pub(super) fn attach(sensor: &mut Sensor, config: &Config) -> Result<Vec<Attachment>, KernelError> {
    let attachments = sensor.attach(&config.interfaces, config.mode)?;
    for attachment in &attachments {
        tracing::info!(
            interface = attachment.interface,
            mode = attachment.mode.name(),
            reason = attachment.reason,
            "attached"
        );
    }
    Ok(attachments)
}
