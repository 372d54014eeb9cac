//! The samples' side of the daemon: made ready before privileges are given up, started with the other threads.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use sensor_evidence::{probe::Probes, store::Store};

use super::RunError;
use crate::{
    config::{Config, SamplesConfig},
    export::metrics::Metrics,
    kernel::{Attachment, Sensor},
    samples::{self, Books, Keeper},
};

/// Samples, ready to be taken.
pub struct Sampler {
    config: SamplesConfig,
    store: Store,
    probes: Probes,
}

impl Sampler {
    /// Opens the files; nothing where no packet is sampled.
    ///
    /// # Errors
    /// The directory cannot be made, or the table of probes cannot be read.
    pub fn prepare(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(samples) = &config.samples else {
            return Ok(None);
        };
        Ok(Some(Self {
            store: Store::open(&samples.directory, samples.budget)?,
            probes: samples.probes()?,
            config: samples.clone(),
        }))
    }

    fn start(
        self,
        sensor: &mut Sensor,
        attachments: &[Attachment],
        config: &Config,
    ) -> anyhow::Result<Sampling> {
        let books = Arc::new(Books::new(&self.probes));
        let stop = Arc::new(AtomicBool::new(false));
        let keeper = Keeper {
            samples: sensor.take_samples(&self.config.sampling())?,
            store: self.store,
            probes: self.probes,
            sensor: config.sensor_id.clone(),
            interfaces: attachments
                .iter()
                .map(|attachment| (attachment.index, attachment.interface.clone()))
                .collect(),
            books: Arc::clone(&books),
        };
        let thread = samples::spawn(keeper, Arc::clone(&stop))?;
        Ok(Sampling { thread, stop, books })
    }
}

/// Samples that are being taken.
pub struct Sampling {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    books: Arc<Books>,
}

/// Starts the thread, where packets are sampled, and shows what becomes of them.
///
/// # Errors
/// The ring cannot be mapped, or the thread not be started.
pub fn begin(
    sampler: Option<Sampler>,
    sensor: &mut Sensor,
    attachments: &[Attachment],
    config: &Config,
    metrics: &mut Metrics,
) -> anyhow::Result<Option<Sampling>> {
    let sampling = sampler.map(|sampler| sampler.start(sensor, attachments, config));
    let sampling = sampling.transpose()?;
    metrics.samples = sampling.as_ref().map(|sampling| Arc::clone(&sampling.books));
    Ok(sampling)
}

/// Reads what is left in the ring, and ends.
///
/// # Errors
/// The thread died before.
pub fn end(sampling: Option<Sampling>) -> Result<(), RunError> {
    let Some(sampling) = sampling else {
        return Ok(());
    };
    sampling.stop.store(true, Ordering::Release);
    super::join(sampling.thread, "samples")
}
