//! What an interface is like and which XDP program holds it, as the kernel says over rtnetlink.

use std::io;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkFlags, LinkMessage, LinkXdp, XdpAttached},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::Mode;

/// An interface, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    /// Its name.
    pub(super) name: String,
    /// Whether it is set up.
    pub(super) up: bool,
    /// The number of its XDP program.
    pub(super) program: Option<u32>,
    /// Where that runs; `None` where it is none of ours: in the card itself, or in several places.
    pub(super) mode: Option<Mode>,
}

/// The number of the program on an interface, in whatever mode; nothing where there is none.
///
/// # Errors
/// The kernel does not say, or there is no such interface.
pub(super) fn program_on(interface_index: u32) -> io::Result<Option<u32>> {
    match interface(interface_index)? {
        Some(interface) => Ok(interface.program),
        None => Err(no_such_interface()),
    }
}

fn no_such_interface() -> io::Error {
    io::Error::from_raw_os_error(libc::ENODEV)
}

/// The interface of this number; nothing where there is none.
///
/// # Errors
/// The kernel does not say.
pub(super) fn interface(index: u32) -> io::Result<Option<Interface>> {
    if index == 0 {
        return Ok(None);
    }
    match link_message(index) {
        Ok(link) => Ok(Some(read(&link))),
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

/// All that the kernel says of an interface.
///
/// # Errors
/// There is none of this index, or the kernel does not say.
pub(super) fn link_message(interface_index: u32) -> io::Result<LinkMessage> {
    let mut link = LinkMessage::default();
    link.header.index = interface_index;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST;
    let mut request = NetlinkMessage::new(header, RouteNetlinkMessage::GetLink(link).into());
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);

    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(&bytes, 0)?;
    let (answer, _) = socket.recv_from_full()?;
    let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer).map_err(io::Error::other)?;
    match answer.payload {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => Ok(link),
        NetlinkPayload::Error(error) => Err(error.to_io()),
        _ => Err(io::Error::other("an answer that was not asked for")),
    }
}

/// What such a message says that the sensor goes by.
pub(super) fn read(link: &LinkMessage) -> Interface {
    let mut interface = Interface {
        name: String::new(),
        up: link.header.flags.contains(LinkFlags::Up),
        program: None,
        mode: None,
    };
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::IfName(name) => interface.name.clone_from(name),
            LinkAttribute::Xdp(parts) => {
                for part in parts {
                    match part {
                        LinkXdp::ProgId(id)
                        | LinkXdp::DrvProgId(id)
                        | LinkXdp::SkbProgId(id)
                        | LinkXdp::HwProgId(id)
                            if *id != 0 && interface.program.is_none() =>
                        {
                            interface.program = Some(*id);
                        }
                        LinkXdp::Attached(XdpAttached::Driver) => interface.mode = Some(Mode::Native),
                        LinkXdp::Attached(XdpAttached::SocketBuffer) => interface.mode = Some(Mode::Generic),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    interface
}

/// Number and, where this process may ask for it, name of a program, as they follow the interface's name in a
/// message.
pub(super) fn describe(program: u32) -> String {
    let name = aya::programs::loaded_programs()
        .filter_map(Result::ok)
        .find(|loaded| loaded.id() == program)
        .and_then(|loaded| loaded.name_as_str().map(str::to_owned));
    match name {
        Some(name) if !name.is_empty() => format!(" (`{name}`, id {program})"),
        _ => format!(" (id {program})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_found_and_what_is_not_there_is_an_error() {
        // Interface 1 is the loopback of every namespace; nobody attaches anything there but in tests of their own.
        let loopback = interface(1).unwrap().unwrap();
        assert_eq!(loopback.name, "lo");
        let error = program_on(i32::MAX.unsigned_abs()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
        assert_eq!(interface(i32::MAX.unsigned_abs()).unwrap(), None);
    }
}
