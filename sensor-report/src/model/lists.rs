//! What lists of known addresses say of sources.

use serde::Serialize;

use super::{Change, Port};

/// How many of the domestic sources with the Mirai mark are devices that a list knows.
#[derive(Clone, Debug, Serialize)]
pub struct Devices {
    /// Addresses in the list.
    pub listed: u64,
    /// Sources that were looked up, estimated: those in the tables of sources that are still held.
    pub sources: f64,
    /// Of these, how many the list has: exact.
    pub matched: u64,
    /// By vendor and model, the most frequent first.
    pub kinds: Vec<DeviceKind>,
}

/// Sources that are one kind of device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceKind {
    /// Its vendor.
    pub vendor: String,
    /// Its model.
    pub model: String,
    /// How many sources.
    pub sources: u64,
}

impl Devices {
    /// Of the sources, from 0 to about 1: the whole is an estimate.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share is shown to two digits")]
    pub fn share(&self) -> Option<f64> {
        (self.sources > 0.0).then(|| self.matched as f64 / self.sources)
    }
}

/// Packets of scanners that say of themselves that they are of research. Networks that sent little are not told apart in the
/// tables: these figures are what there is at least.
#[derive(Clone, Debug, Serialize)]
pub struct ResearchScans {
    /// Their packets.
    pub packets: Change<u64>,
    /// Of all scans, from 0 to 1; `None` without any.
    pub share: Change<Option<f64>>,
    /// By scanner, the ones with most packets first.
    pub scanners: Vec<Scanner>,
    /// For each of the first ports.
    pub ports: Vec<ResearchPort>,
}

/// One of the scanners.
#[derive(Clone, Debug, Serialize)]
pub struct Scanner {
    /// Its name in the list.
    pub name: String,
    /// Its packets.
    pub packets: Change<u64>,
}

/// What research has of a port's packets.
#[derive(Clone, Debug, Serialize)]
pub struct ResearchPort {
    /// The port.
    pub key: Port,
    /// Its packets of research.
    pub packets: Change<u64>,
    /// Of the port's packets.
    pub share: Change<Option<f64>>,
}
