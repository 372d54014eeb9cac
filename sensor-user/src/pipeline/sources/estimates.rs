//! Unique sources at one moment, as they are shown.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::Dimension;
use crate::pipeline::PortName;

/// About how many sources there were in the last hour, by dimension. They overlap: no two may be added up.
#[derive(Clone, Debug, Default)]
pub struct Estimates {
    /// The name of the key.
    pub key_id: String,
    /// The watched ports, which are the only ones of whose sources anything is known.
    pub watched: Vec<PortName>,
    /// When the hour begins and ends, in seconds since 1970; equal where no packet has come yet.
    pub span: (i64, i64),
    /// Sources by dimension; none where a dimension had no source, or no room.
    pub rows: HashMap<Dimension, f64, RandomState>,
    /// Sources of SYN to ports of the Internet of Things without any mark.
    pub iot_without_mirai: f64,
    /// One standard error of that, in sources.
    pub iot_without_mirai_error: f64,
    /// Pairs of port and region whose sources are not known for want of room.
    pub pairs_refused: usize,
    /// Records that were older than the sketches.
    pub late_records: u64,
    /// What the sketches take, in octets.
    pub octets: usize,
}

impl Estimates {
    /// About how many sources a dimension had; `None` where that is not known.
    #[must_use]
    pub fn of(&self, dimension: Dimension) -> Option<u64> {
        self.rows.get(&dimension).copied().map(whole)
    }

    /// About how many sources of the Internet of Things have no mark.
    #[must_use]
    pub fn iot_without_mirai(&self) -> u64 {
        whole(self.iot_without_mirai)
    }

    /// One standard error of that.
    #[must_use]
    pub fn iot_without_mirai_error(&self) -> u64 {
        whole(self.iot_without_mirai_error)
    }
}

/// The next whole number: an estimate is no count, and nobody sees a part of a host.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "estimates are not negative and far below 2^63"
)]
fn whole(estimate: f64) -> u64 {
    estimate.round() as u64
}
