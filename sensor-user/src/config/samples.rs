//! `[samples]`: which packets are sampled, how many, and where they are kept.

use std::{fs, path::PathBuf};

use sensor_common::{ToolSet, Transport, sample::MOST_HEAD_BYTES, tool::Tool};
use sensor_evidence::{probe::Probes, store::LEAST_BUDGET};
use serde::Serialize;

use super::{ConfigError, file::SamplesTable, power_of_two, within};
use crate::{
    kernel::{Sampling, samples::Limit},
    pipeline::{PortName, PortTransport},
};

/// The most ports that are sampled.
const MOST_PORTS: u64 = 1_024;

/// How samples are taken and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SamplesConfig {
    /// The directory of files.
    pub directory: PathBuf,
    /// The most bytes that all files may have.
    pub budget: u64,
    /// Octets of a packet that are kept; from 64 to 512.
    pub head_bytes: u32,
    /// Packets to these ports are sampled.
    pub ports: Vec<PortName>,
    /// Packets with the mark of any of these tools are sampled.
    pub tools: Vec<String>,
    /// One in so many packets is sampled, by chance; 0 for none.
    pub one_in: u32,
    /// Samples a second and at once, of each CPU.
    pub rate: (u32, u32),
    /// Samples a second and at once, of each source on each CPU.
    pub source_rate: (u32, u32),
    /// Size of the ring of samples in bytes.
    pub ring_bytes: u32,
    /// A table of probes beside the built-in one.
    pub probes: Option<PathBuf>,
}

impl SamplesConfig {
    /// Nothing where no directory is given.
    pub(super) fn check(table: SamplesTable) -> Result<Option<Self>, ConfigError> {
        let number = |key, value, default: usize, least, most| {
            within(key, value, default, least, most).map(|value| u32::try_from(value).unwrap_or(u32::MAX))
        };
        let sip = PortName {
            transport: PortTransport::Udp,
            port: 5060,
        };
        let ports = table.ports.unwrap_or_else(|| vec![sip]);
        within(
            "the number of samples.ports",
            Some(ports.len() as u64),
            0,
            0,
            MOST_PORTS,
        )?;
        if let Some(port) = ports.iter().find(|port| port.transport == PortTransport::Icmp) {
            return Err(ConfigError::SampledPort(*port));
        }
        let tools = table.tools.unwrap_or_default();
        tool_set(&tools)?;
        let budget = table.budget.map_or(256 << 20, |size| size.as_u64());
        if budget < LEAST_BUDGET {
            return Err(ConfigError::OutOfRange {
                key: "samples.budget",
                value: budget,
                least: LEAST_BUDGET,
                most: u64::MAX,
            });
        }
        let most = MOST_HEAD_BYTES as u64;
        let checked = Self {
            directory: table.directory.clone().unwrap_or_default(),
            budget,
            head_bytes: number("samples.head", table.head, MOST_HEAD_BYTES, 64, most)?,
            ports,
            tools,
            one_in: number("samples.one_in", table.one_in, 0, 0, u32::MAX.into())?,
            rate: (
                number("samples.rate", table.rate, 200, 1, 1_000_000)?,
                number("samples.burst", table.burst, 400, 1, 1_000_000)?,
            ),
            source_rate: (
                number("samples.source_rate", table.source_rate, 2, 1, 1_000_000)?,
                number("samples.source_burst", table.source_burst, 20, 1, 1_000_000)?,
            ),
            ring_bytes: power_of_two(
                "samples.ring_size",
                table.ring_size.map(|size| size.as_u64()),
                1 << 20,
                4 << 10,
                1 << 28,
            )?,
            probes: table.probes,
        };
        checked.probes()?;
        Ok(table.directory.map(|_| checked))
    }

    /// The table of probes, read anew.
    ///
    /// # Errors
    /// The user's file cannot be read, or is not in the form of the built-in table.
    pub fn probes(&self) -> Result<Probes, ConfigError> {
        let Some(path) = &self.probes else {
            return Ok(Probes::default());
        };
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.clone(),
            source,
        })?;
        Probes::with(&text).map_err(|source| ConfigError::Probes {
            path: path.clone(),
            source,
        })
    }

    /// The same as the kernel has it.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        let limit = |(rate, burst)| Limit { rate, burst };
        let ports = self.ports.iter().filter_map(|port| match port.transport {
            PortTransport::Tcp => Some((Transport::Tcp, port.port)),
            PortTransport::Udp => Some((Transport::Udp, port.port)),
            PortTransport::Icmp => None,
        });
        Sampling {
            head_bytes: self.head_bytes,
            ports: ports.collect(),
            // Checked when it was made.
            tools: tool_set(&self.tools).unwrap_or(ToolSet::NONE),
            one_in: self.one_in,
            each_cpu: limit(self.rate),
            each_source: limit(self.source_rate),
            ring_bytes: self.ring_bytes,
        }
    }
}

fn tool_set(names: &[String]) -> Result<ToolSet, ConfigError> {
    names.iter().try_fold(ToolSet::NONE, |set, name| {
        let tool = Tool::ALL.iter().find(|tool| tool.name() == name);
        let tool = tool.ok_or_else(|| ConfigError::SampledTool {
            name: name.clone(),
            known: Tool::ALL
                .iter()
                .map(|tool| tool.name())
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        Ok(set.union(tool.mark()))
    })
}
