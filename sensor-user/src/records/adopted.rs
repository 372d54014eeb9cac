//! What a daemon that adopts counters owes the records: what came since they were last followed, and what was lost.

use sensor_keep::{Addition, Followed, Reached};

use super::{Reading, rows::count};
use crate::pipeline::ledger::Amount;

/// Counters that outlive daemons, as this one found them.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// Which counters: a number that tells them from all others.
    pub epoch: u64,
    /// What they showed.
    pub reading: Reading,
    /// What earlier daemons had read of the records of flows.
    pub read: Amount,
    /// Whether the last of them died; if not, it stopped, or kept no records.
    pub died: bool,
}

impl Adopted {
    /// What the records that were `followed` so far lack, for the hour of now. Nothing where these counters were never
    /// followed: then the records begin here.
    #[must_use]
    pub fn owed(&self, followed: Option<&Followed>) -> Option<Addition> {
        let followed = followed.filter(|followed| followed.epoch == self.epoch)?;
        let last = Reading::from_counters(&followed.counters)?;
        let mut owed = Addition {
            coverage: self.reading.since(&last),
            ..Addition::default()
        };
        let (Some(packets), Some(records)) = (
            self.read.packets.checked_sub(followed.packets),
            self.read.records.checked_sub(followed.records),
        ) else {
            tracing::error!(
                read = self.read.packets,
                recorded = followed.packets,
                "the records hold more than was read: some packets stand there twice; report this as a bug"
            );
            return Some(owed);
        };
        if self.died {
            owed.coverage.lost_crash_packets = count(packets);
            owed.coverage.lost_crash_records = count(records);
        } else {
            owed.coverage.unrecorded = count(packets);
            owed.records = records;
        }
        Some(owed)
    }

    /// How far the records are when they begin here.
    #[must_use]
    pub fn reached(&self) -> Reached {
        Reached {
            epoch: self.epoch,
            counters: self.reading.counters(),
            before: (self.read.packets, self.read.records),
        }
    }
}

#[cfg(test)]
mod tests {
    use sensor_common::Outcome;

    use super::*;

    const EPOCH: u64 = 7;

    /// A reading of so many packets that were all observed alike.
    fn reading(packets: u64) -> Reading {
        let mut counters = Reading::default().counters();
        let observed = Outcome::ALL.into_iter().find(|outcome| outcome.is_observed());
        counters[observed.unwrap() as usize] = packets;
        Reading::from_counters(&counters).unwrap()
    }

    fn followed(epoch: u64) -> Followed {
        Followed {
            epoch,
            counters: reading(100).counters(),
            packets: 80,
            records: 8,
        }
    }

    fn adopted(died: bool) -> Adopted {
        Adopted {
            epoch: EPOCH,
            reading: reading(150),
            read: Amount {
                packets: 90,
                records: 9,
            },
            died,
        }
    }

    #[test]
    fn what_came_while_nobody_followed_and_what_died_is_owed() {
        let owed = adopted(true).owed(Some(&followed(EPOCH))).unwrap().coverage;
        assert_eq!((owed.seen, owed.observed), (50, 50));
        assert_eq!((owed.lost_crash_packets, owed.lost_crash_records), (10, 1));
        assert_eq!(owed.unrecorded, 0);
    }

    #[test]
    fn what_a_daemon_without_records_took_in_is_unrecorded() {
        let owed = adopted(false).owed(Some(&followed(EPOCH))).unwrap();
        assert_eq!((owed.coverage.unrecorded, owed.records), (10, 1));
        assert_eq!(owed.coverage.lost_crash_packets, 0);
    }

    #[test]
    fn records_begin_with_counters_that_they_never_followed() {
        assert_eq!(adopted(true).owed(None), None);
        assert_eq!(adopted(true).owed(Some(&followed(EPOCH + 1))), None);
        assert_eq!(adopted(true).reached().before, (90, 9));
    }
}
