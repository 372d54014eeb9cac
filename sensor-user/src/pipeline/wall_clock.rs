//! The wall clock, watched by the clock that never jumps: a step is noticed and recorded.
//!
//! Time since boot goes on through suspends and is slewed like the wall clock, so their difference changes by steps
//! alone (`clock_gettime(2)`, `CLOCK_BOOTTIME`).

/// A smaller step is none: two clocks cannot be read in one instant.
const LEAST_STEP: i64 = 100_000_000;

/// The difference of the two clocks, as it was when they were last looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock {
    offset: Option<i64>,
}

impl WallClock {
    /// A clock that was looked at before: by a daemon before this one.
    #[must_use]
    pub const fn seen_before(offset: Option<i64>) -> Self {
        Self { offset }
    }

    /// Looks at both clocks, in nanoseconds. Gives by how much the wall clock stepped since the last look, if it did.
    pub fn look(&mut self, wall: i64, since_boot: i64) -> Option<i64> {
        let offset = wall.wrapping_sub(since_boot);
        let before = self.offset.replace(offset)?;
        let step = offset.wrapping_sub(before);
        (step.unsigned_abs() >= LEAST_STEP.unsigned_abs()).then_some(step)
    }

    /// The difference: wall clock less time since boot, in nanoseconds.
    #[must_use]
    pub const fn offset(&self) -> Option<i64> {
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn steps_are_noticed_once_and_in_both_directions() {
        let mut clock = WallClock::default();
        let wall = 1_700_000_000 * SECOND;
        assert_eq!(clock.look(wall, 0), None, "nothing to compare with");
        assert_eq!(clock.look(wall + SECOND, SECOND), None);
        // An hour forward between two looks a second apart, and then nothing more.
        assert_eq!(
            clock.look(wall + 3_602 * SECOND, 2 * SECOND),
            Some(3_600 * SECOND)
        );
        assert_eq!(clock.look(wall + 3_603 * SECOND, 3 * SECOND), None);
        assert_eq!(clock.look(wall + 4 * SECOND, 4 * SECOND), Some(-3_600 * SECOND));
    }

    #[test]
    fn a_clock_that_is_read_late_did_not_step() {
        let mut clock = WallClock::default();
        clock.look(0, 0);
        for number in 1..1_000 {
            // The thread loses its CPU for 90 ms between the two readings, every other time.
            let late = if number % 2 == 0 { 90_000_000 } else { 0 };
            assert_eq!(clock.look(number * SECOND, number * SECOND + late), None);
        }
    }

    #[test]
    fn a_step_between_two_daemons_is_noticed_by_the_second() {
        let mut first = WallClock::default();
        first.look(10 * SECOND, SECOND);
        let mut second = WallClock::seen_before(first.offset());
        assert_eq!(second.look(111 * SECOND, 2 * SECOND), Some(100 * SECOND));
    }
}
