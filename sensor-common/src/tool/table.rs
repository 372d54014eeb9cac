//! The table of tools: a new rule is one entry here.
//!
//! An entry becomes a variant of [`Tool`], a bit of [`ToolSet`], and a few comparisons in the kernel's program. Its place is
//! its bit: new entries go to the end. `docs/fingerprints.md` is written from this table, and a test holds them together.

use super::{
    Marks, ToolSet,
    rule::{Options, Probe, Rule, Signature, Test, Windows},
};

/// Makes the tools of their rules. Each rule is a constant of its own, so that what it does not ask for costs nothing.
macro_rules! tools {
    ($($(#[$documentation:meta])* $name:ident = $rule:expr;)*) => {
        /// A tool whose packets have a mark.
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Tool {
            $($(#[$documentation])* $name,)*
        }

        impl Tool {
            /// Every tool, in the order of their bits.
            pub const ALL: &[Self] = &[$(Self::$name),*];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// By what its packets are known.
            #[must_use]
            pub const fn rule(self) -> &'static Rule {
                match self {
                    $(Self::$name => &const { $rule },)*
                }
            }
        }

        /// Whether any rule may hold; most packets end here.
        #[inline(always)]
        pub(super) const fn may_hold(probe: &Probe) -> bool {
            false
                $(|| {
                    const RULE: Rule = $rule;
                    RULE.may_hold(probe)
                })*
        }

        /// Every rule in turn.
        #[inline(always)]
        pub(super) const fn judge(probe: &Probe, options: &Options) -> Marks {
            let mut marks = Marks::NONE;
            $({
                const RULE: Rule = $rule;
                const MARK: ToolSet = Tool::$name.mark();
                const NEAR_MISS: ToolSet = ToolSet::near_miss_of(Tool::$name);
                RULE.judge(MARK, NEAR_MISS, probe, options, &mut marks);
            })*
            marks
        }
    };
}

/// Maximum segment size 1460, and nothing else.
const MSS_1460: Options = Options::four([2, 4, 5, 0xb4]);
/// A time to live that began as 255.
const FROM_255: (u8, u8) = (129, 255);
/// A time to live that began as 64.
const FROM_64: (u8, u8) = (1, 64);

tools! {
    /// Mirai and its variants.
    Mirai = Rule {
        name: "mirai",
        tool: "Mirai and its variants",
        source: "`bot/scanner.c` of the published source; JPCERT/CC's reports use this rule alone",
        test: Test::SequenceIsDestination,
        ..Rule::ANY
    };
    /// Mirai as it was published.
    MiraiOriginal = Rule {
        name: "mirai_original",
        tool: "Mirai as it was published",
        source: "`bot/scanner.c` of the published source: no options, 40 octets, TTL 64, source port from 1024, port 23 and \
                 every tenth time 2323",
        ttl: FROM_64,
        options: Some(Options::NONE),
        length: Some(40),
        lowest_source_port: 1_024,
        ports: Some([23, 2_323]),
        test: Test::SequenceIsDestination,
        ..Rule::ANY
    };
    /// `ZMap` up to 4.0.
    Zmap = Rule {
        name: "zmap",
        tool: "ZMap up to 4.0",
        source: "zmap `src/probe_modules/packet.c`: `ip_id`, `MAXTTL`, \"largest possible window\"",
        windows: Windows::only(65_535),
        ttl: FROM_255,
        test: Test::IdentificationIs(54_321),
        ..Rule::ANY
    };
    /// `ZMap` from 4.1 on.
    Zmap41 = Rule {
        name: "zmap_4_1",
        tool: "ZMap from 4.1 on",
        source: "zmap `src/probe_modules/packet.c`, `src/state.c`: TTL 64, a random identification, the options of Windows",
        windows: Windows::only(65_535),
        ttl: FROM_64,
        options: Some(Options::twelve([2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2])),
        dont_fragment: Some(false),
        ..Rule::ANY
    };
    /// masscan up to 1.3.2.
    Masscan = Rule {
        name: "masscan",
        tool: "masscan up to 1.3.2",
        source: "masscan `src/templ-pkt.c`: `default_tcp_template`, `ip_id`",
        windows: Windows::only(1_024),
        ttl: FROM_255,
        options: Some(Options::NONE),
        test: Test::IdentificationIsXor,
        ..Rule::ANY
    };
    /// masscan since November 2023.
    Masscan2023 = Rule {
        name: "masscan_2023",
        tool: "masscan since November 2023",
        source: "masscan `src/templ-pkt.c`: `default_tcp_template`, `ip_id`",
        windows: Windows::only(1_025),
        ttl: FROM_255,
        options: Some(MSS_1460),
        test: Test::IdentificationIsXor,
        ..Rule::ANY
    };
    /// Nmap's SYN scan.
    Nmap = Rule {
        name: "nmap",
        tool: "Nmap's SYN scan",
        source: "nmap `scan_engine_raw.cc`: a TTL from 37 to 59 at the source, and a number mixed twice into the sequence \
                 number",
        windows: Windows::one_of([1_024, 2_048, 3_072, 4_096]),
        ttl: (1, 59),
        options: Some(MSS_1460),
        signature: Signature::SequenceHalves,
        ..Rule::ANY
    };
    /// Unicornscan.
    Unicornscan = Rule {
        name: "unicornscan",
        tool: "Unicornscan",
        source: "unicornscan `src/scan_progs/init_packet.c` (its first fingerprint: TTL 255, one option, window 4096 or \
                 4128), `send_packet.c`, `tcphash.h`",
        windows: Windows::one_of([4_096, 4_128, 4_128, 4_128]),
        ttl: FROM_255,
        options: Some(MSS_1460),
        signature: Signature::SequenceKey,
        ..Rule::ANY
    };
}
