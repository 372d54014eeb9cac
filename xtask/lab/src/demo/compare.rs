//! What was sent beside what was counted.

use std::collections::BTreeMap;

use super::{
    counts::Counts,
    port::{Marked, Port, PortCount, Transport},
};

/// A figure as it was sent and as it was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Both<T> {
    /// As it was sent.
    pub sent: T,
    /// As it was counted.
    pub counted: T,
}

impl<T> Both<T> {
    fn map<U>(self, figure: impl Fn(T) -> U) -> Both<U> {
        Both {
            sent: figure(self.sent),
            counted: figure(self.counted),
        }
    }
}

impl Both<u64> {
    /// By how much they differ.
    #[must_use]
    pub const fn difference(self) -> u64 {
        self.sent.abs_diff(self.counted)
    }
}

/// One line of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is counted.
    pub name: String,
    /// How many.
    pub packets: Both<u64>,
}

/// Lines of one kind, the most packets first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Of which kind.
    pub title: &'static str,
    /// The lines.
    pub rows: Vec<Row>,
}

impl Section {
    /// Lines in the order in which they are given.
    pub fn new<N: ToString>(title: &'static str, rows: impl IntoIterator<Item = (N, Both<u64>)>) -> Self {
        let rows = rows.into_iter().map(|(name, packets)| Row {
            name: name.to_string(),
            packets,
        });
        Self {
            title,
            rows: rows.collect(),
        }
    }

    fn ranked<N: ToString>(title: &'static str, rows: impl IntoIterator<Item = (N, Both<u64>)>) -> Self {
        let mut section = Self::new(title, rows);
        section.rows.retain(|row| row.packets != Both::default());
        // Stable: what has as many stays in the order of the keys.
        section
            .rows
            .sort_by_key(|row| std::cmp::Reverse(row.packets.sent.max(row.packets.counted)));
        section
    }

    /// The sum of all absolute differences.
    #[must_use]
    pub fn difference(&self) -> u64 {
        self.rows.iter().map(|row| row.packets.difference()).sum()
    }
}

/// Both sides of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Frames sent, and seen.
    pub frames: Both<u64>,
    /// By outcome.
    pub outcomes: BTreeMap<String, Both<u64>>,
    /// By class.
    pub classes: BTreeMap<String, Both<u64>>,
    /// By destination port.
    pub ports: BTreeMap<Port, Both<PortCount>>,
    /// By IP protocol number.
    pub protocols: BTreeMap<u8, Both<u64>>,
    /// By source region.
    pub regions: BTreeMap<String, Both<Marked>>,
    /// Scans by destination port and source region, as far as the sensor keeps a row for the pair.
    pub pairs: BTreeMap<(Port, String), Both<Marked>>,
    /// Scans of all other pairs together.
    pub other_pairs: Both<Marked>,
    /// With the Mirai mark.
    pub mirai: Both<u64>,
    /// By the tool that left its mark, however sure that is.
    pub tools: BTreeMap<String, Both<u64>>,
}

impl Comparison {
    /// Puts the two side by side. `cells_overflow` are the packets for which the sensor had no cell.
    #[must_use]
    pub fn new(sent: &Counts, counted: &Counts, cells_overflow: u64) -> Self {
        let (rows, rest) = rows_and_rest(sent, counted, cells_overflow);
        Self {
            frames: Both {
                sent: sent.frames,
                counted: counted.frames,
            },
            outcomes: side_by_side(&sent.outcomes, &counted.outcomes),
            classes: side_by_side(&sent.classes, &counted.classes),
            ports: side_by_side(&sent.ports, &counted.ports),
            protocols: side_by_side(&sent.protocols, &counted.protocols),
            regions: side_by_side(&sent.regions, &counted.regions),
            pairs: side_by_side(&rows, &counted.pairs),
            other_pairs: Both {
                sent: rest,
                counted: counted.other_pairs,
            },
            mirai: Both {
                sent: sent.mirai,
                counted: counted.mirai,
            },
            tools: side_by_side(&sent.tools, &counted.tools),
        }
    }

    /// Every figure of it, none twice.
    #[must_use]
    pub fn sections(&self) -> Vec<Section> {
        let sum = |figure: fn(&Port, PortCount) -> u64| {
            self.ports
                .iter()
                .fold(Both::default(), |sum: Both<u64>, (port, count)| Both {
                    sent: sum.sent + figure(port, count.sent),
                    counted: sum.counted + figure(port, count.counted),
                })
        };
        let udp = sum(|port, count| match port.transport {
            Transport::Udp => count.packets,
            _ => 0,
        });
        let of_ports = |title, figure: fn(PortCount) -> u64| {
            Section::ranked(
                title,
                self.ports.iter().map(|(port, count)| (port, count.map(figure))),
            )
        };
        let of_regions = |title, figure: fn(Marked) -> u64| {
            let rows = self
                .regions
                .iter()
                .map(|(region, count)| (region, count.map(figure)));
            Section::ranked(title, rows)
        };
        let of_pairs = |title, figure: fn(Marked) -> u64| {
            let rows = self
                .pairs
                .iter()
                .map(|((port, region), count)| (format!("{port} {region}"), count.map(figure)));
            let mut section = Section::ranked(title, rows);
            // Last, however many they are: these are what has no row of its own.
            let others = Section::ranked(title, [("pairs without a row", self.other_pairs.map(figure))]);
            section.rows.extend(others.rows);
            section
        };
        vec![
            Section::new(
                "all",
                [
                    ("packets sent, and seen", self.frames),
                    ("TCP SYN", sum(|_, count| count.syn)),
                    ("Mirai, by port", sum(|_, count| count.mirai)),
                    ("Mirai, by tool", self.mirai),
                    ("UDP", udp),
                ],
            ),
            Section::ranked("outcome", self.outcomes.clone()),
            Section::ranked("class", self.classes.clone()),
            of_ports("destination port", |count| count.packets),
            of_ports("TCP SYN by port", |count| count.syn),
            of_ports("Mirai by port", |count| count.mirai),
            Section::ranked(
                "other transports, fragments",
                self.protocols
                    .iter()
                    .map(|(protocol, packets)| (format!("IP protocol {protocol}"), *packets)),
            ),
            Section::ranked("tool", self.tools.clone()),
            of_regions("source region", |count| count.packets),
            of_regions("Mirai by source region", |count| count.mirai),
            of_pairs("scans by port and region", |count| count.packets),
            of_pairs("Mirai by port and region", |count| count.mirai),
        ]
    }
}

/// What should be in the rows of the pairs, and what in the sensor's rest of them.
///
/// The sensor has a row for the busiest pairs and one rest for the others. As long as it has a cell for everything, a row
/// is the whole of its pair. Once it has not, what found no cell is in the rest, and a row may be short of that.
fn rows_and_rest(
    sent: &Counts,
    counted: &Counts,
    cells_overflow: u64,
) -> (BTreeMap<(Port, String), Marked>, Marked) {
    let mut rest = Marked::default();
    if counted.other_pairs == rest {
        return (sent.pairs.clone(), rest);
    }
    let mut rows = sent.pairs.clone();
    rows.retain(|pair, sent| {
        let row = counted.pairs.get(pair).copied();
        let (in_row, keep) = match row {
            None => (Marked::default(), false),
            Some(row) if cells_overflow > 0 && row.packets <= sent.packets && row.mirai <= sent.mirai => {
                (row, true)
            }
            Some(_) => (*sent, true),
        };
        rest.packets += sent.packets - in_row.packets;
        rest.mirai += sent.mirai - in_row.mirai;
        *sent = in_row;
        keep
    });
    (rows, rest)
}

fn side_by_side<K: Clone + Ord, V: Copy + Default>(
    sent: &BTreeMap<K, V>,
    counted: &BTreeMap<K, V>,
) -> BTreeMap<K, Both<V>> {
    let mut rows: BTreeMap<K, Both<V>> = BTreeMap::new();
    for (key, value) in sent {
        rows.entry(key.clone()).or_default().sent = *value;
    }
    for (key, value) in counted {
        rows.entry(key.clone()).or_default().counted = *value;
    }
    rows
}

#[cfg(test)]
mod tests;
