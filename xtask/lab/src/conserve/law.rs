//! The terms of the law, from both sides, and what is left when they are held against each other.

use sensor_common::generator::PortBooks;
use serde::Serialize;

use crate::{
    daemon::{PortRow, Snapshot},
    live::Truth,
};

/// Every term. Packets where nothing else is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Terms {
    /// That the generator made.
    pub generated: u64,
    /// That the driver of the sensor's end counted.
    pub arrived: u64,
    /// That the sensor saw, by its interfaces.
    pub seen: u64,
    /// That it saw, by outcomes.
    pub outcomes: u64,
    /// To watched addresses, by outcomes.
    pub observed: u64,
    /// To watched addresses, by ports, ICMP and other transports.
    pub observed_by_kind: u64,
    /// To watched addresses, by TCP port, added up row by row: all that is generated is TCP.
    pub ports: u64,
    /// With the Mirai mark, that the generator made.
    pub mirai_generated: u64,
    /// With the Mirai mark, that the sensor counted.
    pub mirai_counted: u64,
    /// In records read from the ring.
    pub drained: u64,
    /// In records taken into the derived totals.
    pub derived: u64,
    /// In caches and batches.
    pub resident: i64,
    /// In records that the ring refused.
    pub lost_ring: u64,
    /// In records that were read and could not be taken in.
    pub lost_queue: u64,
    /// In records that died with a daemon.
    pub lost_crash: u64,
    /// Records read from the ring.
    pub records: u64,
    /// Records lost, for either reason.
    pub records_lost: u64,
    /// The worst that any marker ever showed.
    pub marker_difference: i64,
    /// Ports whose packets or Mirai packets are not those that were generated; none when they were not counted.
    pub ports_that_differ: u64,
}

/// A difference that the law wants to be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Of what, for programs.
    pub key: &'static str,
    /// Of what, for people.
    pub name: &'static str,
    /// 0, or something is wrong.
    pub value: i64,
}

impl Terms {
    /// The terms of a load of `truth`, of which `arrived` frames came to the sensor's end, and a snapshot with every
    /// port, taken at rest.
    #[must_use]
    pub fn new(truth: &Truth, arrived: u64, snapshot: &Snapshot) -> Self {
        let law = &snapshot.conservation;
        let tcp = || snapshot.ports.iter().filter(|row| row.transport == "tcp");
        Self {
            generated: truth.frames(),
            arrived,
            seen: snapshot.interfaces.values().sum(),
            outcomes: snapshot.outcomes.values().sum(),
            observed: law.observed,
            observed_by_kind: law.observed_by_kind,
            ports: tcp().map(|row| row.packets).sum(),
            mirai_generated: truth.mirai,
            mirai_counted: tcp().map(|row| row.mirai).sum(),
            drained: law.drained,
            derived: law.derived + law.derived_earlier,
            resident: law.resident,
            lost_ring: law.lost_ring,
            lost_queue: law.lost_queue,
            lost_crash: law.lost_crash,
            records: law.records,
            records_lost: law.records_lost,
            marker_difference: law.difference,
            ports_that_differ: truth
                .ports
                .as_deref()
                .map_or(0, |generated| ports_that_differ(generated, tcp())),
        }
    }

    /// Everything that has to be 0 at rest.
    #[must_use]
    pub fn differences(&self) -> [Difference; 11] {
        let difference = |key, name, value| Difference { key, name, value };
        let between = |key, name, left: u64, right: u64| difference(key, name, signed(left) - signed(right));
        let accounted = signed(self.drained) + self.resident + signed(self.lost_ring);
        [
            between("arrival", "generated − arrived", self.generated, self.arrived),
            between("sight", "arrived − seen", self.arrived, self.seen),
            between("outcomes", "seen − Σ outcomes", self.seen, self.outcomes),
            between(
                "observation",
                "generated − observed",
                self.generated,
                self.observed,
            ),
            between(
                "kinds",
                "observed − by kind",
                self.observed,
                self.observed_by_kind,
            ),
            between("ports", "observed − Σ ports", self.observed, self.ports),
            between(
                "mirai",
                "Mirai generated − counted",
                self.mirai_generated,
                self.mirai_counted,
            ),
            difference("each_port", "ports that differ", signed(self.ports_that_differ)),
            difference(
                "detail",
                "observed − drained − resident − lost in the ring",
                signed(self.observed) - accounted,
            ),
            difference(
                "derivation",
                "drained − derived − lost in the queue",
                signed(self.drained)
                    - signed(self.derived)
                    - signed(self.lost_queue)
                    - signed(self.lost_crash),
            ),
            difference("markers", "worst of any marker", self.marker_difference),
        ]
    }

    /// The worst of [`Self::differences`]: 0, or something is wrong.
    #[must_use]
    pub fn difference(&self) -> i64 {
        self.differences()
            .into_iter()
            .map(|difference| difference.value)
            .max_by_key(|value| value.abs())
            .unwrap_or(0)
    }
}

fn ports_that_differ<'rows>(generated: &[PortBooks], rows: impl Iterator<Item = &'rows PortRow>) -> u64 {
    let mut counted = vec![PortBooks::default(); generated.len()];
    for row in rows {
        if let Some(port) = counted.get_mut(usize::from(row.port)) {
            *port = PortBooks {
                frames: row.packets,
                mirai: row.mirai,
            };
        }
    }
    let differ = generated
        .iter()
        .zip(&counted)
        .filter(|(left, right)| left != right);
    differ.count() as u64
}

/// A count as a signed number. None here ever reaches 2^63.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balanced() -> Terms {
        Terms {
            generated: 1000,
            arrived: 1000,
            seen: 1000,
            outcomes: 1000,
            observed: 1000,
            observed_by_kind: 1000,
            ports: 1000,
            mirai_generated: 125,
            mirai_counted: 125,
            drained: 900,
            derived: 850,
            resident: 30,
            lost_ring: 70,
            lost_queue: 40,
            lost_crash: 10,
            records: 600,
            records_lost: 60,
            marker_difference: 0,
            ports_that_differ: 0,
        }
    }

    #[test]
    fn terms_that_add_up_show_no_difference() {
        assert_eq!(balanced().difference(), 0);
    }

    #[test]
    fn one_packet_too_few_or_too_many_in_any_term_is_a_difference() {
        let terms: [fn(&mut Terms) -> &mut u64; 15] = [
            |terms| &mut terms.generated,
            |terms| &mut terms.arrived,
            |terms| &mut terms.seen,
            |terms| &mut terms.outcomes,
            |terms| &mut terms.observed,
            |terms| &mut terms.observed_by_kind,
            |terms| &mut terms.ports,
            |terms| &mut terms.mirai_generated,
            |terms| &mut terms.mirai_counted,
            |terms| &mut terms.drained,
            |terms| &mut terms.derived,
            |terms| &mut terms.lost_ring,
            |terms| &mut terms.lost_queue,
            |terms| &mut terms.lost_crash,
            |terms| &mut terms.ports_that_differ,
        ];
        for (place, term) in terms.into_iter().enumerate() {
            let mut more = balanced();
            *term(&mut more) += 1;
            assert_ne!(more.difference(), 0, "one more in term {place}");
            let mut less = balanced();
            *term(&mut less) = term(&mut less).wrapping_sub(1);
            assert_ne!(less.difference(), 0, "one less in term {place}");
        }
        for wrong in [
            Terms {
                resident: 31,
                ..balanced()
            },
            Terms {
                marker_difference: -1,
                ..balanced()
            },
        ] {
            assert_ne!(wrong.difference(), 0, "{wrong:?}");
        }
    }

    #[test]
    fn a_packet_under_the_wrong_port_is_two_ports_that_differ() {
        let row = |port, packets, mirai| PortRow {
            transport: "tcp".to_owned(),
            port,
            packets,
            syn: packets,
            mirai,
        };
        let books = |frames, mirai| PortBooks { frames, mirai };
        let generated = [books(0, 0), books(5, 1), books(3, 0)];
        let differ = |rows: &[PortRow]| ports_that_differ(&generated, rows.iter());
        assert_eq!(differ(&[row(1, 5, 1), row(2, 3, 0)]), 0);
        assert_eq!(differ(&[row(1, 4, 1), row(2, 4, 0)]), 2);
        assert_eq!(differ(&[row(1, 5, 0), row(2, 3, 0)]), 1);
        assert_eq!(differ(&[row(1, 5, 1)]), 1);
    }
}
