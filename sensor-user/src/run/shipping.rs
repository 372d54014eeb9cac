//! Shipping of records beside everything else: its destination is opened before privileges are given up.

use std::sync::Arc;

use sensor_ship::{Shipper, Status, Target};
use tokio::sync::watch;

use crate::config::Config;

/// A shipper that was not started yet, and what it says of itself.
pub struct Shipping {
    shipper: Shipper,
    status: Arc<Status>,
}

impl Shipping {
    /// Opens the destination, where there is one. The file of credentials is read now, and never again.
    ///
    /// # Errors
    /// The destination or the credentials cannot be understood.
    pub fn open(config: &Config) -> anyhow::Result<Option<Self>> {
        let (Some(records), Some(ship)) = (&config.records, &config.ship) else {
            return Ok(None);
        };
        if ship.directory().is_some() {
            // What a directory gets is its owner's alone, as it is here.
            nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
        }
        let target = Target::open(&ship.to, ship.endpoint.as_deref(), ship.credentials.as_deref())?;
        let status = Arc::new(Status::default());
        let shipper = Shipper::new(&records.directory, &config.sensor_id, target, Arc::clone(&status));
        Ok(Some(Self { shipper, status }))
    }

    /// Ships until the sender is dropped. What is not shipped by then is shipped when the sensor runs again.
    #[must_use]
    pub fn start(self) -> (Arc<Status>, watch::Sender<bool>) {
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(self.shipper.run(stopped));
        (self.status, stop)
    }
}
