//! The configuration as it is written: a TOML file, or flags in the same shape.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::{kernel::ModeChoice, pipeline::PortName};

/// A configuration with every key, its meaning and its default.
pub const TEMPLATE: &str = include_str!("teiten.toml");

/// The file's tables.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileConfig {
    /// `[sensor]`
    pub sensor: SensorTable,
    /// `[capture]`
    pub capture: CaptureTable,
    /// `[kernel]`
    pub kernel: KernelTable,
    /// `[export]`
    pub export: ExportTable,
    /// `[sources]`
    pub sources: SourcesTable,
    /// `[regions]`
    pub regions: RegionTable,
    /// `[records]`
    pub records: RecordsTable,
    /// `[samples]`
    pub samples: SamplesTable,
    /// `[ship]`
    pub ship: ShipTable,
    /// `[log]`
    pub log: LogTable,
}

/// `[sensor]`: who we are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SensorTable {
    /// See [`Config::sensor_id`](super::Config::sensor_id).
    pub id: Option<String>,
    /// See [`Config::state_directory`](super::Config::state_directory).
    pub state_directory: Option<PathBuf>,
    /// See [`Config::sensor_region`](super::Config::sensor_region).
    pub region: Option<crate::region::Region>,
    /// See [`Config::sensor_operator`](super::Config::sensor_operator).
    pub operator: Option<String>,
    /// See [`Config::publish_name`](super::Config::publish_name).
    pub publish_name: Option<String>,
}

/// `[capture]`: what is watched, and where.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaptureTable {
    /// See [`Config::interfaces`](super::Config::interfaces).
    pub interfaces: Option<Vec<String>>,
    /// See [`Config::mode`](super::Config::mode).
    pub mode: Option<ModeChoice>,
    /// See [`Config::watch`](super::Config::watch).
    pub watch: Option<Vec<String>>,
    /// See [`Config::watch_host`](super::Config::watch_host).
    pub watch_host: Option<bool>,
    /// See [`Config::own_networks`](super::Config::own_networks).
    pub own_networks: Option<Vec<String>>,
    /// See [`Config::verdict`](super::Config::verdict).
    pub verdict: Option<VerdictChoice>,
}

/// `[kernel]`: sizes and intervals of the packet path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KernelTable {
    /// See [`Config::flow_slots`](super::Config::flow_slots).
    pub flow_slots: Option<u64>,
    /// See [`Config::ring_bytes`](super::Config::ring_bytes).
    pub ring_size: Option<bytesize::ByteSize>,
    /// See [`Config::flush_interval`](super::Config::flush_interval).
    pub flush_interval: Option<jiff::SignedDuration>,
    /// See [`Config::queue_batches`](super::Config::queue_batches).
    pub queue_batches: Option<u64>,
    /// See [`Config::pin`](super::Config::pin).
    pub pin: Option<bool>,
    /// See [`Config::pin_directory`](super::Config::pin_directory).
    pub pin_directory: Option<PathBuf>,
    /// See [`Config::kernel_log`](super::Config::kernel_log).
    pub log: Option<log::LevelFilter>,
}

/// `[export]`: what Prometheus gets.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportTable {
    /// See [`Config::listen`](super::Config::listen).
    pub listen: Option<SocketAddr>,
    /// See [`Config::web_config_file`](super::Config::web_config_file).
    pub web_config_file: Option<PathBuf>,
    /// See [`Config::listed_ports`](super::Config::listed_ports).
    pub listed_ports: Option<u64>,
    /// See [`Config::watched_ports`](super::Config::watched_ports).
    pub watched_ports: Option<Vec<PortName>>,
}

/// `[sources]`: how unique sources are counted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourcesTable {
    /// See [`Config::source_key`](super::Config::source_key).
    pub key: Option<PathBuf>,
    /// See [`Config::iot_ports`](super::Config::iot_ports).
    pub iot_ports: Option<Vec<u16>>,
}

/// `[regions]`: where sources are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegionTable {
    /// See [`Config::region_country`](super::Config::region_country).
    pub country: Option<Vec<PathBuf>>,
    /// See [`Config::region_asn`](super::Config::region_asn).
    pub asn: Option<PathBuf>,
}

/// `[records]`: what is written to disk.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordsTable {
    /// See [`RecordsConfig::directory`](super::RecordsConfig::directory).
    pub directory: Option<PathBuf>,
    /// See [`RecordsConfig::max_bytes`](super::RecordsConfig::max_bytes).
    pub max_size: Option<bytesize::ByteSize>,
    /// See [`RecordsConfig::min_free`](super::RecordsConfig::min_free).
    pub min_free: Option<bytesize::ByteSize>,
    /// See [`RecordsConfig::days`](super::RecordsConfig::days).
    pub cells_days: Option<u64>,
    /// See [`RecordsConfig::days`](super::RecordsConfig::days).
    pub uniques_days: Option<u64>,
    /// See [`RecordsConfig::days`](super::RecordsConfig::days).
    pub networks_days: Option<u64>,
    /// See [`RecordsConfig::days`](super::RecordsConfig::days).
    pub sources_days: Option<u64>,
}

/// `[samples]`: which packets are kept whole, and where.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplesTable {
    /// See [`SamplesConfig::directory`](super::SamplesConfig::directory).
    pub directory: Option<PathBuf>,
    /// See [`SamplesConfig::budget`](super::SamplesConfig::budget).
    pub budget: Option<bytesize::ByteSize>,
    /// See [`SamplesConfig::head_bytes`](super::SamplesConfig::head_bytes).
    pub head: Option<u64>,
    /// See [`SamplesConfig::ports`](super::SamplesConfig::ports).
    pub ports: Option<Vec<PortName>>,
    /// See [`SamplesConfig::tools`](super::SamplesConfig::tools).
    pub tools: Option<Vec<String>>,
    /// See [`SamplesConfig::one_in`](super::SamplesConfig::one_in).
    pub one_in: Option<u64>,
    /// See [`SamplesConfig::rate`](super::SamplesConfig::rate).
    pub rate: Option<u64>,
    /// See [`SamplesConfig::rate`](super::SamplesConfig::rate).
    pub burst: Option<u64>,
    /// See [`SamplesConfig::source_rate`](super::SamplesConfig::source_rate).
    pub source_rate: Option<u64>,
    /// See [`SamplesConfig::source_rate`](super::SamplesConfig::source_rate).
    pub source_burst: Option<u64>,
    /// See [`SamplesConfig::ring_bytes`](super::SamplesConfig::ring_bytes).
    pub ring_size: Option<bytesize::ByteSize>,
    /// See [`SamplesConfig::probes`](super::SamplesConfig::probes).
    pub probes: Option<PathBuf>,
}

/// `[ship]`: where closed files of records are copied.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShipTable {
    /// See [`ShipConfig::to`](super::ShipConfig::to).
    pub to: Option<String>,
    /// See [`ShipConfig::endpoint`](super::ShipConfig::endpoint).
    pub endpoint: Option<String>,
    /// See [`ShipConfig::credentials`](super::ShipConfig::credentials).
    pub credentials: Option<PathBuf>,
}

/// `[log]`: what the daemon says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogTable {
    /// See [`Config::log_level`](super::Config::log_level).
    pub level: Option<log::LevelFilter>,
    /// See [`Config::log_format`](super::Config::log_format).
    pub format: Option<LogFormat>,
}

/// What becomes of observed packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum VerdictChoice {
    /// They go on to the host.
    #[default]
    Pass,
    /// They end here.
    Drop,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl FileConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is no TOML, or has a key or value that cannot be.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|source| ConfigError::Syntax {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// Reads a text.
    ///
    /// # Errors
    /// It is no TOML, or has a key or value that cannot be.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Takes from `over` whatever it says.
    pub fn overlay(&mut self, over: Self) {
        overlay(&mut self.sensor.id, over.sensor.id);
        overlay(&mut self.sensor.state_directory, over.sensor.state_directory);
        overlay(&mut self.sensor.region, over.sensor.region);
        overlay(&mut self.sensor.operator, over.sensor.operator);
        overlay(&mut self.sensor.publish_name, over.sensor.publish_name);
        overlay(&mut self.capture.interfaces, over.capture.interfaces);
        overlay(&mut self.capture.mode, over.capture.mode);
        overlay(&mut self.capture.watch, over.capture.watch);
        overlay(&mut self.capture.watch_host, over.capture.watch_host);
        overlay(&mut self.capture.own_networks, over.capture.own_networks);
        overlay(&mut self.capture.verdict, over.capture.verdict);
        overlay(&mut self.kernel.flow_slots, over.kernel.flow_slots);
        overlay(&mut self.kernel.ring_size, over.kernel.ring_size);
        overlay(&mut self.kernel.flush_interval, over.kernel.flush_interval);
        overlay(&mut self.kernel.queue_batches, over.kernel.queue_batches);
        overlay(&mut self.kernel.pin, over.kernel.pin);
        overlay(&mut self.kernel.pin_directory, over.kernel.pin_directory);
        overlay(&mut self.kernel.log, over.kernel.log);
        overlay(&mut self.export.listen, over.export.listen);
        overlay(&mut self.export.web_config_file, over.export.web_config_file);
        overlay(&mut self.export.listed_ports, over.export.listed_ports);
        overlay(&mut self.export.watched_ports, over.export.watched_ports);
        overlay(&mut self.sources.key, over.sources.key);
        overlay(&mut self.sources.iot_ports, over.sources.iot_ports);
        overlay(&mut self.regions.country, over.regions.country);
        overlay(&mut self.regions.asn, over.regions.asn);
        overlay(&mut self.records.directory, over.records.directory);
        overlay(&mut self.records.max_size, over.records.max_size);
        overlay(&mut self.records.min_free, over.records.min_free);
        overlay(&mut self.records.cells_days, over.records.cells_days);
        overlay(&mut self.records.uniques_days, over.records.uniques_days);
        overlay(&mut self.records.networks_days, over.records.networks_days);
        overlay(&mut self.records.sources_days, over.records.sources_days);
        overlay(&mut self.samples.directory, over.samples.directory);
        overlay(&mut self.samples.budget, over.samples.budget);
        overlay(&mut self.samples.head, over.samples.head);
        overlay(&mut self.samples.ports, over.samples.ports);
        overlay(&mut self.samples.tools, over.samples.tools);
        overlay(&mut self.samples.one_in, over.samples.one_in);
        overlay(&mut self.samples.rate, over.samples.rate);
        overlay(&mut self.samples.burst, over.samples.burst);
        overlay(&mut self.samples.source_rate, over.samples.source_rate);
        overlay(&mut self.samples.source_burst, over.samples.source_burst);
        overlay(&mut self.samples.ring_size, over.samples.ring_size);
        overlay(&mut self.samples.probes, over.samples.probes);
        overlay(&mut self.ship.to, over.ship.to);
        overlay(&mut self.ship.endpoint, over.ship.endpoint);
        overlay(&mut self.ship.credentials, over.ship.credentials);
        overlay(&mut self.log.level, over.log.level);
        overlay(&mut self.log.format, over.log.format);
    }
}

fn overlay<T>(under: &mut Option<T>, over: Option<T>) {
    if over.is_some() {
        *under = over;
    }
}
