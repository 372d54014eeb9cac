//! Where in the host's network path the program runs.

use std::fmt;

use aya::programs::xdp::XdpMode;
use serde::{Deserialize, Serialize};

/// Where in the host's network path the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// In the driver, before the kernel spends anything on the packet.
    Native,
    /// In the network stack: works everywhere, costs more.
    Generic,
}

impl Mode {
    /// The name in snapshots and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }

    pub(super) const fn to_aya(self) -> XdpMode {
        match self {
            Self::Native => XdpMode::Driver,
            Self::Generic => XdpMode::Skb,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which mode the operator asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ModeChoice {
    /// Native, and nothing else.
    Native,
    /// Generic, and nothing else.
    Generic,
    /// Native where it is possible, else generic.
    #[default]
    Auto,
}
