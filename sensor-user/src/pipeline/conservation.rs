//! The law of conservation, checked at every marker.
//!
//! All that a CPU put into the ring before its marker has been read when the marker is. So at each one, exactly:
//! *read + lost = attempted*, and *observed − attempted* is what still lies in that CPU's cache and batch.

use std::collections::BTreeMap;

use sensor_common::record::{Marker, Record};

use super::ledger::Amount;

/// What was read of one CPU, and what its last marker said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cpu {
    read_packets: u64,
    read_records: u64,
    /// Terms of the last marker, taken together with what had been read then.
    last: Option<Balance>,
    /// The worst difference so far: a bug does not become none by the next marker.
    worst: i64,
}

/// The terms of the law for one CPU at one marker. All in packets but for the last two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// To watched addresses.
    pub observed: u64,
    /// In records read.
    pub read: u64,
    /// In records that the ring refused.
    pub lost: u64,
    /// In records that were sent or refused.
    pub attempted: u64,
    /// In the cache and the batch.
    pub resident: i64,
    /// Which marker.
    pub sequence: u32,
}

impl Balance {
    /// *attempted − read − lost*: 0, or a bug.
    #[must_use]
    pub fn difference(&self) -> i64 {
        difference_of(self.attempted, self.read.wrapping_add(self.lost))
    }
}

/// The books of all CPUs.
#[derive(Clone, Debug, Default)]
pub struct Conservation {
    cpus: BTreeMap<u32, Cpu>,
}

impl Conservation {
    /// Books that go on where others ended, with what had been read of each CPU.
    #[must_use]
    pub fn resume(read: impl IntoIterator<Item = (u32, Amount)>) -> Self {
        let cpu = |amount: Amount| Cpu {
            read_packets: amount.packets,
            read_records: amount.records,
            ..Cpu::default()
        };
        let cpus = read
            .into_iter()
            .filter(|(_, amount)| *amount != Amount::default());
        Self {
            cpus: cpus.map(|(number, amount)| (number, cpu(amount))).collect(),
        }
    }

    /// What was read of each CPU.
    pub fn read(&self) -> impl Iterator<Item = (u32, Amount)> + '_ {
        self.cpus.iter().map(|(number, cpu)| {
            let amount = Amount {
                packets: cpu.read_packets,
                records: cpu.read_records,
            };
            (*number, amount)
        })
    }

    /// Takes a record that was read.
    pub fn record(&mut self, record: &Record) {
        let cpu = self.cpus.entry(record.cpu.into()).or_default();
        cpu.read_packets = cpu.read_packets.wrapping_add(record.packets.into());
        cpu.read_records += 1;
    }

    /// Checks the law at a marker, and gives its terms.
    pub fn marker(&mut self, marker: &Marker) -> Balance {
        let cpu = self.cpus.entry(marker.cpu).or_default();
        let balance = Balance {
            observed: marker.observed_packets,
            read: cpu.read_packets,
            lost: marker.lost_packets,
            attempted: marker.attempted_packets,
            resident: difference_of(marker.observed_packets, marker.attempted_packets),
            sequence: marker.sequence,
        };
        // A negative residence is a wrong count as well: more left the cache than ever came.
        let difference = match balance.difference() {
            0 => balance.resident.min(0),
            difference => difference,
        };
        if difference.unsigned_abs() > cpu.worst.unsigned_abs() {
            cpu.worst = difference;
        }
        cpu.last = Some(balance);
        balance
    }

    /// The state of the law over all CPUs.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut report = Report::default();
        for cpu in self.cpus.values() {
            report.read_packets = report.read_packets.wrapping_add(cpu.read_packets);
            report.read_records += cpu.read_records;
            if cpu.worst.unsigned_abs() > report.difference.unsigned_abs() {
                report.difference = cpu.worst;
            }
            if let Some(balance) = cpu.last {
                report.resident_packets = report.resident_packets.wrapping_add(balance.resident);
                report.lost_packets = report.lost_packets.wrapping_add(balance.lost);
                report.observed_packets = report.observed_packets.wrapping_add(balance.observed);
            }
        }
        report
    }

    /// The terms of each CPU's last marker.
    #[must_use]
    pub fn balances(&self) -> BTreeMap<u32, Balance> {
        self.cpus
            .iter()
            .filter_map(|(cpu, state)| state.last.map(|balance| (*cpu, balance)))
            .collect()
    }
}

/// The state of the law over all CPUs, each at its last marker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The worst difference that any CPU's marker ever showed: 0, or a bug.
    pub difference: i64,
    /// Packets in records read.
    pub read_packets: u64,
    /// Records read.
    pub read_records: u64,
    /// Packets in caches and batches.
    pub resident_packets: i64,
    /// Packets in records that the ring refused.
    pub lost_packets: u64,
    /// Packets observed.
    pub observed_packets: u64,
}

/// How much more `count` is than `other`. No count of ours ever reaches 2^63 (at 1 Gpps that takes 292 years); a marker
/// that claims more is no reason to stop, and no difference but a multiple of 2^64 is ever taken for 0.
const fn difference_of(count: u64, other: u64) -> i64 {
    count.wrapping_sub(other).cast_signed()
}

#[cfg(test)]
mod tests {
    use sensor_common::ToolSet;

    use super::*;
    use crate::pipeline::made::{self, scan};

    fn record(cpu: u16, packets: u32) -> Record {
        let kind = scan(23, ToolSet::NONE);
        Record {
            cpu,
            ..made::record(1, kind, packets)
        }
    }

    fn marker(cpu: u32, observed: u64, attempted: u64, lost: u64) -> Marker {
        Marker {
            cpu,
            sequence: 1,
            observed_packets: observed,
            kind: Marker::KIND,
            attempted_packets: attempted,
            lost_packets: lost,
            attempted_records: 0,
            monotonic_nanoseconds: 0,
            jiffies: 0,
        }
    }

    #[test]
    fn books_that_add_up_show_no_difference() {
        let mut books = Conservation::default();
        books.record(&record(0, 5));
        books.record(&record(1, 7));
        assert_eq!(books.marker(&marker(0, 9, 6, 1)).resident, 3);
        assert_eq!(books.marker(&marker(1, 7, 7, 0)).resident, 0);
        let report = books.report();
        assert_eq!(
            (report.difference, report.read_packets, report.resident_packets),
            (0, 12, 3)
        );
    }

    #[test]
    fn books_that_are_resumed_go_on_exactly() {
        let mut first = Conservation::default();
        first.record(&record(0, 5));
        first.record(&record(2, 7));
        first.marker(&marker(2, 7, 7, 0));
        let mut second = Conservation::resume(first.read());
        assert_eq!(second.report().read_packets, 12);
        second.record(&record(0, 4));
        second.marker(&marker(0, 9, 9, 0));
        second.marker(&marker(2, 7, 7, 0));
        assert_eq!((second.report().difference, second.report().read_records), (0, 3));
        // Without what was read before, the same marker shows a gap.
        let mut forgetful = Conservation::default();
        forgetful.record(&record(0, 4));
        forgetful.marker(&marker(0, 9, 9, 0));
        assert_eq!(forgetful.report().difference, 5);
    }

    #[test]
    fn a_missing_record_is_a_difference_that_stays() {
        let mut books = Conservation::default();
        books.record(&record(0, 5));
        books.marker(&marker(0, 6, 6, 0));
        assert_eq!(books.report().difference, 1);
        books.record(&record(0, 1));
        books.marker(&marker(0, 6, 6, 0));
        assert_eq!(books.report().difference, 1, "the worst difference is kept");
    }

    #[test]
    fn a_record_read_twice_is_a_difference() {
        let mut books = Conservation::default();
        books.record(&record(3, 2));
        books.record(&record(3, 2));
        books.marker(&marker(3, 2, 2, 0));
        assert_eq!(books.report().difference, -2);
    }

    #[test]
    fn more_sent_than_observed_is_a_difference() {
        let mut books = Conservation::default();
        books.record(&record(0, 4));
        books.marker(&marker(0, 3, 4, 0));
        assert_eq!(books.report().difference, -1);
    }
    #[test]
    fn counts_that_no_cpu_can_have_are_a_difference_and_no_panic() {
        const MOST: u64 = u64::MAX;
        const HALF: u64 = 1 << 63;
        let books_of = |observed, attempted, lost| {
            let mut books = Conservation::default();
            for cpu in [0, 1] {
                books.record(&record(cpu, u32::MAX));
                books.marker(&marker(cpu.into(), observed, attempted, lost));
                books.marker(&marker(cpu.into(), observed, attempted, lost));
            }
            books.report()
        };
        for (observed, attempted, lost) in [
            (MOST, MOST, MOST),
            (0, 0, MOST),
            (0, MOST, 0),
            (MOST, 0, HALF),
            (HALF, 0, HALF),
            (0, HALF, HALF),
            (HALF, HALF + u64::from(u32::MAX), 0),
        ] {
            let report = books_of(observed, attempted, lost);
            assert_ne!(report.difference, 0, "{observed}, {attempted}, {lost}");
        }
    }
}
