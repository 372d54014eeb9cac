//! What a network card can do, as the system call `ioctl(SIOCETHTOOL)` says it (`include/uapi/linux/ethtool.h`).

use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

const SIOCETHTOOL: libc::c_ulong = 0x8946;
const ETHTOOL_GDRVINFO: u32 = 0x3;
const ETHTOOL_GFLAGS: u32 = 0x25;
const ETHTOOL_GCHANNELS: u32 = 0x3c;
const ETH_FLAG_RXVLAN: u32 = 1 << 8;
const ETH_FLAG_LRO: u32 = 1 << 15;

/// `struct ethtool_drvinfo` up to the driver's name, and room for the rest.
#[repr(C)]
struct DriverInfo {
    command: u32,
    driver: [u8; 32],
    rest: [u8; 160],
}

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Queues of a card (`struct ethtool_channels`). A card has receive queues of their own, or combined ones.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    command: u32,
    /// The most receive queues.
    pub most_receive: u32,
    most_transmit: u32,
    most_other: u32,
    /// The most queues for both ways.
    pub most_combined: u32,
    /// Receive queues now.
    pub receive: u32,
    transmit: u32,
    other: u32,
    /// Queues for both ways now.
    pub combined: u32,
}

/// What a card does to packets before XDP sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloads {
    /// It takes VLAN tags off.
    pub strips_vlan: bool,
    /// It joins packets of one flow to large ones.
    pub joins_packets: bool,
}

/// The driver's name.
///
/// # Errors
/// There is no such interface, or it has no driver that says.
pub fn driver(interface: &str) -> io::Result<String> {
    let mut info = DriverInfo {
        command: ETHTOOL_GDRVINFO,
        driver: [0; 32],
        rest: [0; 160],
    };
    ask(interface, &raw mut info)?;
    let name = info.driver.split(|octet| *octet == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// The card's queues.
///
/// # Errors
/// There is no such interface, or its driver does not say.
pub fn channels(interface: &str) -> io::Result<Channels> {
    let mut channels = Channels {
        command: ETHTOOL_GCHANNELS,
        ..Channels::default()
    };
    ask(interface, &raw mut channels)?;
    Ok(channels)
}

/// The card's offloads.
///
/// # Errors
/// There is no such interface, or its driver does not say.
pub fn offloads(interface: &str) -> io::Result<Offloads> {
    let mut flags = Value {
        command: ETHTOOL_GFLAGS,
        data: 0,
    };
    ask(interface, &raw mut flags)?;
    Ok(Offloads {
        strips_vlan: flags.data & ETH_FLAG_RXVLAN != 0,
        joins_packets: flags.data & ETH_FLAG_LRO != 0,
    })
}

/// One question, answered in place.
fn ask<T>(interface: &str, question: *mut T) -> io::Result<()> {
    // SAFETY: it takes numbers and gives a descriptor, or -1.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // SAFETY: plain numbers and pointers, for all of which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let name = interface.as_bytes();
    if name.len() >= request.ifr_name.len() {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (place, octet) in request.ifr_name.iter_mut().zip(name) {
        *place = libc::c_char::from_ne_bytes([*octet]);
    }
    request.ifr_ifru.ifru_data = question.cast();
    // SAFETY: the request names an interface and points to a structure of the command in its first word, which
    // outlives the call.
    match unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_is_not_there_is_an_error() {
        for name in ["no-such-if", "a-name-that-is-longer-than-any-interface"] {
            assert_eq!(offloads(name).unwrap_err().raw_os_error(), Some(libc::ENODEV));
        }
    }

    #[test]
    fn the_loopback_has_offloads_and_no_queues_to_set() {
        assert!(!offloads("lo").unwrap().strips_vlan);
        assert!(channels("lo").is_err());
    }
}
