//! The form of a rule: the signs by which one tool's SYN is told from all others.

use super::{Marks, ToolSet};

/// How a tool's SYN over IPv4 looks. Each sign that is given has to agree.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The name in metrics, snapshots and records; never changed once it is out.
    pub name: &'static str,
    /// Which tool, which versions.
    pub tool: &'static str,
    /// Where the signs were read.
    pub source: &'static str,
    /// Window sizes as on the wire.
    pub windows: Windows,
    /// Times to live on arrival: first and last. A tool that begins with 255 arrives above 128, because no other common
    /// start lies between, and no path is that long.
    pub ttl: (u8, u8),
    /// The TCP options, octet by octet: so their order, the MSS and the window scale.
    pub options: Option<Options>,
    /// The IP header's DF bit.
    pub dont_fragment: Option<bool>,
    /// The IP length in bytes.
    pub length: Option<u16>,
    /// The lowest source port.
    pub lowest_source_port: u16,
    /// Destination ports.
    pub ports: Option<[u16; 2]>,
    /// A number that the tool computes.
    pub test: Test,
    /// What two packets of one scan have in common.
    pub signature: Signature,
}

/// Window sizes: any, or one of up to four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows(Option<[u16; 4]>);

impl Windows {
    /// Any window.
    pub const ANY: Self = Self(None);

    /// One of up to four; the last counts once however often it stands there.
    #[must_use]
    pub const fn one_of(windows: [u16; 4]) -> Self {
        Self(Some(windows))
    }

    /// This one alone.
    #[must_use]
    pub const fn only(window: u16) -> Self {
        Self(Some([window; 4]))
    }

    /// The sizes; `None` for any.
    #[must_use]
    pub const fn sizes(&self) -> Option<[u16; 4]> {
        self.0
    }

    #[inline(always)]
    const fn agree(&self, window: u16) -> bool {
        match self.0 {
            None => true,
            // Written out: a loop might stay one in the kernel's program.
            Some([a, b, c, d]) => window == a || window == b || window == c || window == d,
        }
    }
}

/// A number in the packet that follows from others, or is always the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// There is none: the signs are all.
    None,
    /// The sequence number is the destination, both as on the wire: by chance once in 2^32 packets.
    SequenceIsDestination,
    /// The IP identification is this: by chance once in 2^16 packets.
    IdentificationIs(u16),
    /// The IP identification is the lower half of destination ^ destination port ^ sequence number: by chance once in
    /// 2^16 packets.
    IdentificationIsXor,
}

impl Test {
    #[inline(always)]
    const fn holds(self, probe: &Probe) -> bool {
        match self {
            Self::None => true,
            Self::SequenceIsDestination => probe.sequence == probe.destination,
            Self::IdentificationIs(number) => probe.identification == number,
            Self::IdentificationIsXor => {
                let xor = probe.destination ^ probe.destination_port as u32 ^ probe.sequence;
                probe.identification == xor as u16
            }
        }
    }

    /// Whether chance passes it once in 2^16 packets, so that a source has to show more than one.
    #[inline(always)]
    #[must_use]
    pub const fn is_short(self) -> bool {
        matches!(self, Self::IdentificationIs(_) | Self::IdentificationIsXor)
    }
}

/// A number that all packets of one scan have in common, and that differs from scan to scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// None is known.
    None,
    /// Upper half ^ lower half of the sequence number: a random number is mixed with one that has two equal halves.
    SequenceHalves,
    /// The key that the sequence number was made with: sequence ^ destination ^ ((destination port << 16) + source port).
    /// The tool takes the destination as it lies in memory, on machines whose lowest octet comes first.
    SequenceKey,
}

impl Signature {
    #[inline(always)]
    const fn of(self, probe: &Probe) -> u32 {
        match self {
            Self::None => 0,
            Self::SequenceHalves => (probe.sequence >> 16 ^ probe.sequence) & 0xffff,
            Self::SequenceKey => {
                let ports = (probe.destination_port as u32) << 16 | probe.source_port as u32;
                probe.sequence ^ probe.destination.swap_bytes() ^ ports
            }
        }
    }
}

/// What a mark needs to be sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing more: one packet is enough.
    Packet,
    /// The source has to show at least [`PROOF_PROBES`](super::PROOF_PROBES), all of which match.
    Source,
    /// It is never sure: others may look the same.
    Never,
}

/// Octets of TCP options, in whole words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many; [`Options::OTHER`] has a number that no header has.
    bytes: u8,
    words: [u32; 3],
}

impl Options {
    /// A header without options.
    pub const NONE: Self = Self::from_words(0, [0; 3]);
    /// Options that no rule asks for, or that are cut off.
    pub const OTHER: Self = Self::from_words(u8::MAX, [0; 3]);

    const fn from_words(bytes: u8, words: [u32; 3]) -> Self {
        Self { bytes, words }
    }

    /// One word of options.
    #[inline(always)]
    #[must_use]
    pub const fn four(octets: [u8; 4]) -> Self {
        Self::from_words(4, [u32::from_be_bytes(octets), 0, 0])
    }

    /// Three words of options.
    #[inline(always)]
    #[must_use]
    pub const fn twelve(octets: [u8; 12]) -> Self {
        let words = [
            u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]]),
            u32::from_be_bytes([octets[4], octets[5], octets[6], octets[7]]),
            u32::from_be_bytes([octets[8], octets[9], octets[10], octets[11]]),
        ];
        Self::from_words(12, words)
    }

    /// The octets, in the order of the wire.
    pub fn octets(&self) -> impl Iterator<Item = u8> {
        let words = usize::from(self.bytes) / 4;
        self.words.into_iter().take(words).flat_map(u32::to_be_bytes)
    }

    #[inline(always)]
    const fn equal(&self, other: &Self) -> bool {
        let (one, two) = (&self.words, &other.words);
        self.bytes == other.bytes && one[0] == two[0] && one[1] == two[1] && one[2] == two[2]
    }
}

/// What a rule may look at, of a SYN alone over IPv4.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// The source port.
    pub source_port: u16,
    /// The destination port.
    pub destination_port: u16,
    /// The sequence number.
    pub sequence: u32,
    /// The destination, as a number in network order.
    pub destination: u32,
    /// The window.
    pub window: u16,
    /// The time to live.
    pub ttl: u8,
    /// The IP identification.
    pub identification: u16,
    /// The DF bit.
    pub dont_fragment: bool,
    /// The IP length in bytes.
    pub length: u32,
}

impl Rule {
    /// Every SYN; rules begin with this and say what they ask for.
    pub const ANY: Self = Self {
        name: "",
        tool: "",
        source: "",
        windows: Windows::ANY,
        ttl: (0, u8::MAX),
        options: None,
        dont_fragment: None,
        length: None,
        lowest_source_port: 0,
        ports: None,
        test: Test::None,
        signature: Signature::None,
    };

    /// What makes the mark sure.
    #[must_use]
    pub const fn proof(&self) -> Proof {
        match (self.test, self.signature) {
            (Test::SequenceIsDestination, _) => Proof::Packet,
            (Test::None, Signature::None) => Proof::Never,
            _ => Proof::Source,
        }
    }

    /// Whether a packet that passes this may be one of the tool's; it is cheap, and most packets do not pass.
    #[inline(always)]
    pub(super) const fn may_hold(&self, probe: &Probe) -> bool {
        match self.test {
            Test::SequenceIsDestination => self.test.holds(probe),
            _ => self.windows.agree(probe.window),
        }
    }

    /// Whether all signs agree; the test is left aside.
    #[inline(always)]
    const fn signs_agree(&self, probe: &Probe, options: &Options) -> bool {
        let (first_ttl, last_ttl) = self.ttl;
        self.windows.agree(probe.window)
            && probe.ttl >= first_ttl
            && probe.ttl <= last_ttl
            && probe.source_port >= self.lowest_source_port
            && match self.options {
                None => true,
                Some(wanted) => wanted.equal(options),
            }
            && match self.dont_fragment {
                None => true,
                Some(wanted) => probe.dont_fragment == wanted,
            }
            && match self.length {
                None => true,
                Some(wanted) => probe.length == wanted as u32,
            }
            && match self.ports {
                None => true,
                Some([one, two]) => probe.destination_port == one || probe.destination_port == two,
            }
    }

    /// Adds this rule's mark, or that its test alone failed.
    #[inline(always)]
    pub(super) const fn judge(
        &self,
        mark: ToolSet,
        near_miss: ToolSet,
        probe: &Probe,
        options: &Options,
        marks: &mut Marks,
    ) {
        if !self.signs_agree(probe, options) {
            return;
        }
        if self.test.holds(probe) {
            marks.tools = marks.tools.union(mark);
            marks.signature |= self.signature.of(probe);
        } else if self.test.is_short() {
            marks.tools = marks.tools.union(near_miss);
        }
    }
}
