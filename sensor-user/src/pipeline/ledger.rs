//! The account of the detail over all daemons that worked with the same maps.

/// Detail: records, and the packets in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Packets.
    pub packets: u64,
    /// Records.
    pub records: u64,
}

impl Amount {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            packets: self.packets.wrapping_add(other.packets),
            records: self.records.wrapping_add(other.records),
        }
    }

    /// What is left of it without `other`. The caller knows that `other` is a part of it.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            packets: self.packets.wrapping_sub(other.packets),
            records: self.records.wrapping_sub(other.records),
        }
    }
}

/// What became of the records that were read, over all daemons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Taken into derived totals, and published.
    pub derived: Amount,
    /// Refused by a full queue.
    pub lost_queue: Amount,
    /// Read by a daemon that died before it published them.
    pub lost_crash: Amount,
    /// Daemons that ended without stopping.
    pub crashes: u64,
    /// Steps of the wall clock.
    pub clock_steps: u64,
}

impl Books {
    /// All that is accounted for.
    #[must_use]
    pub const fn accounted(&self) -> Amount {
        self.derived.plus(self.lost_queue).plus(self.lost_crash)
    }

    /// The books as a new daemon takes them over: what was `read` and is not accounted for was lost with the last one.
    /// Gives that loss as well.
    #[must_use]
    pub const fn taken_over(mut self, read: Amount, died: bool) -> (Self, Amount) {
        let lost = read.minus(self.accounted());
        self.lost_crash = self.lost_crash.plus(lost);
        self.crashes += died as u64;
        (self, lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(packets: u64, records: u64) -> Amount {
        Amount { packets, records }
    }

    #[test]
    fn what_was_read_and_not_published_is_lost_with_the_daemon_and_nothing_is_lost_twice() {
        let books = Books {
            derived: amount(100, 10),
            lost_queue: amount(20, 2),
            lost_crash: amount(3, 1),
            crashes: 1,
            clock_steps: 0,
        };
        let read = amount(150, 15);
        let (taken, lost) = books.taken_over(read, true);
        assert_eq!(lost, amount(27, 2));
        assert_eq!((taken.lost_crash, taken.crashes), (amount(30, 3), 2));
        assert_eq!(taken.accounted(), read);
        // A daemon that dies before it has read anything takes nothing along.
        assert_eq!(taken.taken_over(read, true).1, Amount::default());
    }

    #[test]
    fn a_daemon_that_stopped_leaves_no_loss() {
        let books = Books {
            derived: amount(100, 10),
            ..Books::default()
        };
        let (taken, lost) = books.taken_over(amount(100, 10), false);
        assert_eq!((taken, lost), (books, Amount::default()));
    }
}
