//! What systemd is told, where it started the daemon (`Type=notify`, `WatchdogSec=`).

use std::{sync::Arc, time::Duration};

use sd_notify::NotifyState;

use crate::export::published::Published;

/// The sensor counts and serves.
pub fn ready() {
    tell(NotifyState::Ready);
}

/// The sensor was asked to stop.
pub fn stopping() {
    tell(NotifyState::Stopping);
}

/// Says that all is well for as long as the totals are read, three times in each of systemd's intervals. A sensor that
/// reads them no more says nothing, and is started anew.
pub async fn watchdog(published: Arc<Published>, patience: Duration) {
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return;
    };
    let started = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(interval / 3).await;
        let well = match published.get() {
            Some(state) => {
                let age = jiff::Timestamp::now().duration_since(state.snapshot.to);
                age.unsigned_abs() <= patience
            }
            None => started.elapsed() <= patience,
        };
        if well {
            tell(NotifyState::Watchdog);
        }
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd cannot be told how the sensor is");
    }
}
