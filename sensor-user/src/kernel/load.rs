//! Loading: from the object file to programs in the kernel and maps that are set up, before anything is attached.

use std::{
    os::fd::{AsFd as _, OwnedFd},
    sync::Arc,
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{MapData, MapError, RingBuf},
    programs::Xdp,
};
use ipnet::IpNet;
use sensor_common::{Verdict, names};

use super::{
    Counters, KernelError, Ledger, Object, Pins, RingReader, Sampling, WatchList,
    attach::Link,
    counters::possible_cpus,
    pins::{MapPins, PINNED_MAPS, pinned_entries, verify},
    refusal::{innermost, object_refused, program_refused},
    release, samples,
    settings::{config_bytes, kernel_config, log_level_number, write_own_networks, write_watch_list},
    sys,
};

/// What the loader is told.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Slots of the flow cache for each CPU; a power of two.
    pub flow_slots: u32,
    /// Size of the ring of records in bytes; a power of two, and whole pages.
    pub ring_bytes: u32,
    /// What becomes of observed packets.
    pub verdict: Verdict,
    /// How much the program itself logs.
    pub log_level: log::LevelFilter,
    /// Random: where flows lie in the cache.
    pub seed: u64,
    /// What is watched is a host that does other work as well: its own business, and what comes from these networks,
    /// is not dark.
    pub host: Option<Vec<IpNet>>,
    /// Which packets are sampled; `None`: none.
    pub sampling: Option<Sampling>,
}

impl LoadOptions {
    /// Networks whose packets are not dark.
    pub(super) fn own_networks(&self) -> &[IpNet] {
        self.host.as_deref().unwrap_or_default()
    }
}

/// The loaded programs, their maps and their links: every descriptor that is needed once the daemon runs, and none is
/// opened after that. Dropping it takes a program that is not pinned off every interface.
pub struct Sensor {
    pub(super) ebpf: Ebpf,
    /// What is attached where, so that it can be taken off again.
    pub(super) links: Vec<Link>,
    /// Where maps and links outlive the daemon, if they do.
    pub(super) pins: Option<Pins>,
    ledger: Arc<Ledger>,
    adopted: bool,
    flow_slots: u32,
    ring_bytes: u32,
}

impl Sensor {
    /// Loads the object and writes the watch list, so that the first packet meets a program that is set up. Everything
    /// ends with the process.
    ///
    /// # Errors
    /// The kernel is too old, the privilege is missing, or the kernel refuses the object.
    pub fn load(object: &Object, options: &LoadOptions, watch: &WatchList) -> Result<Self, KernelError> {
        Self::load_into(object, options, watch, None, 0)
    }

    /// The same with maps that outlive the process: those that are pinned already, or new ones, which `epoch`, a random
    /// number, tells from all others. Pinned maps keep their sizes, whatever the options say.
    ///
    /// # Errors
    /// As [`Self::load`], or the pins cannot be made or worked with.
    pub fn load_pinned(
        object: &Object,
        options: &LoadOptions,
        watch: &WatchList,
        pins: Pins,
        epoch: u64,
    ) -> Result<Self, KernelError> {
        Self::load_into(object, options, watch, Some(pins), epoch)
    }

    fn load_into(
        object: &Object,
        options: &LoadOptions,
        watch: &WatchList,
        pins: Option<Pins>,
        epoch: u64,
    ) -> Result<Self, KernelError> {
        release::check()?;
        // Only kernels before 5.11 count maps against this limit; where it cannot be lifted, loading says so.
        if let Err(error) = sys::lift_memlock_limit() {
            tracing::debug!(%error, "the limit on locked memory stays");
        }
        let maps = pins.as_ref().map(Pins::maps).transpose()?;
        let options = with_pinned_sizes(options, maps.as_ref())?;
        let ebpf = load_object(object, &options, watch, maps.as_ref())?;
        verify(&ebpf)?;
        let mut sensor = Self {
            ebpf,
            links: Vec::new(),
            pins,
            ledger: Arc::new(Ledger::private(possible_cpus()?, now())),
            adopted: matches!(maps, Some(MapPins::Found(_))),
            flow_slots: options.flow_slots,
            ring_bytes: options.ring_bytes,
        };
        // The programs hold their maps once loaded, so all are loaded before the first map is taken.
        sensor.load_program(names::PROGRAM)?;
        sensor.load_program(names::FLUSH)?;
        // Only kernels from 5.18 on have frames in several buffers. Where one is asked for, its absence says why.
        if let Err(error) = sensor.load_program(names::PROGRAM_FRAGS) {
            tracing::debug!(%error, "no program for frames in several buffers");
        }
        // New pins are shown when nothing can fail any more.
        if let (Some(pins), Some(maps)) = (&sensor.pins, &maps) {
            sensor.ledger = Arc::new(pins.finish(maps, epoch, now())?);
        }
        Ok(sensor)
    }

    /// What was accounted so far, by this daemon and those before it.
    #[must_use]
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    /// Whether the maps are those of an earlier daemon.
    #[must_use]
    pub fn adopted(&self) -> bool {
        self.adopted
    }

    /// Whether the maps and links outlive this process.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.pins.is_some()
    }

    fn load_program(&mut self, name: &'static str) -> Result<(), KernelError> {
        self.program(name)?
            .load()
            .map_err(|error| program_refused(name, error))
    }

    /// One of the programs.
    pub(super) fn program(&mut self, name: &'static str) -> Result<&mut Xdp, KernelError> {
        self.ebpf
            .program_mut(name)
            .and_then(|program| <&mut Xdp>::try_from(program).ok())
            .ok_or(KernelError::Missing {
                what: "program",
                name,
            })
    }

    /// The reading end of the ring of records. Once.
    ///
    /// # Errors
    /// It was taken before, or it cannot be mapped.
    pub fn take_records(&mut self) -> Result<RingReader, KernelError> {
        let name = names::RECORDS;
        let map = self
            .ebpf
            .take_map(name)
            .ok_or(KernelError::Missing { what: "map", name })?;
        // The library maps it as well, and says so in several sentences.
        let unmapped = |error: MapError| KernelError::Ring(std::io::Error::other(innermost(&error)));
        let ring: RingBuf<MapData> = map.try_into().map_err(unmapped)?;
        let descriptor: OwnedFd = ring.as_fd().try_clone_to_owned().map_err(KernelError::Ring)?;
        let mut ring = RingReader::new(descriptor, self.ring_bytes).map_err(KernelError::Ring)?;
        ring.resume_at(self.ledger.drained().position)
            .map_err(KernelError::Ring)?;
        Ok(ring)
    }

    /// The exact totals. Once.
    ///
    /// # Errors
    /// A map is missing.
    pub fn take_counters(&mut self) -> Result<Counters, KernelError> {
        Counters::take(&mut self.ebpf)
    }

    /// What the program logs. Once; `None` for an object that never does.
    pub fn take_log(&mut self) -> Option<aya_log::EbpfLogger<&'static dyn log::Log>> {
        match aya_log::EbpfLogger::init(&mut self.ebpf) {
            Ok(logger) => Some(logger),
            Err(error) => {
                tracing::debug!(%error, "the program has no log");
                None
            }
        }
    }

    /// Slots of each CPU's flow cache.
    #[must_use]
    pub fn flow_slots(&self) -> u32 {
        self.flow_slots
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The options, with the sizes of maps that are there already: those cannot change while something counts in them.
fn with_pinned_sizes(options: &LoadOptions, maps: Option<&MapPins>) -> Result<LoadOptions, KernelError> {
    let mut options = options.clone();
    let Some(MapPins::Found(folder)) = maps else {
        return Ok(options);
    };
    for (key, name, size) in [
        ("kernel.flow_slots", names::FLOWS, &mut options.flow_slots),
        ("kernel.ring_size", names::RECORDS, &mut options.ring_bytes),
    ] {
        let pinned = pinned_entries(folder, name)?;
        if pinned != *size {
            tracing::warn!(
                key,
                pinned,
                asked = *size,
                "the pinned map keeps its size: `teiten detach` before the start makes a new one, with totals from 0"
            );
            *size = pinned;
        }
    }
    Ok(options)
}

fn load_object(
    object: &Object,
    options: &LoadOptions,
    watch: &WatchList,
    maps: Option<&MapPins>,
) -> Result<Ebpf, KernelError> {
    let config_bytes = config_bytes(&kernel_config(options, watch));
    let log_level = log_level_number(options.log_level);
    let sampling_bytes = samples::config_bytes(options.sampling.as_ref());
    let mut loader = EbpfLoader::new();
    loader
        .override_global(names::CONFIG, config_bytes.as_slice(), true)
        .override_global(names::SAMPLING, sampling_bytes.as_slice(), true)
        .override_global(aya_log::LEVEL, &log_level, false)
        .map_max_entries(names::FLOWS, options.flow_slots)
        .map_max_entries(names::RECORDS, options.ring_bytes)
        .map_max_entries(names::SAMPLES, samples::ring_bytes(options.sampling.as_ref()))
        .map_max_entries(
            names::SAMPLE_SOURCES,
            samples::source_buckets(options.sampling.as_ref()),
        )
        .map_max_entries(names::WATCH_BLOCKS, at_least_one(watch.blocks().len()))
        .map_max_entries(names::WATCH_V6, at_least_one(watch.v6().len()))
        .map_max_entries(names::OWN_NETWORKS, at_least_one(options.own_networks().len()));
    if let Some(maps) = maps {
        for map in PINNED_MAPS {
            loader.map_pin_path(map.name, maps.folder().join(map.name));
        }
    }
    let mut ebpf = loader.load(object.bytes()).map_err(object_refused)?;
    write_watch_list(&mut ebpf, watch)?;
    write_own_networks(&mut ebpf, options.own_networks())?;
    samples::write_ports(&mut ebpf, options.sampling.as_ref())?;
    Ok(ebpf)
}

fn at_least_one(entries: usize) -> u32 {
    u32::try_from(entries.max(1)).unwrap_or(u32::MAX)
}
