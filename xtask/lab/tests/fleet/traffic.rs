//! What each sensor of the fleet gets: its usual traffic, bots that come to all, and what happens at it alone.

use std::{net::Ipv4Addr, time::Duration};

use etherparse::PacketBuilder;
use sensor_lab::{
    network::{DARK_PREFIX, Network},
    scenario::{Plan, RegionPool, Scenario, Surge},
    sender::{Limit, Pace, Queueing, Sender},
};

/// How long is sent; what happens, happens in the second half, when the sensors have a past.
pub(crate) const LENGTH: Duration = Duration::from_secs(100);
/// How much longer sending may take on a machine that has other things to do.
const DELAY: Duration = Duration::from_mins(5);
/// The region of the bots that come to all three sensors.
pub(crate) const BOTS: &str = "BR";
/// The port that they probe.
const BOTS_PORT: u16 = 37_215;
/// Where the other senders are: much comes from there anyway.
const OTHERS: &str = "US";
/// Packets a second of what else happens at one sensor each.
const SIP_RATE: u64 = 500;
const ONE_SOURCE_RATE: u64 = 4_000;

/// What happens at a sensor in the second half, beside the bots.
#[derive(Clone, Copy)]
pub(crate) enum Extra {
    Nothing,
    /// 5060/udp from many sources.
    Sip,
    /// 6379/tcp from a single one.
    OneSource,
}

/// Frames of one thing that happens.
struct Extras<'pool> {
    what: Extra,
    pool: &'pool RegionPool,
    sent: u32,
}

impl Extras<'_> {
    /// The place in the region's first large range.
    fn source(&self, number: u32) -> Ipv4Addr {
        let size = |(first, last): &(Ipv4Addr, Ipv4Addr)| u32::from(*last) - u32::from(*first);
        let range = self.pool.ranges.iter().max_by_key(|range| size(range)).unwrap();
        Ipv4Addr::from(u32::from(range.0) + number * 997 % size(range))
    }

    fn write(&mut self, network: &Network, buffer: &mut Vec<u8>) {
        self.sent += 1;
        let number = match self.what {
            Extra::Nothing | Extra::OneSource => 7,
            Extra::Sip => self.sent % 3_000,
        };
        let to = Ipv4Addr::new(198, 51, 100, self.sent.to_le_bytes()[0]);
        let ip = PacketBuilder::ethernet2(network.tx().mac, network.rx().mac).ipv4(
            self.source(number).octets(),
            to.octets(),
            52,
        );
        buffer.clear();
        let written = match self.what {
            Extra::Sip => ip
                .udp(5060, 5060)
                .write(buffer, b"OPTIONS sip:100@198.51.100.1 SIP/2.0\r\n\r\n"),
            Extra::Nothing | Extra::OneSource => ip
                .tcp(40_000, 6379, self.sent.wrapping_mul(2_654_435_761), 1_024)
                .syn()
                .write(buffer, &[]),
        };
        written.unwrap();
    }
}

/// Sends all of a sensor's traffic, evenly.
pub(crate) fn send(
    network: &Network,
    pools: &[RegionPool],
    seed: u64,
    rate: u64,
    what: Option<Extra>,
) -> anyhow::Result<()> {
    let packets = rate * LENGTH.as_secs();
    let mut plan = Plan::new(seed, packets, vec![DARK_PREFIX.parse()?]);
    plan.regions = pools.to_vec();
    // So few that each has been seen when something happens: a young sensor's sources would still rise by themselves, and
    // look like the many of a wave.
    plan.sources = 300;
    if what.is_some() {
        plan.surge = Some(Surge {
            region: BOTS.to_owned(),
            port: BOTS_PORT,
            share: 0.3,
            sources: 400,
        });
    }
    let mut scenario = Scenario::new(&plan)?;
    let frames = scenario.remaining();
    let extra_frames = match what {
        None | Some(Extra::Nothing) => 0,
        Some(Extra::Sip) => SIP_RATE * LENGTH.as_secs() / 2,
        Some(Extra::OneSource) => ONE_SOURCE_RATE * LENGTH.as_secs() / 2,
    };
    let mut extras = Extras {
        what: what.unwrap_or(Extra::Nothing),
        pool: pools.iter().find(|pool| pool.region == OTHERS).unwrap(),
        sent: 0,
    };
    let mut of_scenario = 0;
    let mut next = |buffer: &mut Vec<u8>| {
        // In the second half one of them follows after each so many of the scenario.
        let second_half = of_scenario.max(frames / 2) - frames / 2;
        if u64::from(extras.sent) < extra_frames
            && u64::from(extras.sent) * (frames / 2) < second_half * extra_frames
        {
            extras.write(network, buffer);
            return true;
        }
        of_scenario += 1;
        scenario.next_into(buffer)
    };
    // Each half within its own time, whatever happens in the second.
    let halves = [frames / 2, frames - frames / 2 + extra_frames];
    for frames in halves {
        let limit = Limit {
            frames,
            time: LENGTH / 2 + DELAY,
        };
        let sent = network.sender().enter(|| {
            Sender::open(network.tx().name, Queueing::Discipline)?.send(
                &mut next,
                Pace::Within(LENGTH / 2),
                limit,
            )
        })??;
        anyhow::ensure!(sent.frames == frames, "{sent:?} of {frames}");
    }
    Ok(())
}
