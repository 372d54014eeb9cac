//! Waiting until nothing moves any more.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::daemon::Daemon;

/// Flushes in a row without a change. The first may have begun before the last packet, the second finds it.
const QUIET_FLUSHES: u32 = 3;
/// A small ring takes many flushes to empty a full cache.
const PATIENCE: Duration = Duration::from_mins(5);
const POLL: Duration = Duration::from_millis(200);

/// Waits, once the load has ended, until the daemon's totals are at rest: the same over several flushes.
///
/// # Errors
/// The daemon ends, does not answer, or does not come to rest within five minutes.
pub fn await_rest(daemon: &mut Daemon<'_>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = daemon.snapshot(0)?;
    let mut quiet = 0;
    while quiet < QUIET_FLUSHES {
        if Instant::now() > deadline {
            bail!(
                "the daemon does not come to rest: its last totals are {last:#?}; its last words:\n{}",
                daemon.log()
            );
        }
        thread::sleep(POLL);
        daemon.check_alive()?;
        let next = daemon.snapshot(0)?;
        if next.to == last.to {
            continue;
        }
        quiet = if next.counts_equal(&last) { quiet + 1 } else { 0 };
        last = next;
    }
    Ok(())
}
