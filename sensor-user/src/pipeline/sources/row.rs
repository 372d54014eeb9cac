//! Unique sources in the form of the snapshot.

use jiff::Timestamp;
use sensor_sketch::MERGED_STANDARD_ERROR;
use serde::{Deserialize, Serialize};

use super::{Dimension, Estimates};

/// About how many sources there were in the last hour. None of these may be added to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourcesRow {
    /// When the hour begins: 50 to 60 minutes ago, at a whole ten minutes. The time of records, so that of the capture
    /// in a replay.
    pub from: Timestamp,
    /// The name of the key: sketches of one key can be merged.
    pub key_id: String,
    /// One relative standard error of every count, at most.
    pub standard_error: f64,
    /// All sources of observed packets.
    pub all: u64,
    /// Those with the Mirai mark.
    pub mirai: u64,
    /// Those of a SYN to a port of the Internet of Things.
    pub iot_port_syn: u64,
    /// Of those, the ones without the Mirai mark and without the sure mark of another tool.
    pub iot_port_without_mirai: u64,
    /// One standard error of that, in sources.
    pub iot_port_without_mirai_error: u64,
    /// Pairs of watched port and region whose sources are not known for want of room.
    pub pairs_without_room: u64,
    /// Records that were too late to be counted here.
    pub late_records: u64,
}

impl From<&Estimates> for SourcesRow {
    fn from(estimates: &Estimates) -> Self {
        let of = |dimension| estimates.of(dimension).unwrap_or(0);
        Self {
            from: Timestamp::from_second(estimates.span.0).unwrap_or_default(),
            key_id: estimates.key_id.clone(),
            standard_error: MERGED_STANDARD_ERROR,
            all: of(Dimension::All),
            mirai: of(Dimension::Mirai),
            iot_port_syn: of(Dimension::IotSyn),
            iot_port_without_mirai: estimates.iot_without_mirai(),
            iot_port_without_mirai_error: estimates.iot_without_mirai_error(),
            pairs_without_room: estimates.pairs_refused as u64,
            late_records: estimates.late_records,
        }
    }
}
