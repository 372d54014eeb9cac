//! Which ports, regions and pairs have series of their own, decided at each tick from the totals.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::listing::Listing;
use crate::{
    pipeline::{PortName, PortTransport, derive::Derived, totals::KernelTotals},
    region::Region,
};

/// Ports that are listed for ranking so high.
const RANKED_PORTS: usize = 32;
/// Regions that are listed for ranking so high.
const RANKED_REGIONS: usize = 48;
/// Regions of a watched port that are listed for ranking so high.
pub const RANKED_REGIONS_OF_PORT: usize = 40;
/// The time over which is ranked.
const RANKING_WINDOW: Duration = Duration::from_mins(5);
/// Regions with series of their own.
pub const LISTED_REGIONS: usize = 64;
/// Watched ports with series by region.
pub const PORTS_BY_REGION: usize = 10;

/// The listings.
pub struct Series {
    /// Packets, SYN, Mirai.
    pub ports: Listing<PortName, 3>,
    /// Packets, Mirai.
    pub regions: Listing<Region, 2>,
    /// Scans.
    pub pairs: Listing<(PortName, Region), 1>,
    ranked_ports: Ranking<PortName>,
    ranked_regions: Ranking<Region>,
    ranked_pairs: Ranking<(PortName, Region)>,
}

/// The totals over all keys, for what is in `other`.
#[derive(Clone, Copy, Debug)]
pub struct Sums {
    /// Packets, SYN, Mirai.
    pub ports: [u64; 3],
    /// Packets, Mirai.
    pub regions: [u64; 2],
    /// Packets: all that were taken into the derived totals, scans of watched ports or not.
    pub pairs: [u64; 1],
}

impl Series {
    /// Listings of at most `listed_ports` ports; `watched` ones are always there.
    #[must_use]
    pub fn new(listed_ports: usize, watched: &[PortName]) -> Self {
        Self {
            ports: Listing::new(listed_ports, watched.iter().copied()),
            regions: Listing::new(LISTED_REGIONS, [Region::UNKNOWN, Region::BOGON]),
            pairs: Listing::new(PORTS_BY_REGION * RANKED_REGIONS_OF_PORT, []),
            ranked_ports: Ranking::default(),
            ranked_regions: Ranking::default(),
            ranked_pairs: Ranking::default(),
        }
    }

    /// Takes the totals of this moment.
    pub fn update(&mut self, totals: &KernelTotals, derived: &Derived, scrapes: u64) -> Sums {
        let ranked = self.ranked_ports.update(
            port_names().map(|port| (port, of_port(totals, port)[0])),
            RANKED_PORTS,
        );
        self.ports.update(|port| of_port(totals, port), &ranked, scrapes);

        let ranked = self.ranked_regions.update(
            all_regions().map(|region| (region, derived.regions[region.index()].packets)),
            RANKED_REGIONS,
        );
        let of_region = |region: Region| {
            let marked = derived.regions[region.index()];
            [marked.packets, marked.mirai]
        };
        self.regions.update(of_region, &ranked, scrapes);

        let ranked = self.ranked_pairs.update(
            derived.watched.iter().flat_map(|(port, regions)| {
                all_regions().map(move |region| ((*port, region), regions[region.index()]))
            }),
            PORTS_BY_REGION * RANKED_REGIONS_OF_PORT,
        );
        let of_pair = |(port, region): (PortName, Region)| {
            let regions = derived.watched.iter().find(|(watched, _)| *watched == port);
            [regions.map_or(0, |(_, regions)| regions[region.index()])]
        };
        self.pairs.update(of_pair, &ranked, scrapes);
        Sums {
            ports: all_ports(totals),
            regions: all_regions()
                .map(of_region)
                .fold([0; 2], |[packets, mirai], [p, m]| [packets + p, mirai + m]),
            pairs: [derived.packets],
        }
    }
}

/// Packets, SYN, Mirai of a port.
fn of_port(totals: &KernelTotals, name: PortName) -> [u64; 3] {
    let counters = &totals.ports[usize::from(name.port)];
    match name.transport {
        PortTransport::Tcp => [counters.tcp, counters.syn, counters.mirai],
        PortTransport::Udp => [counters.udp, 0, 0],
        PortTransport::Icmp if name.port == 0 => [totals.echo_requests(), 0, 0],
        PortTransport::Icmp => [0; 3],
    }
}

fn all_ports(totals: &KernelTotals) -> [u64; 3] {
    let mut all = [totals.echo_requests(), 0, 0];
    for counters in &totals.ports {
        all[0] += counters.tcp + counters.udp;
        all[1] += counters.syn;
        all[2] += counters.mirai;
    }
    all
}

fn port_names() -> impl Iterator<Item = PortName> {
    let name = |transport| move |port| PortName { transport, port };
    (0..=u16::MAX)
        .map(name(PortTransport::Tcp))
        .chain((0..=u16::MAX).map(name(PortTransport::Udp)))
        .chain([name(PortTransport::Icmp)(0)])
}

fn all_regions() -> impl Iterator<Item = Region> {
    (0..Region::COUNT).filter_map(Region::from_index)
}

/// Which keys rank over the last minutes: compared with totals from one to two half windows ago.
struct Ranking<K> {
    older: HashMap<K, u64>,
    newer: HashMap<K, u64>,
    turned: Option<Instant>,
}

impl<K> Default for Ranking<K> {
    fn default() -> Self {
        Self {
            older: HashMap::new(),
            newer: HashMap::new(),
            turned: None,
        }
    }
}

impl<K: Copy + Ord + std::hash::Hash> Ranking<K> {
    /// The first `count` keys by growth, best first.
    fn update(&mut self, totals: impl Iterator<Item = (K, u64)>, count: usize) -> Vec<K> {
        let totals: HashMap<K, u64> = totals.filter(|(_, packets)| *packets > 0).collect();
        let mut growth: Vec<(u64, K)> = totals
            .iter()
            .map(|(key, packets)| (packets - self.older.get(key).unwrap_or(&0), *key))
            .filter(|(growth, _)| *growth > 0)
            .collect();
        growth.sort_unstable_by_key(|(growth, key)| (std::cmp::Reverse(*growth), *key));
        if self
            .turned
            .is_none_or(|turned| turned.elapsed() >= RANKING_WINDOW / 2)
        {
            self.older = std::mem::replace(&mut self.newer, totals);
            self.turned = Some(Instant::now());
        }
        growth.into_iter().take(count).map(|(_, key)| key).collect()
    }
}
