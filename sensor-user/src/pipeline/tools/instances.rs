//! How many Mirai processes are behind an address: an estimate.
//!
//! A process of the published bot keeps its source port and its window. So each pair of them that comes again is taken for
//! one process, within an hour. Variants that draw a new pair for each packet cannot be counted: their pairs do not come
//! again. What is seen of a source are the first packets of its records, so this is a lower bound; a bot that is started
//! anew counts again.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use sensor_common::{Address, record::Record};
use serde::{Deserialize, Serialize};

/// Sources of an hour that are looked at.
const ROOM: usize = 7 << 13;
/// Pairs of one source that are told apart.
pub const MOST_PAIRS: usize = 8;
/// Records without a pair that comes again after which a source is said to vary.
const VARYING_RECORDS: u8 = 8;
/// Packets in one record whose ports all fall in one class, after which the pair is taken to have come again: by chance once
/// in 2^15 records.
const STEADY_PACKETS: u32 = 4;

/// What an hour came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instances {
    /// Sources with the Mirai mark that were looked at.
    pub sources: u64,
    /// Of those, sources with a pair of source port and window that came again.
    pub steady_sources: u64,
    /// Such pairs, added up over the sources: at least so many processes, or one for each source that has reached the limit.
    pub instances: u64,
    /// Sources with more than one.
    pub several: u64,
    /// Sources with as many as are told apart; they may have more.
    pub saturated: u64,
    /// Sources whose pairs never come again: nothing can be said of them.
    pub varying: u64,
    /// Packets of sources that found no room to be looked at.
    pub overlooked_packets: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Source {
    pairs: [(u16, u16); MOST_PAIRS],
    known: u8,
    /// Which of the pairs came again.
    steady: u8,
    records: u8,
}

/// The sources of an hour.
#[derive(Clone, Debug, Default)]
pub struct Hour {
    sources: HashMap<Address, Source, RandomState>,
    overlooked_packets: u64,
}

impl Hour {
    /// Takes in a record with the Mirai mark.
    pub fn add(&mut self, address: Address, record: &Record) {
        if self.sources.len() >= ROOM && !self.sources.contains_key(&address) {
            self.overlooked_packets += u64::from(record.packets);
            return;
        }
        let of_one_class = record.peer_ports.is_power_of_two();
        let steady = of_one_class && record.packets >= STEADY_PACKETS;
        let pair = (record.peer_port, record.window);
        self.sources.entry(address).or_default().add(pair, steady);
    }

    /// Begins anew, in the same memory.
    pub fn clear(&mut self) {
        self.sources.clear();
        self.overlooked_packets = 0;
    }

    /// What it comes to.
    #[must_use]
    pub fn instances(&self) -> Instances {
        let mut all = Instances {
            sources: self.sources.len() as u64,
            overlooked_packets: self.overlooked_packets,
            ..Instances::default()
        };
        for source in self.sources.values() {
            let steady = u64::from(source.steady.count_ones());
            all.instances += steady;
            all.steady_sources += u64::from(steady > 0);
            all.several += u64::from(steady > 1);
            all.saturated += u64::from(steady == MOST_PAIRS as u64);
            all.varying += u64::from(steady == 0 && source.records >= VARYING_RECORDS);
        }
        all
    }
}

impl Source {
    fn add(&mut self, pair: (u16, u16), steady: bool) {
        self.records = self.records.saturating_add(1);
        let known = usize::from(self.known);
        if let Some(place) = self.pairs[..known].iter().position(|other| *other == pair) {
            self.steady |= 1 << place;
            return;
        }
        let place = if known < MOST_PAIRS {
            self.known += 1;
            known
        } else {
            // A pair that never came again makes room: else a source that once varied would never be counted.
            match (0..MOST_PAIRS).find(|place| self.steady & 1 << place == 0) {
                Some(place) => place,
                None => return,
            }
        };
        self.pairs[place] = pair;
        if steady {
            self.steady |= 1 << place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::made::{record, scan};
    use sensor_common::{ToolSet, record::port_bit};

    fn add(hour: &mut Hour, source: u32, pair: (u16, u16)) {
        let mut record = record(source, scan(23, ToolSet::MIRAI), 1);
        (record.peer_port, record.window) = pair;
        record.peer_ports = port_bit(pair.0);
        hour.add(Address::v4(source), &record);
    }

    #[test]
    fn each_pair_that_comes_again_is_an_instance() {
        let mut hour = Hour::default();
        for _ in 0..3 {
            for process in 0..3 {
                add(&mut hour, 1, (2_000 + process, 9));
            }
            add(&mut hour, 2, (2_000, 9));
        }
        add(&mut hour, 3, (2_000, 9));
        let expected = Instances {
            sources: 3,
            steady_sources: 2,
            instances: 4,
            several: 1,
            ..Instances::default()
        };
        assert_eq!(hour.instances(), expected);
    }

    #[test]
    fn a_variant_that_draws_anew_is_said_to_vary_and_not_counted() {
        let mut hour = Hour::default();
        for packet in 0..1_000_u16 {
            add(&mut hour, 1, (1_024 + packet * 7, packet * 31));
        }
        let instances = hour.instances();
        assert_eq!((instances.varying, instances.instances), (1, 0));
    }

    #[test]
    fn more_than_can_be_told_apart_is_said_to_be_so() {
        let mut hour = Hour::default();
        for _ in 0..2 {
            for process in 0..20 {
                add(&mut hour, 1, (2_000 + process % 8, 9));
            }
        }
        let full = hour.instances();
        assert_eq!((full.instances, full.saturated), (8, 1));
        for _ in 0..2 {
            add(&mut hour, 1, (3_000, 9));
        }
        assert_eq!(hour.instances(), full, "a ninth changes nothing");
    }

    #[test]
    fn one_record_of_many_packets_from_one_port_is_enough() {
        let mut hour = Hour::default();
        let mut record = record(1, scan(23, ToolSet::MIRAI), 4);
        record.peer_ports = 1;
        hour.add(Address::v4(1), &record);
        record.peer_ports = 0b11;
        hour.add(Address::v4(2), &record);
        assert_eq!(hour.instances().instances, 1);
    }

    #[test]
    fn sources_beyond_the_room_are_counted_by_packets() {
        let mut hour = Hour::default();
        let room = u32::try_from(ROOM).unwrap();
        for source in 0..room + 10 {
            hour.add(Address::v4(source), &record(source, scan(23, ToolSet::MIRAI), 2));
        }
        let instances = hour.instances();
        assert_eq!(
            (instances.sources, instances.overlooked_packets),
            (u64::from(room), 20)
        );
    }
}
