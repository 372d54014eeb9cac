//! The marks that scanning tools leave in their packets.

/// A set of tool marks; several may hold for one packet.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ToolSet(pub u16);

impl ToolSet {
    /// No mark.
    pub const NONE: Self = Self(0);

    /// Mirai and its variants: a SYN alone whose TCP sequence number is the IPv4 destination, both as on the
    /// wire (`bot/scanner.c` of the published source). By chance this holds once in 2^32 packets.
    pub const MIRAI: Self = Self(1);

    /// Whether every mark of `other` is in this set.
    #[inline(always)]
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This set and `other` together.
    #[inline(always)]
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The marks of a TCP segment over IPv4.
    #[inline(always)]
    #[must_use]
    pub const fn of_tcp_v4(destination: u32, sequence: u32, flags: u8) -> Self {
        use super::classify::tcp::{ACK, FIN, PSH, RST, SYN, URG};
        // The congestion bits (RFC 3168) are left out: routers and hosts on the way may set them.
        let syn_alone = flags & (FIN | SYN | RST | PSH | ACK | URG) == SYN;
        if syn_alone && sequence == destination {
            Self::MIRAI
        } else {
            Self::NONE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirai_is_a_syn_alone_to_its_own_sequence_number() {
        let here = 0xc633_6401;
        assert_eq!(ToolSet::of_tcp_v4(here, here, 0x02), ToolSet::MIRAI);
        assert_eq!(ToolSet::of_tcp_v4(here, here, 0xc2), ToolSet::MIRAI);
        for flags in [0x12, 0x03, 0x06, 0x0a, 0x22, 0x00, 0x10] {
            assert_eq!(
                ToolSet::of_tcp_v4(here, here, flags),
                ToolSet::NONE,
                "{flags:#04x}"
            );
        }
    }

    #[test]
    fn mirai_near_misses_one_bit_away_are_not_marked() {
        let here: u32 = 0xc633_6401;
        for bit in 0..32 {
            assert_eq!(ToolSet::of_tcp_v4(here, here ^ 1 << bit, 0x02), ToolSet::NONE);
        }
        assert_eq!(ToolSet::of_tcp_v4(here, here.swap_bytes(), 0x02), ToolSet::NONE);
    }
}
