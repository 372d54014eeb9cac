//! When a packet was recorded, out of the units in which captures count time.

/// Nanoseconds in a second.
const NANOSECONDS: i64 = 1_000_000_000;

/// A time in nanoseconds since 1970-01-01 00:00 UTC, from the year 1677 to 2262.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time so many nanoseconds after 1970-01-01 00:00 UTC.
    #[must_use]
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// The time in a pcap record: unsigned seconds, and a fraction in units of `fraction_nanoseconds`, 1 or 1,000.
    /// A fraction of more than a second is added as it stands.
    #[inline]
    pub(super) fn from_pcap(seconds: u32, fraction: u32, fraction_nanoseconds: i64) -> Self {
        // At most 2^32 * 10^9 + 2^32 * 10^3, which is below 2^63.
        Self(i64::from(seconds) * NANOSECONDS + i64::from(fraction) * fraction_nanoseconds)
    }
}

/// How an interface of a pcapng section counts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    unit: Unit,
    /// What is added to every time.
    offset_nanoseconds: i128,
}

/// The length of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// So many nanoseconds.
    Nanoseconds(u64),
    /// So many ticks make a nanosecond.
    TicksPerNanosecond(u128),
    /// Two to this power ticks make a second.
    BinaryFraction(u32),
}

impl Clock {
    /// Microseconds since 1970: what holds unless an interface says otherwise.
    pub(super) const MICROSECONDS: Self = Self {
        unit: Unit::Nanoseconds(1_000),
        offset_nanoseconds: 0,
    };

    /// This clock with the unit of the option `if_tsresol`: a negative power of ten, or with the highest bit set of
    /// two (draft-ietf-opsawg-pcapng, section 4.2).
    pub(super) fn with_resolution(self, resolution: u8) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        let unit = if resolution & 0x80 != 0 {
            Unit::BinaryFraction(exponent)
        } else if let Some(finer) = exponent.checked_sub(10) {
            // Where the power does not fit, 64 bits of ticks are less than a nanosecond.
            Unit::TicksPerNanosecond(10_u128.checked_pow(finer + 1).unwrap_or(u128::MAX))
        } else {
            Unit::Nanoseconds(10_u64.pow(9 - exponent))
        };
        Self { unit, ..self }
    }

    /// This clock with the seconds of the option `if_tsoffset` added to every time.
    pub(super) fn with_offset(self, seconds: i64) -> Self {
        Self {
            offset_nanoseconds: i128::from(seconds) * i128::from(NANOSECONDS),
            ..self
        }
    }

    /// The time after so many ticks, rounded down to a nanosecond, if 64 bits of nanoseconds hold it.
    #[inline]
    pub(super) fn time(self, ticks: u64) -> Option<Timestamp> {
        let nanoseconds = match self.unit {
            Unit::Nanoseconds(nanoseconds) => i128::from(ticks) * i128::from(nanoseconds),
            Unit::TicksPerNanosecond(fraction) => (u128::from(ticks) / fraction).cast_signed(),
            Unit::BinaryFraction(exponent) => (i128::from(ticks) * i128::from(NANOSECONDS)) >> exponent,
        };
        i64::try_from(nanoseconds + self.offset_nanoseconds)
            .ok()
            .map(Timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resolution_gives_nanoseconds() {
        // (if_tsresol, ticks, nanoseconds), worked out by hand.
        let cases = [
            (0, 7, 7_000_000_000),
            (3, 1_500, 1_500_000_000),
            (6, 1_340_954_905_298_858, 1_340_954_905_298_858_000),
            (9, 1_340_954_905_298_858_123, 1_340_954_905_298_858_123),
            (10, 19, 1),
            (12, 1_999, 1),
            (19, u64::MAX, 1_844_674_407),
            (28, u64::MAX, 1),
            (29, u64::MAX, 0),
            (0x7f, u64::MAX, 0),
            (0x80, 7, 7_000_000_000),
            (0x81, 3, 1_500_000_000),
            (0x8a, 1_536, 1_500_000_000),
            (0x9e, 1 << 29, 500_000_000),
            (0xa0, (5 << 32) | (1 << 30), 5_250_000_000),
            (0xbf, 1 << 62, 500_000_000),
            (0xc0, 1 << 63, 500_000_000),
            (0xff, u64::MAX, 0),
        ];
        for (resolution, ticks, nanoseconds) in cases {
            assert_eq!(
                Clock::MICROSECONDS.with_resolution(resolution).time(ticks),
                Some(Timestamp(nanoseconds)),
                "if_tsresol {resolution:#04x}, {ticks} ticks"
            );
        }
    }

    #[test]
    fn an_offset_in_seconds_is_added() {
        let clock = Clock::MICROSECONDS.with_offset(-3).with_resolution(9);
        assert_eq!(clock.time(5), Some(Timestamp(-2_999_999_995)));
    }

    #[test]
    fn a_time_that_64_bits_of_nanoseconds_do_not_hold_is_none() {
        let limit = i64::MAX.unsigned_abs();
        let clock = Clock::MICROSECONDS.with_resolution(9);
        assert_eq!(clock.time(limit), Some(Timestamp(i64::MAX)));
        assert_eq!(clock.time(limit + 1), None);
        assert_eq!(clock.with_resolution(0).time(u64::MAX), None);
        assert_eq!(clock.with_offset(i64::MIN).time(0), None);
        assert_eq!(
            clock.with_offset(i64::MAX).with_resolution(0).time(u64::MAX),
            None
        );
    }

    #[test]
    fn the_latest_time_of_a_pcap_record_fits() {
        assert_eq!(
            Timestamp::from_pcap(u32::MAX, u32::MAX, 1_000),
            Timestamp(4_294_967_295 * 1_000_000_000 + 4_294_967_295_000)
        );
    }
}
