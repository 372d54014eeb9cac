//! The scenario on its way: made, sent, and counted by its own generator.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use ipnet::IpNet;

use super::{interrupt::Interrupt, options::Options, port::Marked};
use crate::{
    network::Network,
    scenario::{Plan, RegionPool, Scenario, Surge, Truth},
    sender::{Limit, Pace, Queueing, Sender, Sent},
};

/// The planted surge: new bots of one region on one port, in the second half.
pub const SURGE_REGION: &str = "BR";
/// The port that they probe.
pub const SURGE_PORT: u16 = 37_215;
const SURGE_SHARE: f64 = 0.3;
const SURGE_SOURCES: usize = 400;

/// How much longer than planned the sending may take on a machine that has other things to do.
const DELAY: Duration = Duration::from_mins(30);

/// How far the sending is, for whoever looks on.
#[derive(Debug, Default)]
pub struct Progress {
    sent: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    /// Frames so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Asks for an end before the last frame.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// What was sent.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// By the generator's own count.
    pub truth: Truth,
    /// By what the kernel took.
    pub sent: Sent,
    /// Of the surge's region to its port before it began.
    pub before_surge: Marked,
}

/// What is sent.
///
/// # Errors
/// It cannot be carried out.
pub fn scenario(options: &Options, watched: &[IpNet], regions: Vec<RegionPool>) -> Result<Scenario> {
    let mut plan = Plan::new(options.seed, options.packets, watched.to_vec());
    plan.regions = regions;
    plan.surge = Some(Surge {
        region: SURGE_REGION.to_owned(),
        port: SURGE_PORT,
        share: SURGE_SHARE,
        sources: SURGE_SOURCES,
    });
    Ok(Scenario::new(&plan)?)
}

/// Sends all of a scenario from the sender's end, evenly over `length` or as fast as the machine can.
///
/// # Errors
/// The device refuses frames or loses some, or a signal came: then not all was sent.
pub fn send(
    network: &Network,
    mut scenario: Scenario,
    length: Duration,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Traffic> {
    let frames = scenario.remaining();
    let mut before_surge = None;
    let next = |buffer: &mut Vec<u8>| {
        if interrupt.check().is_err() || progress.stop.load(Ordering::Relaxed) {
            return false;
        }
        if scenario.truth().frames == frames / 2 {
            before_surge = Some(of_surge(scenario.truth()));
        }
        progress.sent.fetch_add(1, Ordering::Relaxed);
        scenario.next_into(buffer)
    };
    let limit = Limit {
        frames,
        time: length + DELAY,
    };
    let sent = network
        .sender()
        .enter(|| {
            Sender::open(network.tx().name, Queueing::Discipline)?.send(next, Pace::Within(length), limit)
        })
        .context("the sender's namespace cannot be entered")??;
    interrupt.check()?;
    ensure!(
        sent.frames == frames && scenario.remaining() == 0,
        "only {} of {frames} frames were sent in {:?}: give the scenario more --seconds or fewer --packets",
        sent.frames,
        sent.elapsed
    );
    // A drop that was reported was a retry, and that frame was sent again.
    ensure!(
        sent.device_drops <= sent.retries,
        "the device lost {} frames without a word, so nobody knows what was sent: try again with fewer --packets",
        sent.device_drops - sent.retries
    );
    Ok(Traffic {
        truth: scenario.truth().clone(),
        sent,
        before_surge: before_surge.unwrap_or_default(),
    })
}

/// Scans of the surge's port from its region.
fn of_surge(truth: &Truth) -> Marked {
    truth
        .service_regions()
        .into_iter()
        .filter(|((service, region), _)| {
            service.protocol == 6 && service.port == SURGE_PORT && *region == SURGE_REGION
        })
        .fold(Marked::default(), |sum, (_, count)| Marked {
            packets: sum.packets + count.packets,
            mirai: sum.mirai + count.mirai,
        })
}
