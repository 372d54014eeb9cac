//! What is said of packets with the Mirai mark.

use serde::Serialize;

use super::{Change, Devices, Port, Region, Series};

/// Packets with the Mirai mark, over the sensors of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Mirai {
    /// All, exact.
    pub packets: Change<u64>,
    /// Unique sources, estimated.
    pub sources: Change<Option<f64>>,
    /// From domestic sources, exact.
    pub domestic_packets: Change<u64>,
    /// Unique domestic sources, estimated.
    pub domestic_sources: Change<Option<f64>>,
    /// Packets a sensor and day from domestic sources, and from all.
    pub daily: Series<String>,
    /// Unique sources by day of UTC: domestic, and all.
    pub daily_sources: Series<String>,
    /// By region, the first ones.
    pub source_regions: Vec<MiraiRegion>,
    /// By port, the first ones.
    pub ports: Vec<MiraiPort>,
    /// TCP scans of the ports that Mirai's kin scan, without the mark: a rate.
    pub unmarked: Change<f64>,
    /// Sources of such, none of whose packets had the mark: estimated; `None` without sketches.
    pub unmarked_sources: Change<Option<f64>>,
    /// Such packets by day: a sensor and day.
    pub unmarked_daily: Series<String>,
    /// Which of the domestic sources are known devices; `None` without a list of them.
    pub devices: Option<Devices>,
}

/// One region's packets with the mark.
#[derive(Clone, Debug, Serialize)]
pub struct MiraiRegion {
    /// The region.
    pub key: Region,
    /// Packets, exact.
    pub packets: Change<u64>,
    /// A sensor and day.
    pub rate: Change<f64>,
    /// Unique sources, estimated.
    pub sources: Change<Option<f64>>,
}

/// One port's packets, and how many of them have the mark.
#[derive(Clone, Debug, Serialize)]
pub struct MiraiPort {
    /// The port.
    pub key: Port,
    /// All scans, exact.
    pub all: u64,
    /// Of these, with the mark.
    pub mirai: u64,
}

impl MiraiPort {
    /// Marked parts of the whole, from 0 to 1.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of a table is shown to three digits"
    )]
    pub fn share(&self) -> f64 {
        if self.all == 0 {
            0.0
        } else {
            self.mirai as f64 / self.all as f64
        }
    }
}
