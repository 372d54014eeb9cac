//! What becomes of a packet after it was counted.

use crate::Outcome;

/// What the XDP program answers for a packet.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The packet goes on to the host's own network stack.
    Pass = 0,
    /// The packet ends here. Only ever for watched addresses, and only when the operator asks.
    Drop = 1,
}

impl Verdict {
    /// The name in configuration and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Drop => "drop",
        }
    }

    /// The one place where an outcome becomes a verdict. `observed` is what the operator chose for packets to
    /// watched addresses; whatever cannot be read, or is not ours, always passes.
    #[inline(always)]
    #[must_use]
    pub const fn of(outcome: Outcome, observed: Self) -> Self {
        match outcome {
            Outcome::ObservedTcp
            | Outcome::ObservedUdp
            | Outcome::ObservedIcmp
            | Outcome::ObservedIcmpv6
            | Outcome::ObservedOther
            | Outcome::ObservedFragment => observed,
            Outcome::NotWatched
            | Outcome::NotIp
            | Outcome::TruncatedEthernet
            | Outcome::TruncatedVlan
            | Outcome::TooManyVlanTags
            | Outcome::TruncatedIpv4
            | Outcome::BadIpv4Version
            | Outcome::BadIpv4HeaderLength
            | Outcome::BadIpv4TotalLength
            | Outcome::TruncatedIpv6
            | Outcome::BadIpv6Version
            | Outcome::TruncatedIpv6Extension
            | Outcome::TooManyIpv6Extensions
            | Outcome::TruncatedTcp
            | Outcome::BadTcpDataOffset
            | Outcome::TruncatedUdp
            | Outcome::BadUdpLength
            | Outcome::TruncatedIcmp
            | Outcome::Internal
            | Outcome::NotDark => Self::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_observed_packets_can_be_dropped() {
        for outcome in Outcome::ALL {
            let expected = if outcome.is_observed() {
                Verdict::Drop
            } else {
                Verdict::Pass
            };
            assert_eq!(
                Verdict::of(outcome, Verdict::Drop),
                expected,
                "{}",
                outcome.name()
            );
            assert_eq!(
                Verdict::of(outcome, Verdict::Pass),
                Verdict::Pass,
                "{}",
                outcome.name()
            );
        }
    }
}
