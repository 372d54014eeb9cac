//! System calls on pinned objects: opening them, asking what they are, and sharing memory through them.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
    ptr::NonNull,
    sync::atomic::AtomicU64,
};

use super::{map_shared, unmap};

const BPF_OBJ_GET: libc::c_long = 7;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_long = 15;
/// `BPF_FS_MAGIC` of `linux/magic.h`.
const BPF_FILE_SYSTEM: i64 = 0xcafe_4a11;
/// `BPF_LINK_TYPE_XDP` of `enum bpf_link_type`.
const XDP_LINK: u32 = 6;

/// The part of `union bpf_attr` that opens a pinned object.
#[repr(C)]
struct OpenAttributes {
    path: u64,
    descriptor: u32,
    flags: u32,
}

/// The part of `union bpf_attr` that asks for an object's description.
#[repr(C)]
struct InfoAttributes {
    descriptor: u32,
    length: u32,
    info: u64,
}

/// The part of `struct bpf_link_info` that every link has, and what an XDP link has behind it.
#[repr(C)]
#[derive(Default)]
struct RawLinkInfo {
    kind: u32,
    id: u32,
    program: u32,
    padding: u32,
    interface_index: u32,
    rest: [u32; 27],
}

/// What the kernel says of an XDP link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XdpLinkInfo {
    /// The number of its program.
    pub program: u32,
    /// The interface that it is on, by its number in the interface's own namespace; 0 for one that is gone.
    pub interface_index: u32,
}

fn bpf<T>(command: libc::c_long, attributes: &mut T) -> io::Result<libc::c_long> {
    // SAFETY: the attributes are laid out as the kernel has them for this command, and what they point to outlives
    // the call; both callers below see to that.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<T>()) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(answer)
}

/// Describes the XDP link that is pinned at `path`.
///
/// # Errors
/// There is no pin, the process may not open it, or it is something else.
pub fn pinned_xdp_link(path: &Path) -> io::Result<XdpLinkInfo> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    let mut open = OpenAttributes {
        path: name.as_ptr() as u64,
        descriptor: 0,
        flags: 0,
    };
    let descriptor = RawFd::try_from(bpf(BPF_OBJ_GET, &mut open)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
    let link = unsafe { OwnedFd::from_raw_fd(descriptor) };
    let mut info = RawLinkInfo::default();
    let mut ask = InfoAttributes {
        descriptor: u32::try_from(link.as_raw_fd()).map_err(io::Error::other)?,
        length: u32::try_from(size_of::<RawLinkInfo>()).map_err(io::Error::other)?,
        info: (&raw mut info) as u64,
    };
    bpf(BPF_OBJ_GET_INFO_BY_FD, &mut ask)?;
    if info.kind != XDP_LINK {
        return Err(io::Error::other("it is no XDP link"));
    }
    Ok(XdpLinkInfo {
        program: info.program,
        interface_index: info.interface_index,
    })
}

/// Whether a folder lies in a BPF file system.
///
/// # Errors
/// It is not there, or cannot be reached.
pub fn is_bpf_file_system(folder: &Path) -> io::Result<bool> {
    let name = CString::new(folder.as_os_str().as_bytes())?;
    // SAFETY: a structure of plain numbers, for which zeros are a value.
    let mut status: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: the name ends with a NUL, and both outlive the call.
    match unsafe { libc::statfs(name.as_ptr(), &raw mut status) } {
        0 => Ok(status.f_type == BPF_FILE_SYSTEM),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Numbers in memory that an array map shares with everybody who maps it; they live as long as the map.
#[derive(Debug)]
pub struct SharedWords {
    address: NonNull<u8>,
    words: usize,
}

// SAFETY: the mapping belongs to this value alone, no thread is tied to it, and all access is atomic.
unsafe impl Send for SharedWords {}
// SAFETY: as above.
unsafe impl Sync for SharedWords {}

impl SharedWords {
    /// Maps an mmapable array of `words` numbers of eight octets.
    ///
    /// # Errors
    /// The kernel does not map it: it is another kind of map, or a smaller one.
    pub fn new(map: BorrowedFd<'_>, words: usize) -> io::Result<Self> {
        let bytes = words * size_of::<u64>();
        let address = map_shared(map, bytes, libc::PROT_READ | libc::PROT_WRITE, 0)?;
        Ok(Self { address, words })
    }

    /// The numbers.
    #[must_use]
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping has room for so many, begins at a page, lives as long as `self`, and is written by atomic
        // operations alone.
        unsafe { std::slice::from_raw_parts(self.address.cast().as_ptr(), self.words) }
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        unmap(self.address, self.words * size_of::<u64>());
    }
}
