//! Addresses that are never the source of a packet from the Internet.
//!
//! The tables follow the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890, RFC 8190): a
//! prefix is a bogon where its column *Globally Reachable* says `False`, and the longest prefix decides. Rows
//! that say `True` or `N/A` stand here only where they are cut out of a bogon. Multicast (never a source: RFC
//! 1122, section 3.2.1.3; RFC 4291, section 2.7) is added, and all of IPv6 outside `2000::/3`, from which alone
//! IANA has ever allocated unicast addresses (IANA IPv6 address space registry).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::ranges::{Builder, Cover, Number, Value};

/// The value, in a cover of bogons, of an address that is one.
pub(super) const NEVER: Value = 1;
/// The value, in a cover of bogons, of any other address.
const ROUTED: Value = 0;

/// A prefix of the special-purpose registries.
#[derive(Clone, Copy, Debug)]
pub struct SpecialPrefix<A> {
    /// Its first address.
    pub address: A,
    /// Its length in bits.
    pub length: u32,
    /// Whether an address under it, and under no longer prefix of the table, is a bogon.
    pub bogon: bool,
    /// What it is for.
    pub name: &'static str,
    /// Where that is written.
    pub source: &'static str,
}

const fn v4(
    octets: [u8; 4],
    length: u32,
    bogon: bool,
    name: &'static str,
    source: &'static str,
) -> SpecialPrefix<Ipv4Addr> {
    SpecialPrefix {
        address: Ipv4Addr::from_octets(octets),
        length,
        bogon,
        name,
        source,
    }
}

const fn v6(
    segments: [u16; 8],
    length: u32,
    bogon: bool,
    name: &'static str,
    source: &'static str,
) -> SpecialPrefix<Ipv6Addr> {
    SpecialPrefix {
        address: Ipv6Addr::from_segments(segments),
        length,
        bogon,
        name,
        source,
    }
}

/// The special prefixes of IPv4.
#[rustfmt::skip]
pub const SPECIAL_V4: &[SpecialPrefix<Ipv4Addr>] = &[
    v4([0, 0, 0, 0], 8, true, "this network", "RFC 791, section 3.2"),
    v4([10, 0, 0, 0], 8, true, "private use", "RFC 1918"),
    v4([100, 64, 0, 0], 10, true, "shared address space of carriers", "RFC 6598"),
    v4([127, 0, 0, 0], 8, true, "loopback", "RFC 1122, section 3.2.1.3"),
    v4([169, 254, 0, 0], 16, true, "link local", "RFC 3927"),
    v4([172, 16, 0, 0], 12, true, "private use", "RFC 1918"),
    v4([192, 0, 0, 0], 24, true, "IETF protocol assignments", "RFC 6890, section 2.1"),
    v4([192, 0, 0, 9], 32, false, "port control protocol anycast", "RFC 7723"),
    v4([192, 0, 0, 10], 32, false, "TURN anycast", "RFC 8155"),
    v4([192, 0, 2, 0], 24, true, "documentation, TEST-NET-1", "RFC 5737"),
    v4([192, 88, 99, 2], 32, true, "6a44 relay anycast", "RFC 6751"),
    v4([192, 168, 0, 0], 16, true, "private use", "RFC 1918"),
    v4([198, 18, 0, 0], 15, true, "benchmarking", "RFC 2544"),
    v4([198, 51, 100, 0], 24, true, "documentation, TEST-NET-2", "RFC 5737"),
    v4([203, 0, 113, 0], 24, true, "documentation, TEST-NET-3", "RFC 5737"),
    v4([224, 0, 0, 0], 4, true, "multicast", "RFC 5771; RFC 1122, section 3.2.1.3"),
    v4([240, 0, 0, 0], 4, true, "reserved, and limited broadcast", "RFC 1112, section 4; RFC 919"),
];

/// The special prefixes of IPv6.
#[rustfmt::skip]
pub const SPECIAL_V6: &[SpecialPrefix<Ipv6Addr>] = &[
    // Holds ::1, ::, IPv4-mapped and local translation addresses, discard-only and dummy prefixes, segment
    // routing (RFC 4291, 8215, 6666, 9780, 9602), unique local, link local, site local and multicast as well:
    // they are named below all the same, so that the table stays right should more of the space be opened.
    v6([0, 0, 0, 0, 0, 0, 0, 0], 0, true, "reserved by the IETF", "IANA IPv6 address space; RFC 4291"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, true, "unspecified", "RFC 4291, section 2.5.2"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, true, "loopback", "RFC 4291, section 2.5.3"),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, true, "IPv4-mapped", "RFC 4291, section 2.5.5.2"),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, false, "IPv4-IPv6 translation", "RFC 6052"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, true, "local IPv4-IPv6 translation", "RFC 8215"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, true, "discard only", "RFC 6666"),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, true, "dummy", "RFC 9780"),
    v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, false, "global unicast", "IANA IPv6 address space; RFC 4291"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, true, "IETF protocol assignments", "RFC 2928"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, false, "Teredo", "RFC 4380; RFC 8190"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 1], 128, false, "port control protocol anycast", "RFC 7723"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128, false, "TURN anycast", "RFC 8155"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 3], 128, false, "service registration anycast", "RFC 9665"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, true, "benchmarking", "RFC 5180"),
    v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, false, "automatic multicast tunneling", "RFC 7450"),
    v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, false, "AS112", "RFC 7535"),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, false, "ORCHIDv2", "RFC 7343"),
    v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28, false, "drone remote identification", "RFC 9374"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, true, "documentation", "RFC 3849"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, true, "documentation", "RFC 9637"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, true, "segment routing identifiers", "RFC 9602"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, true, "unique local", "RFC 4193"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, true, "link local", "RFC 4291, section 2.5.6"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, true, "site local, deprecated", "RFC 3879"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, true, "multicast", "RFC 4291, section 2.7"),
];

/// A range of the table: first and last address, and whether it is one of bogons.
type Special<N> = (N, N, bool);

/// All IPv4 addresses: [`NEVER`] or not.
pub(super) fn cover_v4() -> Cover<u32> {
    cover(SPECIAL_V4.iter().map(|row| {
        let first = row.address.to_bits();
        (first, first.last_under(row.length), row.bogon)
    }))
}

/// All IPv6 addresses: [`NEVER`] or not.
pub(super) fn cover_v6() -> Cover<u128> {
    cover(SPECIAL_V6.iter().map(|row| {
        let first = row.address.to_bits();
        (first, first.last_under(row.length), row.bogon)
    }))
}

/// Between two neighbouring edges of prefixes, the smallest prefix that holds the first decides for all.
fn cover<N: Number>(table: impl Iterator<Item = Special<N>>) -> Cover<N> {
    let table: Vec<Special<N>> = table.collect();
    let mut edges: Vec<N> = table
        .iter()
        .flat_map(|(first, last, _)| [Some(*first), last.successor()])
        .flatten()
        .chain([N::FIRST])
        .collect();
    edges.sort_unstable();
    edges.dedup();
    let mut builder = Builder::new(ROUTED);
    for (place, edge) in edges.iter().enumerate() {
        let last = edges
            .get(place + 1)
            .and_then(|next| next.predecessor())
            .unwrap_or(N::LAST);
        let smallest = table
            .iter()
            .filter(|(first, last, _)| first <= edge && edge <= last)
            .max_by_key(|(first, last, _)| (*first, std::cmp::Reverse(*last)));
        if smallest.is_some_and(|(_, _, bogon)| *bogon) {
            // Edges are sorted and distinct, so nothing can be misplaced.
            let placed = builder.push(*edge, last, NEVER);
            debug_assert_eq!(placed, Ok(()));
        }
    }
    builder.finish().1
}
