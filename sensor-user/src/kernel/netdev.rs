//! What XDP an interface's driver supports, as the generic netlink family `netdev` says it (Linux 6.3;
//! `Documentation/netlink/specs/netdev.yaml`).

use std::io;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};

const GENL_ID_CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const NETDEV_CMD_DEV_GET: u8 = 1;
const NETDEV_A_DEV_IFINDEX: u16 = 1;
const NETDEV_A_DEV_XDP_FEATURES: u16 = 3;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
/// Bytes of `struct nlmsghdr` with `struct genlmsghdr` behind it.
const HEADERS: usize = 16 + 4;

/// XDP that a driver supports, in bits of `enum netdev_xdp_act`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XdpFeatures(u64);

impl XdpFeatures {
    /// Programs that pass or drop.
    #[must_use]
    pub const fn native(self) -> bool {
        self.0 & 1 != 0
    }

    /// Frames in several buffers.
    #[must_use]
    pub const fn several_buffers(self) -> bool {
        self.0 & 1 << 5 != 0
    }
}

/// What the driver of an interface supports; nothing on a kernel that does not know.
///
/// # Errors
/// The kernel cannot be asked, or there is no such interface.
pub(super) fn xdp_features(interface_index: u32) -> io::Result<Option<XdpFeatures>> {
    let mut socket = Socket::new(NETLINK_GENERIC)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let family = request(
        GENL_ID_CTRL,
        CTRL_CMD_GETFAMILY,
        CTRL_ATTR_FAMILY_NAME,
        b"netdev\0",
    );
    let answer = match ask(&socket, &family) {
        Ok(answer) => answer,
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(&[low, high]) = attribute(&answer, CTRL_ATTR_FAMILY_ID).and_then(|id| id.first_chunk()) else {
        return Ok(None);
    };
    let device = interface_index.to_ne_bytes();
    let device = request(
        u16::from_ne_bytes([low, high]),
        NETDEV_CMD_DEV_GET,
        NETDEV_A_DEV_IFINDEX,
        &device,
    );
    let answer = ask(&socket, &device)?;
    let features = attribute(&answer, NETDEV_A_DEV_XDP_FEATURES).and_then(|value| value.first_chunk());
    Ok(features.map(|octets| XdpFeatures(u64::from_ne_bytes(*octets))))
}

/// A request with one attribute.
fn request(family: u16, command: u8, attribute: u16, value: &[u8]) -> Vec<u8> {
    let attribute_bytes = 4 + value.len();
    let total = HEADERS + attribute_bytes.next_multiple_of(4);
    let mut bytes = Vec::with_capacity(total);
    bytes.extend(u32::try_from(total).unwrap_or(u32::MAX).to_ne_bytes());
    bytes.extend(family.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    // Sequence and port, which nobody looks at: there is one question at a time.
    bytes.extend([0; 8]);
    bytes.extend([command, 1, 0, 0]);
    bytes.extend(u16::try_from(attribute_bytes).unwrap_or(u16::MAX).to_ne_bytes());
    bytes.extend(attribute.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(total, 0);
    bytes
}

/// The attributes of the answer.
fn ask(socket: &Socket, question: &[u8]) -> io::Result<Vec<u8>> {
    socket.send(question, 0)?;
    let (answer, _) = socket.recv_from_full()?;
    let kind = answer.get(4..6).and_then(|kind| kind.first_chunk());
    if kind.map(|kind| u16::from_ne_bytes(*kind)) == Some(NLMSG_ERROR) {
        let number = answer.get(16..20).and_then(|number| number.first_chunk());
        return Err(io::Error::from_raw_os_error(
            number.map_or(0, |number| -i32::from_ne_bytes(*number)),
        ));
    }
    Ok(answer.get(HEADERS..).unwrap_or_default().to_vec())
}

/// The value of the attribute of this kind.
fn attribute(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let &[a, b, c, d] = attributes.first_chunk()?;
        let (length, kind) = (
            usize::from(u16::from_ne_bytes([a, b])),
            u16::from_ne_bytes([c, d]),
        );
        let value = attributes.get(4..length)?;
        if kind & 0x3fff == wanted {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_behind_others_and_a_torn_one_is_none() {
        let bytes = [5, 0, 1, 0, 9, 0, 0, 0, 8, 0, 3, 0, 1, 2, 3, 4];
        if cfg!(target_endian = "little") {
            assert_eq!(attribute(&bytes, 1), Some(&[9][..]));
            assert_eq!(attribute(&bytes, 3), Some(&[1, 2, 3, 4][..]));
            assert_eq!(attribute(&bytes, 2), None);
            assert_eq!(attribute(&bytes[..14], 3), None);
            assert_eq!(attribute(&[0, 0, 1, 0], 1), None);
        }
    }

    #[test]
    fn the_loopback_has_no_native_xdp_where_the_kernel_says() {
        assert!(!xdp_features(1).unwrap().is_some_and(XdpFeatures::native));
        assert!(xdp_features(i32::MAX.unsigned_abs()).is_err());
    }
}
