//! From the kernel's jiffies to the time of day.
//!
//! The packet path reads jiffies because that is nearly free. Each marker has jiffies and the monotonic clock of one
//! moment beside each other, so two markers say how long a jiffy is, and the last one says what time it was.

use sensor_common::record::Marker;

/// The rates that Linux can be built with (`kernel/Kconfig.hz`), in jiffies a second.
const RATES: [u64; 4] = [100, 250, 300, 1_000];
/// Markers closer together than this, in nanoseconds, say too little about the rate.
const APART: u64 = 90_000_000;

/// Jiffies at a known moment.
#[derive(Clone, Copy, Debug)]
struct Moment {
    jiffies: u64,
    monotonic: u64,
}

/// A clock that reads jiffies.
#[derive(Clone, Copy, Debug, Default)]
pub struct JiffyClock {
    first: Option<Moment>,
    last: Option<Moment>,
    rate: Option<u64>,
}

impl JiffyClock {
    /// Learns from a marker.
    pub fn learn(&mut self, marker: &Marker) {
        let moment = Moment {
            jiffies: marker.jiffies,
            monotonic: marker.monotonic_nanoseconds,
        };
        let first = *self.first.get_or_insert(moment);
        // Markers of different CPUs may come in another order than they were made.
        if self.last.is_none_or(|last| last.monotonic < moment.monotonic) {
            self.last = Some(moment);
        }
        let elapsed = moment.monotonic.saturating_sub(first.monotonic);
        if self.rate.is_none() && elapsed >= APART {
            let jiffies = moment.jiffies.saturating_sub(first.jiffies);
            let measured = u128::from(jiffies) * 1_000_000_000 / u128::from(elapsed);
            self.rate = RATES
                .into_iter()
                .min_by_key(|rate| u128::from(*rate).abs_diff(measured));
        }
    }

    /// How long before the last marker something happened, in seconds, rounded down; `None` before the rate is
    /// known. Jiffies are the lower 32 bits, which is enough: no slot waits 49 days.
    #[must_use]
    pub fn seconds_before_last(&self, jiffies: u32) -> Option<u64> {
        self.micros_before_last(jiffies).map(|micros| micros / 1_000_000)
    }

    /// The same in microseconds, to the jiffy.
    #[must_use]
    pub fn micros_before_last(&self, jiffies: u32) -> Option<u64> {
        let (last, rate) = (self.last?, self.rate?);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the lower half is what records have"
        )]
        let elapsed = (last.jiffies as u32).wrapping_sub(jiffies);
        // Records that come between two markers are younger than the last: the difference wraps to nearly 2^32.
        let elapsed = if elapsed > u32::MAX / 2 { 0 } else { elapsed };
        Some(u64::from(elapsed) * 1_000_000 / rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(jiffies: u64, monotonic_nanoseconds: u64) -> Marker {
        Marker {
            cpu: 0,
            sequence: 1,
            observed_packets: 0,
            kind: Marker::KIND,
            attempted_packets: 0,
            lost_packets: 0,
            attempted_records: 0,
            monotonic_nanoseconds,
            jiffies,
        }
    }

    #[test]
    fn two_markers_tell_every_rate() {
        for rate in RATES {
            let mut clock = JiffyClock::default();
            clock.learn(&marker(5_000, 1_000_000_000));
            assert_eq!(clock.seconds_before_last(5_000), None);
            // A tenth of a second later, with a jiffy's error.
            clock.learn(&marker(5_000 + rate / 10, 1_100_000_000));
            clock.learn(&marker(5_000 + rate * 10, 11_000_000_000));
            assert_eq!(clock.seconds_before_last(5_000), Some(10), "{rate}");
            assert_eq!(clock.micros_before_last(5_000), Some(10_000_000), "{rate}");
            assert_eq!(
                clock.seconds_before_last(6_000 + 10 * u32::try_from(rate).unwrap()),
                Some(0),
                "{rate}"
            );
        }
    }

    #[test]
    fn jiffies_that_wrap_are_read_right() {
        let mut clock = JiffyClock::default();
        let wrap = u64::from(u32::MAX);
        clock.learn(&marker(wrap - 1_000, 0));
        clock.learn(&marker(wrap + 1_000, 2_000_000_000));
        assert_eq!(clock.seconds_before_last(u32::MAX - 999), Some(1));
    }
}
