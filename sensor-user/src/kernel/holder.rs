//! Which XDP program holds an interface, as the kernel says over rtnetlink.

use std::io;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkMessage, LinkXdp},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// The number of the program on an interface, in whatever mode; nothing where there is none.
///
/// # Errors
/// The kernel does not say.
pub(super) fn program_on(interface_index: u32) -> io::Result<Option<u32>> {
    link_message(interface_index).map(|link| program_of(&link))
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

pub(super) fn program_of(link: &LinkMessage) -> Option<u32> {
    let parts = link.attributes.iter().filter_map(|attribute| match attribute {
        LinkAttribute::Xdp(parts) => Some(parts),
        _ => None,
    });
    parts.flatten().find_map(|part| match part {
        LinkXdp::ProgId(id) | LinkXdp::DrvProgId(id) | LinkXdp::SkbProgId(id) | LinkXdp::HwProgId(id) => {
            (*id != 0).then_some(*id)
        }
        _ => None,
    })
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
        assert!(program_on(1).is_ok());
        let error = program_on(i32::MAX.unsigned_abs()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
    }
}
