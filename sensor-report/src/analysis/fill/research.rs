//! Packets of scanners that say of themselves that they are of research.

use std::collections::BTreeMap;

use super::{
    super::{keys::PortId, rank::Entry},
    Filler,
};
use crate::model::{Change, ResearchPort, ResearchScans, Scanner};

impl Filler<'_> {
    /// What is known of them, over all scans and the first ports.
    pub(super) fn research(&self, ports: &[Entry<PortId>]) -> Option<ResearchScans> {
        self.material.request.lists.research.as_ref()?;
        let scans = self.whole(|_| true).packets;
        let packets = self.of_research(|_| true);
        let mut scanners: BTreeMap<&str, Change<u64>> = BTreeMap::new();
        let networks = &self.material.networks;
        for ((name, _), packets) in &networks.before.research {
            let known = scanners.entry(name).or_insert(Change { before: 0, after: 0 });
            known.before += packets;
        }
        for ((name, _), packets) in &networks.after.research {
            let known = scanners.entry(name).or_insert(Change { before: 0, after: 0 });
            known.after += packets;
        }
        let scanners = scanners.into_iter().map(|(name, packets)| Scanner {
            name: name.to_owned(),
            packets,
        });
        let mut scanners: Vec<_> = scanners.collect();
        scanners.sort_by_key(|scanner| std::cmp::Reverse(scanner.packets.after));
        let (rows, _) = self.shown(ports);
        let ports = rows.iter().filter_map(|entry| {
            let packets = self.of_research(|port| port == entry.key);
            Some(ResearchPort {
                key: entry.key.port()?,
                packets,
                share: shares(packets, entry.packets),
            })
        });
        Some(ResearchScans {
            packets,
            share: shares(packets, scans),
            ports: ports.collect(),
            scanners,
        })
    }

    fn of_research(&self, select: impl Fn(PortId) -> bool) -> Change<u64> {
        let sum = |research: &BTreeMap<(String, PortId), u64>| {
            let selected = research.iter().filter(|((_, port), _)| select(*port));
            selected.map(|(_, packets)| packets).sum()
        };
        Change {
            before: sum(&self.material.networks.before.research),
            after: sum(&self.material.networks.after.research),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn shares(parts: Change<u64>, wholes: Change<u64>) -> Change<Option<f64>> {
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    Change {
        before: share(parts.before, wholes.before),
        after: share(parts.after, wholes.after),
    }
}
