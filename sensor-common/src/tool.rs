//! The marks that scanning tools leave in their packets: what they are, and where they are kept.
//!
//! `rule` is the form of a rule, `table` has them all. The kernel's program and user space run the same code.

mod rule;
mod table;

pub use self::{
    rule::{Options, Probe, Proof, Rule, Signature, Test, Windows},
    table::Tool,
};

/// Packets that a source has to show, all of which match, before a mark with [`Proof::Source`] is sure.
pub const PROOF_PROBES: u8 = 3;

/// How sure a mark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Certainty {
    /// Everything that one packet shows agrees, and chance or another tool may look the same.
    Likely,
    /// Chance does not explain it.
    Sure,
}

impl Certainty {
    /// Both, the lesser first.
    pub const ALL: [Self; 2] = [Self::Likely, Self::Sure];

    /// The name in metrics and snapshots.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Likely => "likely",
            Self::Sure => "sure",
        }
    }
}

/// The bits of [`ToolSet`] below this one are marks; above them is the tool whose test alone failed.
const FIRST_NEAR_MISS_BIT: u32 = 12;
/// All marks.
const MARKS: u16 = (1 << FIRST_NEAR_MISS_BIT) - 1;

const _: () = assert!(
    Tool::COUNT <= FIRST_NEAR_MISS_BIT as usize,
    "more tools than the flow's key has bits for: widen `FlowKind`, whose family and fragment need not an octet each"
);

/// A set of tool marks; several may hold for one packet. Beside them it may name one tool of which a packet has all
/// signs but not its number: such packets speak against their source.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ToolSet(pub u16);

impl ToolSet {
    /// No mark.
    pub const NONE: Self = Self(0);

    /// Mirai and its variants: a SYN alone whose TCP sequence number is the IPv4 destination, both as on the
    /// wire (`bot/scanner.c` of the published source). By chance this holds once in 2^32 packets.
    pub const MIRAI: Self = Tool::Mirai.mark();

    /// Marks of which a flow keeps the [`Signature`].
    const SIGNED: Self = {
        let (mut set, mut place) = (Self::NONE, 0);
        while place < Tool::COUNT {
            let tool = Tool::ALL[place];
            if !matches!(tool.rule().signature, Signature::None) {
                set = set.union(tool.mark());
            }
            place += 1;
        }
        set
    };

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

    /// The marks alone: what counts and keys of cells go by.
    #[inline(always)]
    #[must_use]
    pub const fn marks(self) -> Self {
        Self(self.0 & MARKS)
    }

    /// The tools whose marks are in the set.
    pub fn tools(self) -> impl Iterator<Item = Tool> {
        Tool::ALL
            .iter()
            .copied()
            .filter(move |tool| self.contains(tool.mark()))
    }

    /// The set of a packet that has all signs of a tool, and not the number that the tool computes.
    #[inline(always)]
    #[must_use]
    pub const fn near_miss_of(tool: Tool) -> Self {
        Self((tool as u16 + 1) << FIRST_NEAR_MISS_BIT)
    }

    /// The tool whose test alone failed.
    #[must_use]
    pub fn near_miss(self) -> Option<Tool> {
        let number = usize::from(self.0 >> FIRST_NEAR_MISS_BIT);
        Tool::ALL.get(number.checked_sub(1)?).copied()
    }

    /// Whether flows with these marks keep their packets' common [`Signature`].
    #[inline(always)]
    #[must_use]
    pub const fn is_signed(self) -> bool {
        self.0 & Self::SIGNED.0 != 0
    }
}

impl Tool {
    /// Its mark: one bit.
    #[inline(always)]
    #[must_use]
    pub const fn mark(self) -> ToolSet {
        ToolSet(1 << self as u16)
    }

    /// The name in metrics, snapshots and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.rule().name
    }
}

/// The marks of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Which.
    pub tools: ToolSet,
    /// What this packet has in common with others of its scan, where [`ToolSet::is_signed`]; else 0.
    pub signature: u32,
}

impl Marks {
    /// No mark.
    pub const NONE: Self = Self {
        tools: ToolSet::NONE,
        signature: 0,
    };

    /// The marks of a SYN alone over IPv4. Its options are read only when something else hints at a tool.
    #[inline(always)]
    #[must_use]
    pub fn of(probe: &Probe, options: impl FnOnce() -> Options) -> Self {
        if table::may_hold(probe) {
            table::judge(probe, &options())
        } else {
            Self::NONE
        }
    }
}

#[cfg(test)]
mod tests;
