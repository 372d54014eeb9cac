//! Where the scenario's packets come from and go to.

use std::net::{IpAddr, Ipv4Addr};

use fastrand::Rng;
use ipnet::IpNet;

use super::{RegionPool, ScenarioError, mix::Draw};
use crate::watched::Prefixes;

/// Of a hundred packets, those that the heavy sources send: the first hundredth of each pool. At a real telescope
/// the top 1 % of sources send over 81 %.
pub const HEAVY_SHARE: u32 = 81;

/// Where sources lie when no region is given: the block for benchmarks (RFC 2544), which is nobody's.
pub const DEFAULT_SOURCES: (Ipv4Addr, Ipv4Addr) =
    (Ipv4Addr::new(198, 18, 0, 0), Ipv4Addr::new(198, 19, 255, 255));

/// Where IPv6 sources lie: in the block for documentation (RFC 3849).
const SOURCES_V6: u128 = 0x2001_0db8_0bad_0000_0000_0000_0000_0000;

/// A sender, and the place of its region in the plan, if there are regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) address: u32,
    pub(super) region: Option<u16>,
}

/// The senders of one kind of packet, by region.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    regions: Draw<u16>,
    pools: Vec<Vec<Source>>,
}

impl Sources {
    /// `count` senders. The region that is named first sends most: the one at place n gets 1/n of its share, of
    /// packets as of senders.
    pub(super) fn new(rng: &mut Rng, count: usize, regions: &[RegionPool]) -> Self {
        let weights = share_by_place(regions.len().max(1));
        let total: usize = weights.iter().map(|(_, weight)| weight).sum();
        let pools = weights
            .iter()
            .map(|&(place, weight)| {
                let share = (count * weight / total).max(4);
                let pool = regions.get(usize::from(place));
                draw_pool(rng, share, pool.map(|pool| (place, &pool.ranges[..])))
            })
            .collect();
        Self {
            regions: Draw::new(weights),
            pools,
        }
    }

    /// `count` senders of one region alone.
    pub(super) fn of_region(
        rng: &mut Rng,
        count: usize,
        place: u16,
        ranges: &[(Ipv4Addr, Ipv4Addr)],
    ) -> Self {
        Self {
            regions: Draw::new([(0, 1)]),
            pools: vec![draw_pool(rng, count.max(4), Some((place, ranges)))],
        }
    }

    /// A sender, heavy ones far more often.
    pub(super) fn next(&self, rng: &mut Rng) -> Source {
        let pool = &self.pools[usize::from(self.regions.next(rng))];
        let heavy = pool.len().div_ceil(100);
        let place = if rng.u32(..100) < HEAVY_SHARE {
            // The lower of two draws: also among the heavy, the first send most.
            rng.usize(..heavy).min(rng.usize(..heavy))
        } else {
            rng.usize(..pool.len())
        };
        pool[place]
    }

    /// A sender, each as often as the others.
    pub(super) fn next_evenly(&self, rng: &mut Rng) -> Source {
        let pool = &self.pools[usize::from(self.regions.next(rng))];
        pool[rng.usize(..pool.len())]
    }
}

/// The place of each region with its weight: 4096, then a half, a third, and so on.
fn share_by_place(count: usize) -> Vec<(u16, usize)> {
    (0..=u16::MAX)
        .take(count)
        .map(|place| (place, (4_096 / (usize::from(place) + 1)).max(1)))
        .collect()
}

fn draw_pool(rng: &mut Rng, count: usize, region: Option<(u16, &[(Ipv4Addr, Ipv4Addr)])>) -> Vec<Source> {
    let (place, ranges) = match region {
        Some((place, ranges)) => (Some(place), ranges),
        None => (None, &[DEFAULT_SOURCES][..]),
    };
    let ranges = Ranges::new(
        ranges
            .iter()
            .map(|(first, last)| (first.to_bits(), last.to_bits())),
    );
    (0..count)
        .map(|_| Source {
            address: ranges.next(rng),
            region: place,
        })
        .collect()
}

/// IPv4 ranges, each address as likely as the others.
#[derive(Clone, Debug)]
struct Ranges {
    /// How many addresses lie in this range and those before it, and its last address.
    ends: Vec<(u64, u32)>,
}

impl Ranges {
    /// Ranges by first and last address; none is empty.
    fn new(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut count = 0;
        let ends = ranges
            .into_iter()
            .map(|(first, last)| {
                count += u64::from(last - first) + 1;
                (count, last)
            })
            .collect();
        Self { ends }
    }

    fn next(&self, rng: &mut Rng) -> u32 {
        let count = self.ends.last().map_or(1, |(count, _)| *count);
        let drawn = rng.u64(..count);
        let (end, last) = self.ends[self.ends.partition_point(|(end, _)| *end <= drawn)];
        // The distance to the range's end is below 2^32, as its length is.
        last - u32::try_from(end - 1 - drawn).unwrap_or(0)
    }
}

/// What the packets are sent to.
#[derive(Clone, Debug)]
pub(super) struct Destinations {
    watched: Ranges,
    /// IPv6 prefixes: the network, and how many of its addresses are tried (at most 65,536 from the first on).
    watched_v6: Vec<(u128, u128)>,
    beside: Vec<u32>,
}

/// An IPv6 address in the block for documentation that stands for all that is not watched.
const ELSEWHERE_V6: [u128; 2] = [
    0x2001_0db8_0e15_e000_0000_0000_0000_0001,
    0x2001_0db8_0e15_e001_0000_0000_0000_0001,
];

impl Destinations {
    /// # Errors
    /// When no IPv4 prefix is watched, or no address beside the watched ones can be found.
    pub(super) fn new(watched: &[IpNet]) -> Result<Self, ScenarioError> {
        let all = Prefixes::from(watched.to_vec());
        let (mut v4, mut v6, mut beside) = (Vec::new(), Vec::new(), Vec::new());
        for prefix in watched {
            match prefix {
                IpNet::V4(prefix) => {
                    let (first, last) = (prefix.network().to_bits(), prefix.broadcast().to_bits());
                    v4.push((first, last));
                    beside.extend(first.checked_sub(1));
                    beside.extend(last.checked_add(1));
                }
                IpNet::V6(prefix) => {
                    let host_bits = u32::from(128 - prefix.prefix_len()).min(16);
                    v6.push((prefix.network().to_bits(), 1 << host_bits));
                }
            }
        }
        beside.retain(|address| !all.contains(IpAddr::V4(Ipv4Addr::from_bits(*address))));
        if v4.is_empty() {
            return Err(ScenarioError::NoIpv4Watched);
        }
        if beside.is_empty() {
            return Err(ScenarioError::NothingBeside);
        }
        Ok(Self {
            watched: Ranges::new(v4),
            watched_v6: v6,
            beside,
        })
    }

    pub(super) fn watched(&self, rng: &mut Rng) -> u32 {
        self.watched.next(rng)
    }

    /// A watched IPv6 address near the beginning of its prefix, where scans look; `None` when none is watched.
    pub(super) fn watched_v6(&self, rng: &mut Rng) -> Option<u128> {
        let (network, count) = *rng.choice(&self.watched_v6)?;
        Some(network | rng.u128(..count))
    }

    pub(super) fn beside(&self, rng: &mut Rng) -> u32 {
        self.beside[rng.usize(..self.beside.len())]
    }

    /// An IPv6 address for when none is watched.
    pub(super) fn elsewhere_v6(rng: &mut Rng) -> u128 {
        ELSEWHERE_V6[rng.usize(..ELSEWHERE_V6.len())]
    }
}

/// An IPv6 sender out of `count`, the first far more often.
pub(super) fn source_v6(rng: &mut Rng, count: u32) -> u128 {
    let place = rng.u32(..count).min(rng.u32(..count)).min(rng.u32(..count));
    SOURCES_V6 | u128::from(place) << 64 | 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_address_of_all_ranges_is_as_likely_as_the_others() {
        let ranges = Ranges::new([(10, 10), (20, 22), (u32::MAX, u32::MAX)]);
        let mut rng = Rng::with_seed(1);
        let mut seen = BTreeMap::new();
        for _ in 0..50_000 {
            *seen.entry(ranges.next(&mut rng)).or_insert(0) += 1;
        }
        assert_eq!(
            seen.keys().copied().collect::<Vec<_>>(),
            [10, 20, 21, 22, u32::MAX]
        );
        for (address, times) in seen {
            assert!((9_500..10_500).contains(&times), "{address}: {times}");
        }
    }

    #[test]
    fn the_whole_of_ipv4_is_a_range() {
        let ranges = Ranges::new([(0, u32::MAX)]);
        let mut rng = Rng::with_seed(1);
        let high = (0..1_000)
            .filter(|_| ranges.next(&mut rng) > u32::MAX / 2)
            .count();
        assert!((400..600).contains(&high));
    }

    #[test]
    fn the_first_hundredth_of_the_sources_sends_over_four_fifths() {
        let mut rng = Rng::with_seed(1);
        let sources = Sources::new(&mut rng, 10_000, &[]);
        let mut sent: BTreeMap<u32, u32> = BTreeMap::new();
        for _ in 0..100_000 {
            *sent.entry(sources.next(&mut rng).address).or_default() += 1;
        }
        let mut counts: Vec<_> = sent.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let heavy: u32 = counts.iter().take(100).sum();
        assert!((81_000..83_000).contains(&heavy), "{heavy}");
        assert!(counts.len() > 5_000, "{}", counts.len());
        assert!(counts[0] < 3_000, "no single source dominates: {}", counts[0]);
    }
}
