//! The table of frames with known truth: what each must be counted as, written by hand from the RFCs.
//!
//! Offsets in an untagged frame, for those who read the patches: the IP header begins at 14; behind an IPv4 header
//! without options the transport begins at 34, behind an IPv6 header without extensions at 54.

mod details;
mod ethernet;
mod expected;
mod extensions;
mod fingerprints;
mod fragments;
mod icmp;
mod ipv4;
mod ipv6;
mod tcp;
mod tools;
mod udp;

use std::net::{Ipv4Addr, Ipv6Addr};

pub use self::{
    details::{Detailed, Details, detailed},
    expected::{Expected, Flow},
};
use crate::frames::{Content, Extension, Ipv4, Ipv6};

/// The shortest frame that `BPF_PROG_TEST_RUN` takes for an XDP program: an Ethernet header.
pub const SHORTEST_TEST_RUN_BYTES: usize = 14;

/// One frame and what becomes of it, with [`CASE_PREFIXES`](crate::watched::CASE_PREFIXES) watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What the case is about, in snake case; unique.
    pub name: String,
    /// The frame from its Ethernet header on, without check sequence.
    pub frame: Vec<u8>,
    /// What is counted.
    pub expected: Expected,
}

impl Case {
    fn new(name: impl Into<String>, frame: Vec<u8>, expected: Expected) -> Self {
        Self {
            name: name.into(),
            frame,
            expected,
        }
    }

    /// Whether `BPF_PROG_TEST_RUN` takes the frame: the shorter ones can only be tried elsewhere.
    #[must_use]
    pub const fn fits_test_run(&self) -> bool {
        self.frame.len() >= SHORTEST_TEST_RUN_BYTES
    }
}

/// Every case.
#[must_use]
pub fn all() -> Vec<Case> {
    [
        ethernet::cases(),
        ipv4::cases(),
        ipv6::cases(),
        extensions::cases(),
        fragments::cases(),
        tcp::cases(),
        udp::cases(),
        icmp::cases(),
        tools::cases(),
        fingerprints::cases(),
        detailed().into_iter().map(|detailed| detailed.case).collect(),
    ]
    .concat()
}

/// The watched address that most IPv4 cases go to.
const DARK: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 23);
/// The watched address that most IPv6 cases go to.
const DARK_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xfeed, 0, 0, 0, 0, 0x23);
/// An address that nobody watches.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(198, 51, 101, 23);
/// An IPv6 address that nobody watches.
const ELSEWHERE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xfeee, 0, 0, 0, 0, 0x23);

/// Where the IP header begins in an untagged frame.
const IP: usize = 14;
/// Where the transport header begins behind an IPv4 header without options.
const V4_TRANSPORT: usize = 34;
/// Where the transport header begins behind an IPv6 header without extensions.
const V6_TRANSPORT: usize = 54;

/// An untagged frame to [`DARK`].
fn v4(content: impl Into<Content>) -> Vec<u8> {
    Ipv4::to(DARK).frame(content)
}

/// An untagged frame to [`DARK_V6`].
fn v6(content: impl Into<Content>) -> Vec<u8> {
    Ipv6::to(DARK_V6).frame(content)
}

/// An IPv6 header to [`DARK_V6`] with these extension headers behind it.
fn chain(extensions: Vec<Extension>) -> Ipv6 {
    Ipv6 {
        extensions,
        ..Ipv6::to(DARK_V6)
    }
}

#[cfg(test)]
mod tests;
