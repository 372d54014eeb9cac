//! Loading: from the object file to programs in the kernel and maps that are set up, before anything is attached.

use std::{
    fs,
    os::fd::{AsFd as _, OwnedFd},
    path::PathBuf,
    sync::Arc,
};

use aya::{
    Ebpf, EbpfError, EbpfLoader,
    maps::{Array, LpmTrie, MapData, MapError, RingBuf, lpm_trie::Key},
    programs::{ProgramError, Xdp},
};
use ipnet::IpNet;
use sensor_common::{
    Address, Verdict,
    config::{KernelConfig, LAYOUT_VERSION},
    names, watch,
};

use super::{
    Counters, KernelError, Ledger, Object, Pins, RingReader, Sampling, WatchList,
    attach::{Link, innermost},
    counters::possible_cpus,
    pins::{MapPins, PINNED_MAPS, pinned_entries, verify},
    samples, sys,
};

/// The oldest kernel that has all that the program needs.
pub const OLDEST_KERNEL: (u32, u32) = (5, 10);

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
        check_kernel_release()?;
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
    let mut ebpf = loader.load(object.bytes()).map_err(refused)?;
    write_watch_list(&mut ebpf, watch)?;
    write_own_networks(&mut ebpf, options.own_networks())?;
    samples::write_ports(&mut ebpf, options.sampling.as_ref())?;
    Ok(ebpf)
}

fn at_least_one(entries: usize) -> u32 {
    u32::try_from(entries.max(1)).unwrap_or(u32::MAX)
}

fn kernel_config(options: &LoadOptions, watch: &WatchList) -> KernelConfig {
    KernelConfig {
        layout_version: LAYOUT_VERSION,
        verdict: options.verdict as u32,
        flow_mask: options.flow_slots - 1,
        watch_v6: u32::from(!watch.v6().is_empty()),
        wake_bytes: u64::from(options.ring_bytes) / 4,
        seed: options.seed,
        watch_host: u32::from(options.host.is_some()),
        own_networks: u32::from(!options.own_networks().is_empty()),
    }
}

impl LoadOptions {
    fn own_networks(&self) -> &[IpNet] {
        self.host.as_deref().unwrap_or_default()
    }
}

/// The configuration as the bytes of the global, field by field in the order of the `repr(C)` structure.
fn config_bytes(config: &KernelConfig) -> [u8; size_of::<KernelConfig>()] {
    let mut bytes = [0; size_of::<KernelConfig>()];
    let fields = [
        config.layout_version,
        config.verdict,
        config.flow_mask,
        config.watch_v6,
    ];
    let wide = [config.wake_bytes, config.seed];
    let behind = [config.watch_host, config.own_networks];
    let octets = fields
        .iter()
        .flat_map(|field| field.to_ne_bytes())
        .chain(wide.iter().flat_map(|field| field.to_ne_bytes()))
        .chain(behind.iter().flat_map(|field| field.to_ne_bytes()));
    for (place, octet) in bytes.iter_mut().zip(octets) {
        *place = octet;
    }
    bytes
}

/// The level as `aya-log-ebpf` numbers it.
fn log_level_number(level: log::LevelFilter) -> u8 {
    match level {
        log::LevelFilter::Off => 0,
        log::LevelFilter::Error => 1,
        log::LevelFilter::Warn => 2,
        log::LevelFilter::Info => 3,
        log::LevelFilter::Debug => 4,
        log::LevelFilter::Trace => 5,
    }
}

fn write_watch_list(ebpf: &mut Ebpf, list: &WatchList) -> Result<(), KernelError> {
    let name = names::WATCH_INDEX;
    let map = ebpf
        .map_mut(name)
        .ok_or(KernelError::Missing { what: "map", name })?;
    let mut index: Array<_, watch::Index> = map.try_into().map_err(KernelError::map(name))?;
    index.set(0, list.index(), 0).map_err(KernelError::map(name))?;

    let name = names::WATCH_BLOCKS;
    let map = ebpf
        .map_mut(name)
        .ok_or(KernelError::Missing { what: "map", name })?;
    let mut blocks: Array<_, watch::Block> = map.try_into().map_err(KernelError::map(name))?;
    for (place, block) in (0..).zip(list.blocks()) {
        blocks.set(place, **block, 0).map_err(KernelError::map(name))?;
    }

    let name = names::WATCH_V6;
    let map = ebpf
        .map_mut(name)
        .ok_or(KernelError::Missing { what: "map", name })?;
    let mut prefixes: LpmTrie<_, [u8; 16], u8> = map.try_into().map_err(KernelError::map(name))?;
    for prefix in list.v6() {
        let key = Key::new(prefix.prefix_len().into(), prefix.network().octets());
        prefixes.insert(&key, 1, 0).map_err(KernelError::map(name))?;
    }
    Ok(())
}

/// IPv4 prefixes in their mapped form, behind the 96 bits in front of every such address.
fn write_own_networks(ebpf: &mut Ebpf, networks: &[IpNet]) -> Result<(), KernelError> {
    if networks.is_empty() {
        return Ok(());
    }
    let name = names::OWN_NETWORKS;
    let map = ebpf
        .map_mut(name)
        .ok_or(KernelError::Missing { what: "map", name })?;
    let mut prefixes: LpmTrie<_, [u8; 16], u8> = map.try_into().map_err(KernelError::map(name))?;
    for network in networks {
        let address = Address::from(network.network());
        let octets = (u128::from(address.high) << 64 | u128::from(address.low)).to_be_bytes();
        let in_front = if network.addr().is_ipv4() { 96 } else { 0 };
        let key = Key::new(in_front + u32::from(network.prefix_len()), octets);
        prefixes.insert(&key, 1, 0).map_err(KernelError::map(name))?;
    }
    Ok(())
}

fn refused(error: EbpfError) -> KernelError {
    match error {
        EbpfError::MapError(MapError::CreateError { name, io_error }) => {
            if io_error.kind() == std::io::ErrorKind::PermissionDenied {
                KernelError::Privilege(format!("map `{name}`: {io_error}"))
            } else {
                KernelError::MapRefused {
                    name,
                    source: io_error,
                }
            }
        }
        error => KernelError::Load(error),
    }
}

/// The verifier's log is thousands of lines long: its end says what is wrong, the rest goes to the debug log.
fn program_refused(name: &'static str, error: ProgramError) -> KernelError {
    const LAST_LINES: usize = 8;
    let ProgramError::LoadError {
        io_error,
        verifier_log,
    } = &error
    else {
        return KernelError::Program {
            name,
            source: Box::new(error),
        };
    };
    let log = verifier_log.to_string();
    if io_error.kind() == std::io::ErrorKind::PermissionDenied {
        if log.is_empty() {
            return KernelError::Privilege(format!("program `{name}`: {io_error}"));
        }
        // Without it the verifier holds the program to the rules for unprivileged ones, whatever its log says.
        if !sys::has_performance_monitoring() {
            let text =
                format!("program `{name}`: {io_error}, as without CAP_PERFMON the verifier is stricter");
            return KernelError::Privilege(text);
        }
    }
    tracing::debug!(name, log, "the verifier's whole log");
    let lines: Vec<&str> = log.lines().collect();
    KernelError::Refused {
        name,
        cause: io_error.to_string(),
        log: lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"),
    }
}

fn check_kernel_release() -> Result<(), KernelError> {
    let path = PathBuf::from("/proc/sys/kernel/osrelease");
    let release = fs::read_to_string(&path).map_err(|source| KernelError::System { path, source })?;
    let release = release.trim();
    if parse_release(release).is_some_and(|version| version < OLDEST_KERNEL) {
        return Err(KernelError::KernelTooOld {
            found: release.to_owned(),
        });
    }
    Ok(())
}

/// Major and minor version of the running kernel; `None` where it does not say.
#[must_use]
pub fn kernel_release() -> Option<(u32, u32)> {
    parse_release(fs::read_to_string("/proc/sys/kernel/osrelease").ok()?.trim())
}

/// Major and minor version of a kernel release such as `6.1.0-18-amd64`; `None` where it has no such form.
#[must_use]
pub fn parse_release(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_number() {
        for (release, expected) in [
            ("5.10.0-28-amd64", Some((5, 10))),
            ("6.18.44", Some((6, 18))),
            ("5.9.16", Some((5, 9))),
            ("7.3-rc1", Some((7, 3))),
            ("linux", None),
        ] {
            assert_eq!(parse_release(release), expected, "{release}");
        }
        assert!((5, 9) < OLDEST_KERNEL && (5, 10) >= OLDEST_KERNEL && (6, 1) > OLDEST_KERNEL);
    }

    #[test]
    fn a_refused_map_says_whether_privilege_or_memory_is_missing() {
        for (errno, parts) in [
            (libc::EPERM, ["`RECORDS`", "Operation not permitted", "CAP_BPF"]),
            (
                libc::ENOMEM,
                [
                    "`RECORDS`",
                    "Cannot allocate memory",
                    "smaller `kernel.ring_size`",
                ],
            ),
            (
                libc::E2BIG,
                [
                    "`RECORDS`",
                    "Argument list too long",
                    "smaller `kernel.flow_slots`",
                ],
            ),
        ] {
            let error = refused(EbpfError::MapError(MapError::CreateError {
                name: "RECORDS".to_owned(),
                io_error: std::io::Error::from_raw_os_error(errno),
            }));
            let said = error.to_string();
            for part in parts {
                assert!(said.contains(part), "no {part} in {said}");
            }
        }
    }

    #[test]
    fn the_configuration_is_laid_out_as_the_program_reads_it() {
        let config = KernelConfig {
            layout_version: 0x0102_0304,
            verdict: 1,
            flow_mask: 16_383,
            watch_v6: 1,
            wake_bytes: 4 << 20,
            seed: 0x1122_3344_5566_7788,
            watch_host: 0x0506_0708,
            own_networks: 0x090a_0b0c,
        };
        let bytes = config_bytes(&config);
        assert_eq!(
            bytes[std::mem::offset_of!(KernelConfig, flow_mask)..][..4],
            16_383_u32.to_ne_bytes()
        );
        assert_eq!(
            bytes[std::mem::offset_of!(KernelConfig, seed)..][..8],
            config.seed.to_ne_bytes()
        );
        assert_eq!(
            bytes[std::mem::offset_of!(KernelConfig, watch_host)..][..4],
            config.watch_host.to_ne_bytes()
        );
        assert_eq!(
            bytes[std::mem::offset_of!(KernelConfig, own_networks)..][..4],
            config.own_networks.to_ne_bytes()
        );
        assert_eq!(
            bytes[std::mem::offset_of!(KernelConfig, wake_bytes)..][..8],
            (4_u64 << 20).to_ne_bytes()
        );
    }
}
