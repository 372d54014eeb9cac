//! The load that tests and benchmarks send: what each profile draws, and what the generator and its driver agree on.
//!
//! Every frame is a TCP SYN to the dark prefix. A profile is defined by its *flows*, a source and a destination port
//! each; destination and sequence number are drawn anew for every frame. Whether a frame carries the Mirai mark is
//! a matter of its source, so that the mark makes no second flow of it: about one frame in eight does. Results of
//! benchmarks compare only as long as nothing here changes.

use crate::Family;

macro_rules! profiles {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal $program:literal $name:literal,)+) => {
        /// What the sources of a load are like. The numbers index the map [`BOOKS`].
        #[repr(u32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Profile {
            $($(#[doc = $doc])+ $variant = $number,)+
        }

        impl Profile {
            /// Every profile, in the order of their numbers.
            pub const ALL: [Self; [$($number),+].len()] = [$(Self::$variant),+];

            /// The name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The program that generates it.
            #[must_use]
            pub const fn program(self) -> &'static str {
                match self {
                    $(Self::$variant => $program,)+
                }
            }
        }
    };
}

profiles! {
    /// 4,096 flows, each as likely as any other: the few sources that send most of what a telescope sees.
    Skewed = 0 "skewed" "skewed",
    /// 65,536 flows: four times the slots of the sensor's cache.
    Medium = 1 "medium" "medium",
    /// 1,048,576 sources with one port each; the logarithm of a source's rank is uniform.
    LogUniform = 2 "log_uniform" "log-uniform",
    /// Any source to any port: hardly a flow has a second packet. The worst case.
    Uniform = 3 "uniform" "uniform",
    /// `medium`, where a quarter of the sources is IPv6.
    Ipv6Mix = 4 "ipv6_mix" "ipv6-mix",
    /// One flow: what the cost of a packet whose flow is in the cache is measured with.
    Single = 5 "single" "single",
}

/// What one CPU generated of one profile.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// The state of the random numbers; 0 before the first frame.
    pub random: u64,
    /// Frames.
    pub frames: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
    /// Of those, IPv6.
    pub ipv6: u64,
}

/// What one CPU generated for one destination port, all profiles together.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortBooks {
    /// Frames.
    pub frames: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
}

const _: () = assert!(size_of::<Books>() == 32);
const _: () = assert!(size_of::<PortBooks>() == 16);

/// The XDP program that drops and does nothing else: what the sensor is compared with.
pub const BARE_DROP: &str = "bare_drop";
/// Per-CPU array: [`Books`] by [`Profile`].
pub const BOOKS: &str = "BOOKS";
/// Per-CPU array: [`PortBooks`] by destination port; only kept when [`COUNT_PORTS`] is set.
pub const PORT_BOOKS: &str = "PORT_BOOKS";
/// Map of devices: where each CPU's frames go. They end in the generator when there is none.
pub const DEVICES: &str = "DEVICES";
/// The CPUs that can have a device of their own.
pub const DEVICE_COUNT: usize = 1024;
/// Program array of one: what the programs that call, instead of send, go on to.
pub const TARGET: &str = "TARGET";
/// Calls [`TARGET`] with frames of [`Profile::Single`].
pub const CALL_SINGLE: &str = "call_single";
/// Calls [`TARGET`] with frames of [`Profile::Uniform`].
pub const CALL_UNIFORM: &str = "call_uniform";
/// The global that, when not 0, has every frame counted by port too: exact, and too dear for benchmarks.
pub const COUNT_PORTS: &str = "COUNT_PORTS";

/// The dark IPv4 prefix, a /24: TEST-NET-2 (RFC 5737).
pub const DARK_V4: u32 = 0xc633_6400;
/// The first 64 bits of the dark IPv6 addresses, within `2001:db8::/32` (RFC 3849).
pub const DARK_V6: u64 = 0x2001_0db8_feed_0000;
/// The first 64 bits of the IPv6 sources.
pub const SOURCE_V6: u64 = 0x2001_0db8_5eed_0000;

/// What distinguishes one frame from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// IPv4, or IPv6 in [`Profile::Ipv6Mix`] alone.
    pub family: Family,
    /// The source address; of an IPv6 one, which begins with [`SOURCE_V6`], the last 32 bits.
    pub source: u32,
    /// The last octet of the destination, below [`DARK_V4`] or [`DARK_V6`].
    pub host: u8,
    /// The destination port.
    pub port: u16,
    /// The TCP sequence number.
    pub sequence: u32,
}

impl Draw {
    /// The frame that a random number stands for.
    #[inline(always)]
    #[must_use]
    pub const fn of(profile: Profile, random: u64) -> Self {
        let low = random as u32;
        let (index, source, port) = match profile {
            Profile::Skewed => flow(low & 0xfff, 63),
            Profile::Medium | Profile::Ipv6Mix => flow(low & 0xffff, 1023),
            // Ranks below 2^20, 2^19, …, 2^0, each as often.
            Profile::LogUniform => flow((low & 0xf_ffff) >> ((random >> 32) as u32 % 21), 63),
            Profile::Uniform => (low, low, (random >> 32) as u16),
            Profile::Single => flow(1, 63),
        };
        let host = (random >> 48) as u8;
        // A quarter of the indices, and none of those with the Mirai mark.
        let family = match profile {
            Profile::Ipv6Mix if index % 4 == 0 => Family::Ipv6,
            _ => Family::Ipv4,
        };
        let sequence = if index % 8 == 7 {
            DARK_V4 | host as u32
        } else {
            (random >> 20) as u32
        };
        Self {
            family,
            source,
            host,
            port,
            sequence,
        }
    }

    /// The IPv4 destination, as a number in network order.
    #[inline(always)]
    #[must_use]
    pub const fn destination(&self) -> u32 {
        DARK_V4 | self.host as u32
    }

    /// Whether the frame carries the Mirai mark, be it by chance.
    #[inline(always)]
    #[must_use]
    pub const fn is_mirai(&self) -> bool {
        matches!(self.family, Family::Ipv4) && self.sequence == self.destination()
    }
}

/// The index, source and port of a flow. Multiplying by an odd number is one to one, so sources stay distinct.
#[inline(always)]
const fn flow(index: u32, port_mask: u16) -> (u32, u32, u16) {
    (
        index,
        index.wrapping_mul(0x9e37_79b1),
        index.wrapping_mul(7) as u16 & port_mask,
    )
}

/// The next random number (George Marsaglia, Xorshift RNGs, Journal of Statistical Software 8 (14), 2003: the triple
/// 13, 7, 17). State 0, which would stay 0, stands for a CPU that begins.
#[inline(always)]
#[must_use]
pub const fn next_random(state: u64, cpu: u32) -> u64 {
    let mut state = if state == 0 {
        0x0139_408d_cbbf_7a44 ^ (cpu as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    } else {
        state
    };
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    state
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn draws(profile: Profile, count: usize) -> impl Iterator<Item = Draw> {
        let mut random = 0;
        (0..count).map(move |_| {
            random = next_random(random, 0);
            Draw::of(profile, random)
        })
    }

    fn flows(profile: Profile, count: usize) -> usize {
        draws(profile, count)
            .map(|draw| (draw.source, draw.port, draw.family, draw.is_mirai()))
            .collect::<BTreeSet<_>>()
            .len()
    }

    #[test]
    fn a_profile_has_the_flows_that_it_promises() {
        // Twenty draws for each flow leave one in e^20 out.
        for (profile, promised) in [
            (Profile::Single, 1),
            (Profile::Skewed, 1 << 12),
            (Profile::Medium, 1 << 16),
            (Profile::Ipv6Mix, 1 << 16),
        ] {
            assert_eq!(flows(profile, promised * 20), promised, "{}", profile.name());
        }
    }

    #[test]
    fn a_uniform_load_hardly_repeats_a_flow() {
        assert!(flows(Profile::Uniform, 1_000_000) > 999_900);
    }

    #[test]
    fn log_uniform_gives_each_magnitude_of_rank_its_share() {
        let sources = |below: u32| {
            (0..below)
                .map(|index| index.wrapping_mul(0x9e37_79b1))
                .collect::<BTreeSet<_>>()
        };
        let (few, more) = (sources(1), sources(1 << 10));
        let drawn: Vec<_> = draws(Profile::LogUniform, 210_000)
            .map(|draw| draw.source)
            .collect();
        let share = |of: &BTreeSet<u32>| drawn.iter().filter(|source| of.contains(source)).count();
        // Rank 0 takes 2^-k of the magnitude 2^k: 2 of 21. Ranks below 2^10 take the 11 magnitudes up to 2^10 whole,
        // and halves of halves of the rest: 12 of 21.
        assert!((19_000..21_000).contains(&share(&few)), "{}", share(&few));
        assert!((118_500..121_500).contains(&share(&more)), "{}", share(&more));
    }

    #[test]
    fn about_one_frame_in_eight_is_marked_and_a_quarter_of_the_mix_is_ipv6() {
        for profile in Profile::ALL {
            let marked = draws(profile, 80_000).filter(Draw::is_mirai).count();
            let ipv6 = draws(profile, 80_000)
                .filter(|draw| draw.family == Family::Ipv6)
                .count();
            match profile {
                Profile::Single => assert_eq!((marked, ipv6), (0, 0)),
                Profile::Ipv6Mix => assert!((19_000..21_000).contains(&ipv6), "{ipv6}"),
                _ => assert_eq!(ipv6, 0),
            }
            if profile != Profile::Single {
                assert!((8_000..12_000).contains(&marked), "{} {marked}", profile.name());
            }
        }
    }

    #[test]
    fn every_dark_host_is_reached() {
        let hosts: BTreeSet<_> = draws(Profile::Uniform, 10_000).map(|draw| draw.host).collect();
        assert_eq!(hosts.len(), 256);
    }

    #[test]
    fn two_cpus_do_not_draw_alike() {
        assert_ne!(next_random(0, 0), next_random(0, 1));
    }

    #[test]
    fn names_fit_the_kernels_limit() {
        let names = [
            BARE_DROP,
            BOOKS,
            PORT_BOOKS,
            DEVICES,
            TARGET,
            CALL_SINGLE,
            CALL_UNIFORM,
            COUNT_PORTS,
        ];
        for name in Profile::ALL.map(Profile::program).into_iter().chain(names) {
            assert!(name.len() <= 15, "{name}");
        }
    }
}
