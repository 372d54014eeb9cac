//! The one place that writes packet memory.
//!
//! User space gives a whole frame to begin with; of an IPv4 one only the fields that vary are written. Checksums are
//! left as they are, and so are wrong: nothing between here and the sensor looks at them.

use aya_ebpf::programs::XdpContext;
use sensor_common::{
    Family,
    generator::{DARK_V6, Draw, SOURCE_V6},
};

const ETHERTYPE: usize = 12;
const IPV4: usize = 14;
const IPV4_SOURCE: usize = IPV4 + 12;
const IPV4_DESTINATION: usize = IPV4 + 16;
const IPV4_TCP: usize = IPV4 + 20;
const IPV6: usize = 14;
const IPV6_SOURCE: usize = IPV6 + 8;
const IPV6_DESTINATION: usize = IPV6 + 24;
const IPV6_TCP: usize = IPV6 + 40;
/// Within the TCP header.
const PORT: usize = 2;
const SEQUENCE: usize = 4;

/// Octets of an IPv4 frame.
const IPV4_FRAME: usize = IPV4_TCP + 20;
/// Octets of a frame that holds either version.
const MIXED_FRAME: usize = IPV6_TCP + 20;

/// Version and header length, type of service, total length (RFC 791).
const IPV4_START: [u8; 4] = [0x45, 0, 0, 40];
/// Identification, no fragment, time to live 64, TCP, checksum.
const IPV4_MIDDLE: [u8; 8] = [0, 0, 0, 0, 64, 6, 0, 0];
/// Version, traffic class and flow label, payload length 20, TCP, hop limit 64 (RFC 8200).
const IPV6_START: [u8; 8] = [0x60, 0, 0, 0, 0, 20, 6, 64];
/// A SYN alone, window 1024, without options; from port 40000 (RFC 9293).
const TCP_SOURCE_PORT: [u8; 2] = 40_000_u16.to_be_bytes();
const TCP_END: [u8; 12] = [0, 0, 0, 0, 0x50, 0x02, 0x04, 0, 0, 0, 0, 0];

/// Writes source, destination, destination port and sequence number into an IPv4 frame.
#[inline(always)]
pub fn write_ipv4(context: &XdpContext, draw: &Draw) -> Option<()> {
    let start = checked_start::<IPV4_FRAME>(context)?;
    put(start + IPV4_SOURCE, draw.source.to_be_bytes());
    put(start + IPV4_DESTINATION, draw.destination().to_be_bytes());
    put(start + IPV4_TCP + PORT, draw.port.to_be_bytes());
    put(start + IPV4_TCP + SEQUENCE, draw.sequence.to_be_bytes());
    Some(())
}

/// Writes everything behind the Ethernet addresses: the page may hold a frame of the other version.
#[inline(always)]
pub fn write_mixed(context: &XdpContext, draw: &Draw) -> Option<()> {
    let start = checked_start::<MIXED_FRAME>(context)?;
    let tcp = match draw.family {
        Family::Ipv4 => {
            put(start + ETHERTYPE, 0x0800_u16.to_be_bytes());
            put(start + IPV4, IPV4_START);
            put(start + IPV4 + IPV4_START.len(), IPV4_MIDDLE);
            put(start + IPV4_SOURCE, draw.source.to_be_bytes());
            put(start + IPV4_DESTINATION, draw.destination().to_be_bytes());
            start + IPV4_TCP
        }
        Family::Ipv6 => {
            put(start + ETHERTYPE, 0x86dd_u16.to_be_bytes());
            put(start + IPV6, IPV6_START);
            put(start + IPV6_SOURCE, SOURCE_V6.to_be_bytes());
            put(start + IPV6_SOURCE + 8, u64::from(draw.source).to_be_bytes());
            put(start + IPV6_DESTINATION, DARK_V6.to_be_bytes());
            put(start + IPV6_DESTINATION + 8, u64::from(draw.host).to_be_bytes());
            start + IPV6_TCP
        }
    };
    put(tcp, TCP_SOURCE_PORT);
    put(tcp + PORT, draw.port.to_be_bytes());
    put(tcp + SEQUENCE, draw.sequence.to_be_bytes());
    put(tcp + SEQUENCE + 4, TCP_END);
    Some(())
}

/// Where a frame of at least `N` octets starts.
#[inline(always)]
fn checked_start<const N: usize>(context: &XdpContext) -> Option<usize> {
    let start = context.data();
    (start + N <= context.data_end()).then_some(start)
}

/// Writes octets at an address that lies, to its end, behind [`checked_start`].
#[inline(always)]
fn put<const N: usize>(at: usize, octets: [u8; N]) {
    // SAFETY: within the frame, as the verifier checks again; an array of octets has no alignment to break.
    unsafe { *(at as *mut [u8; N]) = octets }
}
