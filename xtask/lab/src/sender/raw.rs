//! The system calls of packet sockets that no crate wraps.

use std::{
    ffi::c_int,
    io, mem,
    os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd},
    ptr,
};

use super::BATCH_FRAMES;

/// How many bytes of frames the kernel may hold for the socket.
const SEND_BUFFER_BYTES: c_int = 8 << 20;

/// How long a call may wait for room in that buffer, in microseconds.
const SEND_WAIT_MICROSECONDS: libc::suseconds_t = 100_000;

/// Opens a packet socket that sends out of the interface with this index, and receives nothing.
pub(super) fn open(interface: u32, bypass: bool) -> io::Result<OwnedFd> {
    // Protocol 0: the socket gets no copies of what arrives (packet(7)).
    // SAFETY: `socket` takes no pointers.
    let descriptor = check(unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the descriptor is new, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
    set(
        &socket,
        libc::SOL_SOCKET,
        libc::SO_SNDBUFFORCE,
        &SEND_BUFFER_BYTES,
    )
    .or_else(|_| set(&socket, libc::SOL_SOCKET, libc::SO_SNDBUF, &SEND_BUFFER_BYTES))?;
    let wait = libc::timeval {
        tv_sec: 0,
        tv_usec: SEND_WAIT_MICROSECONDS,
    };
    set(&socket, libc::SOL_SOCKET, libc::SO_SNDTIMEO, &wait)?;
    if bypass {
        set::<c_int>(&socket, libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, &1)?;
    }
    bind(&socket, interface)?;
    Ok(socket)
}

fn bind(socket: &OwnedFd, interface: u32) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        // Both constants are far below the width of their fields.
        sll_family: u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?,
        sll_protocol: 0,
        sll_ifindex: i32::try_from(interface).map_err(io::Error::other)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the pointer is to a whole `sockaddr_ll` that lives through the call, and the length is its own.
    check(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            length::<libc::sockaddr_ll>(),
        )
    })
    .map(drop)
}

/// Sets a socket option.
fn set<T>(socket: &OwnedFd, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    // SAFETY: the pointer is to a whole `T` that lives through the call, and the length is that of `T`.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(value).cast(),
            length::<T>(),
        )
    })
    .map(drop)
}

/// Gives the first frames, at most [`BATCH_FRAMES`], to the kernel: how many it took. An error is that of the
/// first frame; one further on only ends the batch.
pub(super) fn send(socket: &impl AsFd, frames: &[Vec<u8>]) -> io::Result<usize> {
    // SAFETY: zeros are a valid `iovec`: no bytes.
    let mut parts: [libc::iovec; BATCH_FRAMES] = unsafe { mem::zeroed() };
    // SAFETY: zeros are a valid `mmsghdr`: a message without address, parts and control data.
    let mut messages: [libc::mmsghdr; BATCH_FRAMES] = unsafe { mem::zeroed() };
    let mut count = 0;
    for ((frame, part), message) in frames.iter().zip(&mut parts).zip(&mut messages) {
        part.iov_base = frame.as_ptr().cast_mut().cast();
        part.iov_len = frame.len();
        message.msg_hdr.msg_iov = part;
        message.msg_hdr.msg_iovlen = 1;
        count += 1;
    }
    // SAFETY: the first `count` messages each point to one part, and that to a frame; frames, parts and messages
    // live through the call, and the kernel writes to nothing but `msg_len` of the messages.
    let taken =
        check(unsafe { libc::sendmmsg(socket.as_fd().as_raw_fd(), messages.as_mut_ptr(), count, 0) })?;
    usize::try_from(taken).map_err(io::Error::other)
}

/// The size of a `T`, as the socket calls want it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the types used here have a few dozen bytes"
)]
const fn length<T>() -> libc::socklen_t {
    size_of::<T>() as libc::socklen_t
}

/// A call's result, or its error.
fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
