//! What is asked of a scenario.

use std::net::Ipv4Addr;

use ipnet::IpNet;

/// What to send. The same plan gives the same frames.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Any number.
    pub seed: u64,
    /// Frames of all kinds together.
    pub packets: u64,
    /// The prefixes that the sensor watches: at least one of IPv4.
    pub watched: Vec<IpNet>,
    /// Where sources lie, the busiest region first; when empty, all in
    /// [`DEFAULT_SOURCES`](super::DEFAULT_SOURCES).
    pub regions: Vec<RegionPool>,
    /// IPv4 sources, of all kinds of traffic together.
    pub sources: usize,
    /// Something to be found.
    pub surge: Option<Surge>,
}

/// The addresses of one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionPool {
    /// Its code, as the report names it.
    pub region: String,
    /// First and last address of each range.
    pub ranges: Vec<(Ipv4Addr, Ipv4Addr)>,
}

/// New Mirai bots of one region, all in the second half of the scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Surge {
    /// The region's code, one of the plan's.
    pub region: String,
    /// The port they probe.
    pub port: u16,
    /// Their share of all frames in the second half, from 0 to 1.
    pub share: f64,
    /// How many bots.
    pub sources: usize,
}

/// Why a plan cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// There is nothing to send to.
    #[error("the plan watches no IPv4 prefix, so most of its packets have no destination: add one")]
    NoIpv4Watched,
    /// There is no address for packets that are not watched.
    #[error("every address beside the watched prefixes is watched as well: leave a gap")]
    NothingBeside,
    /// A region without addresses, or a range that ends before it begins.
    #[error(
        "region {0} has no address range, or one that ends before it begins: correct it or leave the region out"
    )]
    BadRanges(String),
    /// More regions than there can be.
    #[error("the plan has {0} regions, and 1,000 are the most: leave the smallest out")]
    TooManyRegions(usize),
    /// The surge is to come from a region that is not there.
    #[error("the surge comes from region {0}, which is not in the plan: add its address ranges")]
    UnknownRegion(String),
    /// A share that is no share.
    #[error("the surge's share of the second half is not between 0 and 1: give it as a fraction")]
    BadShare,
}

/// The most regions of a plan.
const MAX_REGIONS: usize = 1_000;

impl Plan {
    /// So many frames to these prefixes, one source for forty of them (at least 2,000, at most a million).
    #[must_use]
    pub fn new(seed: u64, packets: u64, watched: Vec<IpNet>) -> Self {
        let sources = usize::try_from(packets / 40).unwrap_or(usize::MAX);
        Self {
            seed,
            packets,
            watched,
            regions: Vec::new(),
            sources: sources.clamp(2_000, 1_000_000),
            surge: None,
        }
    }

    /// What can be said against the plan before anything is drawn; and the place of the surge's region.
    pub(super) fn check(&self) -> Result<Option<u16>, ScenarioError> {
        if self.regions.len() > MAX_REGIONS {
            return Err(ScenarioError::TooManyRegions(self.regions.len()));
        }
        for pool in &self.regions {
            if pool.ranges.is_empty() || pool.ranges.iter().any(|(first, last)| first > last) {
                return Err(ScenarioError::BadRanges(pool.region.clone()));
            }
        }
        let Some(surge) = &self.surge else {
            return Ok(None);
        };
        if !(0.0..=1.0).contains(&surge.share) {
            return Err(ScenarioError::BadShare);
        }
        let place = self.regions.iter().position(|pool| pool.region == surge.region);
        place
            .and_then(|place| u16::try_from(place).ok())
            .map(Some)
            .ok_or_else(|| ScenarioError::UnknownRegion(surge.region.clone()))
    }
}
