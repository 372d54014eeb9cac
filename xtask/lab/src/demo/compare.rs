//! What was sent beside what was counted.

use std::collections::BTreeMap;

use super::counts::{Counts, Marked, Port, PortCount, Transport};

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
mod tests {
    use super::*;

    const TELNET: Port = Port {
        transport: Transport::Tcp,
        port: 23,
    };
    const SIP: Port = Port {
        transport: Transport::Udp,
        port: 5_060,
    };

    /// Some of everything.
    fn counts() -> Counts {
        let of = |name: &str, packets| BTreeMap::from([(name.to_owned(), packets)]);
        let marked = |packets, mirai| Marked { packets, mirai };
        Counts {
            frames: 20,
            outcomes: of("observed_tcp", 12),
            classes: of("scan", 17),
            ports: BTreeMap::from([
                (
                    TELNET,
                    PortCount {
                        packets: 12,
                        syn: 11,
                        mirai: 6,
                    },
                ),
                (
                    SIP,
                    PortCount {
                        packets: 5,
                        ..PortCount::default()
                    },
                ),
            ]),
            protocols: BTreeMap::from([(47, 3)]),
            regions: BTreeMap::from([("JP".to_owned(), marked(17, 6))]),
            pairs: BTreeMap::from([
                ((TELNET, "JP".to_owned()), marked(12, 6)),
                ((SIP, "JP".to_owned()), marked(5, 0)),
            ]),
            other_pairs: Marked::default(),
            mirai: 6,
            tools: of("zmap", 5),
        }
    }

    fn difference(sent: &Counts, counted: &Counts, cells_overflow: u64) -> u64 {
        let sections = Comparison::new(sent, counted, cells_overflow).sections();
        sections.iter().map(Section::difference).sum()
    }

    #[test]
    fn the_same_counts_have_no_difference() {
        assert_eq!(difference(&counts(), &counts(), 0), 0);
    }

    #[test]
    fn whatever_is_counted_wrongly_is_a_difference() {
        type Fault = fn(&mut Counts);
        let faults: [(&str, Fault); 18] = [
            ("a frame less", |counts| counts.frames -= 1),
            ("an outcome", |counts| {
                *counts.outcomes.get_mut("observed_tcp").unwrap() += 1;
            }),
            ("an outcome that was not sent", |counts| {
                counts.outcomes.insert("internal".to_owned(), 1);
            }),
            ("an outcome that was not counted", |counts| {
                counts.outcomes.clear();
            }),
            ("a class", |counts| *counts.classes.get_mut("scan").unwrap() -= 1),
            ("a port", |counts| {
                counts.ports.get_mut(&TELNET).unwrap().packets += 1;
            }),
            ("a SYN", |counts| counts.ports.get_mut(&TELNET).unwrap().syn -= 1),
            ("a mark", |counts| {
                counts.ports.get_mut(&TELNET).unwrap().mirai += 1;
            }),
            ("the wrong port", |counts| {
                let count = counts.ports.remove(&SIP).unwrap();
                counts.ports.insert(Port { port: 5_061, ..SIP }, count);
            }),
            ("a protocol", |counts| {
                *counts.protocols.get_mut(&47).unwrap() += 1;
            }),
            ("a region", |counts| {
                counts.regions.get_mut("JP").unwrap().packets -= 1;
            }),
            ("a region's marks", |counts| {
                counts.regions.get_mut("JP").unwrap().mirai += 1;
            }),
            ("a pair", |counts| {
                counts.pairs.remove(&(SIP, "JP".to_owned()));
            }),
            ("a pair's marks", |counts| {
                counts.pairs.get_mut(&(TELNET, "JP".to_owned())).unwrap().mirai -= 1;
            }),
            ("a rest of nothing", |counts| counts.other_pairs.packets += 1),
            ("a tool", |counts| counts.mirai -= 1),
            ("another tool", |counts| {
                *counts.tools.get_mut("zmap").unwrap() += 1;
            }),
            ("the wrong tool", |counts| {
                let packets = counts.tools.remove("zmap").unwrap();
                counts.tools.insert("masscan".to_owned(), packets);
            }),
        ];
        for (name, fault) in faults {
            let mut counted = counts();
            fault(&mut counted);
            assert_ne!(difference(&counts(), &counted, 0), 0, "{name}");
        }
    }

    #[test]
    fn pairs_without_a_row_have_to_be_the_rest() {
        let mut counted = counts();
        counted.pairs.remove(&(SIP, "JP".to_owned()));
        counted.other_pairs.packets = 5;
        assert_eq!(difference(&counts(), &counted, 0), 0);
        counted.other_pairs.packets = 4;
        assert_eq!(difference(&counts(), &counted, 0), 1);
        counted.other_pairs = Marked { packets: 5, mirai: 1 };
        assert_eq!(difference(&counts(), &counted, 0), 1);
    }

    #[test]
    fn a_row_may_be_short_of_what_found_no_cell_and_of_nothing_else() {
        let mut counted = counts();
        counted.pairs.get_mut(&(TELNET, "JP".to_owned())).unwrap().packets -= 2;
        counted.other_pairs.packets = 2;
        assert_eq!(difference(&counts(), &counted, 2), 0);
        assert_ne!(
            difference(&counts(), &counted, 0),
            0,
            "there was a cell for everything"
        );
        counted.other_pairs.packets = 3;
        assert_eq!(difference(&counts(), &counted, 2), 1);
        counted.pairs.get_mut(&(TELNET, "JP".to_owned())).unwrap().packets = 13;
        assert_ne!(difference(&counts(), &counted, 2), 0, "more than was sent");
    }

    #[test]
    fn a_section_is_ranked_and_says_nothing_of_what_is_not_there() {
        let both = |packets| Both {
            sent: packets,
            counted: packets,
        };
        let section = Section::ranked(
            "x",
            [("a", both(1)), ("b", both(0)), ("c", both(2)), ("d", both(1))],
        );
        let names: Vec<_> = section.rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["c", "a", "d"]);
    }
}
