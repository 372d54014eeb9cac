//! The sensor as the checks load it.

use anyhow::{Context as _, Result};
use ipnet::IpNet;
use sensor_common::Verdict;
use sensor_lab::network::DARK_PREFIX;
use teiten::kernel::{LoadOptions, Object, Sampling, Sensor, WatchList};

/// How a check loads the sensor.
pub struct Plan<'a> {
    /// The compiled program.
    pub object: &'a Object,
    /// What is watched.
    pub watch: &'a [&'a str],
    /// Slots of each CPU's flow cache.
    pub flow_slots: u32,
    /// Bytes of the ring.
    pub ring_bytes: u32,
    /// What becomes of observed packets.
    pub verdict: Verdict,
    /// What is sampled.
    pub sampling: Option<Sampling>,
}

impl<'a> Plan<'a> {
    /// The program that the daemon carries, on the dark prefix of the test networks.
    pub fn of(object: &'a Object) -> Self {
        Self {
            object,
            watch: &[DARK_PREFIX],
            flow_slots: 1024,
            ring_bytes: 1 << 20,
            verdict: Verdict::Pass,
            sampling: None,
        }
    }

    /// Loads it.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn load(&self) -> Result<Sensor> {
        let options = LoadOptions {
            flow_slots: self.flow_slots,
            ring_bytes: self.ring_bytes,
            verdict: self.verdict,
            log_level: log::LevelFilter::Off,
            seed: 0x5eed,
            host: None,
            sampling: self.sampling.clone(),
        };
        let watch = self.watch.iter().map(|prefix| prefix.parse());
        let watch: Vec<IpNet> = watch.collect::<Result<_, _>>().context("the watch list")?;
        let watch = WatchList::new(&watch).context("the watch list")?;
        Sensor::load(self.object, &options, &watch).context("the sensor is not loaded")
    }
}
