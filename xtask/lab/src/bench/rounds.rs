//! What rounds of one side came to, in nanoseconds a frame.

use std::time::Duration;

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    /// From the first frame to the last.
    pub(super) wall: Duration,
    /// CPU time of the threads that generate: receiving happens in them.
    pub(super) generating: Duration,
    /// CPU time of the processes that then took in what was received.
    pub(super) process: Duration,
    pub(super) frames: u64,
}

/// All of one side, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Rounds {
    pub(super) wall_ns: Vec<f64>,
    pub(super) cpu_ns: Vec<f64>,
    pub(super) generating: Duration,
}

impl Rounds {
    #[expect(clippy::cast_precision_loss, reason = "frames are far below 2^53")]
    pub(super) fn push(&mut self, round: Round) {
        let each = |time: Duration| time.as_secs_f64() * 1e9 / round.frames as f64;
        self.wall_ns.push(each(round.wall));
        self.cpu_ns.push(each(round.generating + round.process));
        self.generating += round.generating;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_told_by_the_frame() {
        let mut rounds = Rounds::default();
        rounds.push(Round {
            wall: Duration::from_secs(1),
            generating: Duration::from_secs(2),
            process: Duration::from_secs(1),
            frames: 10_000_000,
        });
        assert!((rounds.wall_ns[0] - 100.0).abs() < 1e-9);
        assert!((rounds.cpu_ns[0] - 300.0).abs() < 1e-9);
    }
}
