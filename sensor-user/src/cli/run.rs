//! What `run` is told on the command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use teiten::{
    config::{FileConfig, LogFormat, VerdictChoice},
    kernel::ModeChoice,
};

/// Ways to call it.
pub(super) const RUN_EXAMPLES: &str = "Examples:
  teiten run --interface eth0 --watch 198.51.100.0/24
  teiten run --config /etc/teiten/teiten.toml --listen 0.0.0.0:10023
  curl -s http://127.0.0.1:10023/metrics";

/// Flags of `run`; each goes before the configuration file.
#[derive(Args, Debug)]
pub struct RunArguments {
    /// Configuration file (`teiten config init` prints one)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Interface to watch; may be given several times
    #[arg(long = "interface", short, value_name = "IF")]
    pub interfaces: Vec<String>,
    /// Where the program runs: in the driver, in the network stack, or the first that is possible
    #[arg(long, value_enum)]
    pub mode: Option<ModeChoice>,
    /// Dark addresses to observe; may be given several times
    #[arg(long, short, value_name = "CIDR", num_args = 1.., value_delimiter = ',')]
    pub watch: Vec<String>,
    /// Observe this host's own addresses instead, but for what its sockets take
    #[arg(long)]
    pub watch_host: bool,
    /// With --watch-host: a network whose packets are the host's own business; may be given several times
    #[arg(long = "own-network", value_name = "CIDR", value_delimiter = ',')]
    pub own_networks: Vec<String>,
    /// What becomes of packets to watched addresses
    #[arg(long, value_enum)]
    pub verdict: Option<VerdictChoice>,
    /// Where to serve metrics
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// TLS and passwords for it, in the format of Prometheus' exporter-toolkit
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub web_config_file: Option<PathBuf>,
    /// The sensor's id
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Where the sensor keeps what must outlive it
    #[arg(long, value_name = "DIR")]
    pub state_directory: Option<PathBuf>,
    /// Slots of each CPU's flow cache, a power of two
    #[arg(long, value_name = "N")]
    pub flow_slots: Option<u64>,
    /// Size of the ring of records, a power of two, as in "16MiB"
    #[arg(long, value_name = "SIZE")]
    pub ring_size: Option<bytesize::ByteSize>,
    /// How often caches are flushed and totals read, as in "10s"
    #[arg(long, value_name = "TIME")]
    pub flush_interval: Option<jiff::SignedDuration>,
    /// Pin nothing: the program ends with the daemon, and every stop is a gap
    #[arg(long)]
    pub no_pin: bool,
    /// Where maps and attachments are pinned, in a BPF file system
    #[arg(long, value_name = "DIR", conflicts_with = "no_pin")]
    pub pin_directory: Option<PathBuf>,
    /// Remove pins that cannot be adopted, and lose the totals in them
    #[arg(long, conflicts_with = "no_pin")]
    pub discard_pins: bool,
    /// How much the program in the kernel logs
    #[arg(long, value_name = "LEVEL")]
    pub kernel_log: Option<log::LevelFilter>,
    /// How much the daemon logs
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<log::LevelFilter>,
    /// The form of log lines
    #[arg(long, value_enum)]
    pub log_format: Option<LogFormat>,
    /// Another eBPF object than the embedded one: for work on the program itself
    #[arg(long, value_name = "FILE", hide = true)]
    pub object: Option<PathBuf>,
}

impl RunArguments {
    /// The flags in the shape of a configuration file.
    pub fn to_file_config(&self) -> FileConfig {
        let given = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
        let mut file = FileConfig::default();
        file.sensor.id.clone_from(&self.id);
        file.sensor.state_directory.clone_from(&self.state_directory);
        file.capture.interfaces = given(&self.interfaces);
        file.capture.mode = self.mode;
        file.capture.watch = given(&self.watch);
        file.capture.watch_host = self.watch_host.then_some(true);
        file.capture.own_networks = given(&self.own_networks);
        file.capture.verdict = self.verdict;
        file.kernel.flow_slots = self.flow_slots;
        file.kernel.ring_size = self.ring_size;
        file.kernel.flush_interval = self.flush_interval;
        file.kernel.pin = self.no_pin.then_some(false);
        file.kernel.pin_directory.clone_from(&self.pin_directory);
        file.kernel.log = self.kernel_log;
        file.export.listen = self.listen;
        file.export.web_config_file.clone_from(&self.web_config_file);
        file.log.level = self.log_level;
        file.log.format = self.log_format;
        file
    }
}
