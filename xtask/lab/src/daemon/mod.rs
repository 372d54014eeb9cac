//! The real daemon, `teiten run`, as a child process within a test network.

mod ask;
mod child;
mod error;
mod log;
mod memory;
mod snapshot;

use std::{ffi::OsString, fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

pub(crate) use self::memory::{cpu_time, family_cpu_time, own_cpu_time, own_map_bytes, ticks_to_time};
pub use self::{
    ask::Readiness,
    child::Daemon,
    error::DaemonError,
    memory::Memory,
    snapshot::{
        Instances, Law, MiraiInstances, OtherRow, PortRegionRow, PortRow, ProtocolRow, RegionRow, Snapshot,
        ToolRow, UniqueSources,
    },
};

/// Where the program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// In the driver.
    #[default]
    Native,
    /// In the network stack.
    Generic,
}

impl Mode {
    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }
}

/// Who may ask a server, and how it is asked then: the daemon, or Prometheus, which have the same web configuration.
#[derive(Clone, Debug)]
pub struct Web {
    /// Its web configuration, with TLS.
    pub configuration: PathBuf,
    /// The authority of its certificate, PEM.
    pub authority: PathBuf,
    /// A user that the configuration knows, with the password.
    pub user: [String; 2],
}

impl Web {
    /// That its authority alone is trusted.
    pub(crate) fn trust(&self) -> Result<TlsConfig, ureq::Error> {
        let certificate = Certificate::from_pem(&fs::read(&self.authority)?)?;
        Ok(TlsConfig::builder()
            .root_certs(RootCerts::from([certificate]))
            .build())
    }

    /// The header of basic authentication (RFC 7617).
    pub(crate) fn authorization(&self) -> String {
        format!("Basic {}", STANDARD.encode(self.user.join(":")))
    }
}

/// How the daemon is started. What is `None` is left to its defaults.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where it watches.
    pub interfaces: Vec<String>,
    /// How it attaches.
    pub mode: Mode,
    /// What it watches.
    pub watch: Vec<String>,
    /// The size of the ring, as its `--ring-size` takes it.
    pub ring_size: Option<String>,
    /// Slots of each CPU's flow cache.
    pub flow_slots: Option<u32>,
    /// How often it flushes, as its `--flush-interval` takes it.
    pub flush_interval: Option<String>,
    /// Another eBPF object than its own.
    pub object: Option<PathBuf>,
    /// Where it pins maps and links; `None` pins nothing.
    pub pin_directory: Option<PathBuf>,
    /// Pins that cannot be adopted are removed.
    pub discard_pins: bool,
    /// A configuration file; the flags go before what it says.
    pub configuration: Option<PathBuf>,
    /// Packets go on to the host.
    pub pass: bool,
    /// TLS and passwords.
    pub web: Option<Web>,
}

impl Settings {
    /// The command line behind `teiten`. Packets end at the sensor: behind it there is nobody.
    fn arguments(&self, listen: &str) -> Vec<OsString> {
        let verdict = if self.pass { "pass" } else { "drop" };
        let mut arguments: Vec<OsString> = ["run", "--verdict", verdict, "--listen", listen, "--mode"]
            .map(OsString::from)
            .into();
        arguments.push(self.mode.name().into());
        if self.pin_directory.is_none() {
            arguments.push("--no-pin".into());
        }
        if self.discard_pins {
            arguments.push("--discard-pins".into());
        }
        let mut add = |flag: &str, value: OsString| arguments.extend([flag.into(), value]);
        for interface in &self.interfaces {
            add("--interface", interface.into());
        }
        for prefix in &self.watch {
            add("--watch", prefix.into());
        }
        if let Some(size) = &self.ring_size {
            add("--ring-size", size.into());
        }
        if let Some(slots) = self.flow_slots {
            add("--flow-slots", slots.to_string().into());
        }
        if let Some(interval) = &self.flush_interval {
            add("--flush-interval", interval.into());
        }
        if let Some(object) = &self.object {
            add("--object", object.into());
        }
        if let Some(directory) = &self.pin_directory {
            add("--pin-directory", directory.into());
        }
        if let Some(file) = &self.configuration {
            add("--config", file.into());
        }
        if let Some(web) = &self.web {
            add("--web.config.file", (&web.configuration).into());
        }
        arguments
    }
}
