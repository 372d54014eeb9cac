//! What the operator decided, checked once: nothing behind this module meets a value that cannot be.

mod error;
mod file;
mod own;
mod records;
mod samples;
mod ship;
mod values;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use sensor_common::Verdict;
use serde::Serialize;

use self::values::{
    check_interval, check_iot_ports, check_watched_ports, first_double, parse_prefixes, power_of_two, within,
};
pub use self::{
    error::ConfigError,
    file::{FileConfig, LogFormat, TEMPLATE, VerdictChoice},
    own::{host_prefixes, refuse_own_addresses},
    records::RecordsConfig,
    samples::SamplesConfig,
    ship::ShipConfig,
    values::{check_id, default_watched_ports, parse_prefix},
};
use crate::{
    kernel::{ModeChoice, PinPlace},
    pipeline::PortName,
    region::{Region, RegionSources},
};

/// A checked configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Config {
    /// The sensor's id: letters, digits, `-`, `_` and `.`, at most 64.
    pub sensor_id: String,
    /// Where the daemon keeps what must outlive it; `None` keeps nothing.
    pub state_directory: Option<PathBuf>,
    /// Where the sensor stands.
    pub sensor_region: Option<Region>,
    /// Who runs it.
    pub sensor_operator: Option<String>,
    /// The name to publish it under.
    pub publish_name: Option<String>,
    /// Where to watch; at least one, each once.
    pub interfaces: Vec<String>,
    /// How to attach.
    pub mode: ModeChoice,
    /// The watched prefixes; at least one, but for a watched host.
    pub watch: Vec<IpNet>,
    /// Whether this host's own addresses are watched, whose other work is not dark.
    pub watch_host: bool,
    /// Networks whose packets to a watched host are not dark.
    pub own_networks: Vec<IpNet>,
    /// What becomes of observed packets.
    pub verdict: VerdictChoice,
    /// Slots of the flow cache for each CPU; a power of two from 1,024 to 1,048,576.
    pub flow_slots: u32,
    /// Size of the ring of records in bytes; a power of two from 4 KiB to 1 GiB.
    pub ring_bytes: u32,
    /// How often the caches are flushed and the totals read; from 100 ms to 1 h.
    #[serde(serialize_with = "as_text")]
    pub flush_interval: Duration,
    /// Whether the program goes on counting when the daemon is gone.
    pub pin: bool,
    /// Where maps and links are pinned, in a BPF file system.
    pub pin_directory: PathBuf,
    /// How much the program in the kernel logs.
    pub kernel_log: log::LevelFilter,
    /// Batches of records that may wait between drain and aggregation; from 1 to 65,536.
    pub queue_batches: usize,
    /// Where the metrics are served.
    pub listen: SocketAddr,
    /// Who may ask there, and how: TLS, passwords. Without a file everybody who reaches it, unencrypted.
    pub web_config_file: Option<PathBuf>,
    /// Ports with series of their own, beside `other`; from 1 to 1,024.
    pub listed_ports: usize,
    /// Ports that always have series of their own.
    pub watched_ports: Vec<PortName>,
    /// The file with the fleet's key of unique sources; `None`: one of its own, in the state directory.
    pub source_key: Option<PathBuf>,
    /// TCP ports of the Internet of Things; at most 1,024.
    pub iot_ports: Vec<u16>,
    /// Country databases; empty where there is none.
    pub region_country: Vec<PathBuf>,
    /// A database of autonomous systems.
    pub region_asn: Option<PathBuf>,
    /// How records are kept; `None` where none are.
    pub records: Option<RecordsConfig>,
    /// How packets are sampled; `None` where none are.
    pub samples: Option<SamplesConfig>,
    /// Where closed files of records are copied; `None` where they stay.
    pub ship: Option<ShipConfig>,
    /// How much the daemon logs.
    pub log_level: log::LevelFilter,
    /// In which form.
    pub log_format: LogFormat,
}

/// What a configuration in part says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whether interfaces were named.
    pub interfaces: bool,
    /// Whether prefixes were.
    pub watch: bool,
}

fn as_text<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{duration:?}"))
}

impl Config {
    /// The verdict as the kernel has it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.verdict {
            VerdictChoice::Pass => Verdict::Pass,
            VerdictChoice::Drop => Verdict::Drop,
        }
    }

    /// What is watched on this host now.
    ///
    /// # Errors
    /// The host's own addresses are to be watched, and it has none.
    pub fn watched_prefixes(&self) -> Result<Vec<IpNet>, ConfigError> {
        if self.watch_host {
            host_prefixes()
        } else {
            Ok(self.watch.clone())
        }
    }

    /// Where this sensor's pins are.
    #[must_use]
    pub fn pin_place(&self) -> PinPlace {
        PinPlace {
            directory: self.pin_directory.clone(),
            sensor: self.sensor_id.clone(),
        }
    }

    /// Where the pins of a sensor are of which only this is known: for commands that work with pins alone.
    ///
    /// # Errors
    /// The file cannot be read or understood, or the id cannot be.
    pub fn pin_place_of(file: Option<&Path>, flags: FileConfig) -> Result<PinPlace, ConfigError> {
        let mut merged = match file {
            Some(path) => FileConfig::read(path)?,
            None => FileConfig::default(),
        };
        merged.overlay(flags);
        Ok(PinPlace {
            sensor: check_id(merged.sensor.id)?,
            directory: merged
                .kernel
                .pin_directory
                .unwrap_or_else(|| DEFAULT_PIN_DIRECTORY.into()),
        })
    }

    /// The region databases, where there are any.
    #[must_use]
    pub fn region_sources(&self) -> Option<RegionSources> {
        (!self.region_country.is_empty()).then(|| RegionSources {
            regions: self.region_country.clone(),
            systems: self.region_asn.clone(),
        })
    }

    /// Reads a file, lays `flags` over it, and checks the whole.
    ///
    /// # Errors
    /// The file cannot be read or understood, or a value cannot be.
    pub fn load(file: Option<&Path>, flags: FileConfig) -> Result<Self, ConfigError> {
        let mut merged = match file {
            Some(path) => FileConfig::read(path)?,
            None => FileConfig::default(),
        };
        merged.overlay(flags);
        Self::check(merged)
    }

    /// The same for a look at the host, where interfaces and prefixes may be left out: what then stands for them is
    /// not to be used, as the second part of the answer says.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_in_part(file: Option<&Path>, flags: FileConfig) -> Result<(Self, Asked), ConfigError> {
        let mut merged = match file {
            Some(path) => FileConfig::read(path)?,
            None => FileConfig::default(),
        };
        merged.overlay(flags);
        let given = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
        let asked = Asked {
            interfaces: given(&merged.capture.interfaces),
            watch: given(&merged.capture.watch) || merged.capture.watch_host == Some(true),
        };
        if !asked.interfaces {
            merged.capture.interfaces = Some(vec!["lo".to_owned()]);
        }
        if !asked.watch {
            merged.capture.watch = Some(vec!["192.0.2.0/24".to_owned()]);
        }
        Ok((Self::check(merged)?, asked))
    }

    /// Checks every value, and fills in what was left out.
    ///
    /// # Errors
    /// A value cannot be.
    pub fn check(file: FileConfig) -> Result<Self, ConfigError> {
        let FileConfig {
            sensor,
            capture,
            kernel,
            export,
            sources,
            regions,
            records,
            samples,
            ship,
            log,
        } = file;
        let interfaces = capture.interfaces.unwrap_or_default();
        if interfaces.is_empty() {
            return Err(ConfigError::NoInterface);
        }
        if let Some(twice) = first_double(&interfaces) {
            return Err(ConfigError::InterfaceTwice(twice.to_owned()));
        }
        let watch = capture.watch.unwrap_or_default();
        let watch_host = capture.watch_host.unwrap_or(false);
        let own_networks = capture.own_networks.unwrap_or_default();
        let verdict = capture.verdict.unwrap_or_default();
        match watch_host {
            true if !watch.is_empty() => return Err(ConfigError::WatchBoth),
            true if verdict == VerdictChoice::Drop => return Err(ConfigError::DropOnHost),
            false if !own_networks.is_empty() => return Err(ConfigError::OwnNetworksOfNoHost),
            _ => {}
        }
        if watch.is_empty() && !watch_host {
            return Err(ConfigError::NothingWatched {
                interface: interfaces.first().cloned().unwrap_or_default(),
            });
        }
        Ok(Self {
            sensor_id: check_id(sensor.id)?,
            sensor_region: sensor.region,
            sensor_operator: sensor.operator,
            publish_name: sensor.publish_name,
            ship: ShipConfig::check(ship, records.directory.is_some())?,
            records: RecordsConfig::check(records)?,
            samples: SamplesConfig::check(samples)?,
            // systemd names the directory that it made for us (systemd.exec, StateDirectory=).
            state_directory: sensor
                .state_directory
                .or_else(|| std::env::var_os("STATE_DIRECTORY").map(PathBuf::from)),
            watch: parse_prefixes(&watch)?,
            watch_host,
            own_networks: parse_prefixes(&own_networks)?,
            interfaces,
            mode: capture.mode.unwrap_or_default(),
            verdict,
            flow_slots: power_of_two("kernel.flow_slots", kernel.flow_slots, 16_384, 1 << 10, 1 << 20)?,
            ring_bytes: power_of_two(
                "kernel.ring_size",
                kernel.ring_size.map(|size| size.as_u64()),
                16 << 20,
                4 << 10,
                1 << 30,
            )?,
            flush_interval: check_interval(kernel.flush_interval)?,
            pin: kernel.pin.unwrap_or(true),
            pin_directory: kernel
                .pin_directory
                .unwrap_or_else(|| DEFAULT_PIN_DIRECTORY.into()),
            kernel_log: kernel.log.unwrap_or(log::LevelFilter::Warn),
            queue_batches: within("kernel.queue_batches", kernel.queue_batches, 1_024, 1, 65_536)?,
            listen: export.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 10023))),
            web_config_file: export.web_config_file,
            listed_ports: within("export.listed_ports", export.listed_ports, 128, 1, 1_024)?,
            watched_ports: check_watched_ports(export.watched_ports)?,
            source_key: sources.key,
            iot_ports: check_iot_ports(sources.iot_ports)?,
            region_country: regions.country.unwrap_or_else(debian_regions),
            region_asn: regions.asn,
            log_level: log.level.unwrap_or(log::LevelFilter::Info),
            log_format: log.format.unwrap_or_default(),
        })
    }
}

/// Where systemd mounts the BPF file system, and our folder in it.
const DEFAULT_PIN_DIRECTORY: &str = "/sys/fs/bpf/teiten";

/// Debian's files as far as they are there: a host without them has no region database, and says so.
#[must_use]
pub fn debian_regions() -> Vec<PathBuf> {
    let debian = RegionSources::debian().regions;
    debian.into_iter().filter(|path| path.exists()).collect()
}

#[cfg(test)]
mod tests;
