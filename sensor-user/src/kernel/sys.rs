//! The one module that makes raw system calls: each is wrapped in a safe function, with its reason beside it.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd},
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64},
};

use caps::{CapSet, Capability};

pub mod ethtool;
pub mod objects;

const BPF_MAP_LOOKUP_BATCH: libc::c_long = 24;
/// What kernels answer that have no batch look-up for a map type: not one of the C library's numbers.
const ENOTSUPP: i32 = 524;

/// The part of `union bpf_attr` that batch operations use.
#[repr(C)]
struct BatchAttributes {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map: u32,
    element_flags: u64,
    flags: u64,
}

/// What a batch look-up came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Batch {
    /// All entries were read.
    Read,
    /// This kernel cannot look this kind of map up in batches.
    Unsupported,
}

/// Reads all `entries` of an array map in one go: `values` gets them by key, for a per-CPU map each with one
/// value for each *possible* CPU.
///
/// # Errors
/// The kernel refuses for another reason than that it cannot, or reads fewer entries than there are.
pub fn map_lookup_batch(map: BorrowedFd<'_>, entries: u32, values: &mut [u64]) -> io::Result<Batch> {
    let words = values.len() / entries as usize;
    let mut keys = vec![0_u32; entries as usize];
    let (mut done, mut cursor, mut first) = (0_u32, 0_u32, true);
    while done < entries {
        let mut next = 0_u32;
        let mut attributes = BatchAttributes {
            in_batch: if first { 0 } else { (&raw const cursor) as u64 },
            out_batch: (&raw mut next) as u64,
            keys: keys[done as usize..].as_mut_ptr() as u64,
            values: values[done as usize * words..].as_mut_ptr() as u64,
            count: entries - done,
            map: u32::try_from(map.as_raw_fd()).map_err(io::Error::other)?,
            element_flags: 0,
            flags: 0,
        };
        // SAFETY: the attributes are laid out as the kernel has them; every pointer is to memory that lives until the
        // call returns and has room for `count` entries.
        let answer = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                BPF_MAP_LOOKUP_BATCH,
                &raw mut attributes,
                size_of::<BatchAttributes>(),
            )
        };
        let error = (answer < 0).then(io::Error::last_os_error);
        match error.as_ref().and_then(io::Error::raw_os_error) {
            None => {}
            // The end of the map; `count` says how much came with it.
            Some(libc::ENOENT) if done + attributes.count >= entries => {}
            Some(libc::EINVAL | ENOTSUPP) if first => return Ok(Batch::Unsupported),
            Some(_) => return Err(error.unwrap_or_else(io::Error::last_os_error)),
        }
        if attributes.count == 0 {
            return Err(io::Error::other("the batch look-up ended before the map did"));
        }
        done += attributes.count;
        cursor = next;
        first = false;
    }
    // Array maps are read in the order of their keys; the caller relies on it.
    if keys.iter().zip(0..).any(|(key, place)| *key != place) {
        return Err(io::Error::other(
            "the batch look-up gave the entries in another order",
        ));
    }
    Ok(Batch::Read)
}

/// Keeps the calling thread on one CPU.
///
/// # Errors
/// The CPU is offline or not allowed for this process.
pub fn pin_to_cpu(cpu: u32) -> io::Result<()> {
    let cpu = cpu as usize;
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::other(format!(
            "CPU {cpu} is beyond what the C library can name"
        )));
    }
    // SAFETY: an all-zero set is the empty set, and `cpu` is within it.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        set
    };
    // SAFETY: the set outlives the call, and its size is the one given.
    match unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether this process may do anything (user id 0 in effect).
#[must_use]
pub fn is_root() -> bool {
    // SAFETY: it has no arguments and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Whether the verifier takes this process for one that may look into the kernel: `CAP_PERFMON`, or
/// `CAP_SYS_ADMIN`, which includes it. Yes where the system does not say.
#[must_use]
pub fn has_performance_monitoring() -> bool {
    [Capability::CAP_PERFMON, Capability::CAP_SYS_ADMIN]
        .into_iter()
        .any(|capability| caps::has_cap(None, CapSet::Effective, capability).unwrap_or(true))
}

/// The index of an interface of this thread's network namespace.
#[must_use]
pub fn interface_index(name: &str) -> Option<u32> {
    let name = std::ffi::CString::new(name).ok()?;
    // SAFETY: the string ends with a NUL and outlives the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => None,
        index => Some(index),
    }
}

/// The clock that the program's time stamps are of, in nanoseconds.
#[must_use]
pub fn monotonic_nanoseconds() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the structure outlives the call; this clock is always there.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// Whether something disciplines the system's clock (`STA_UNSYNC` of adjtimex(2) is not set).
///
/// # Errors
/// The system does not say.
pub fn clock_is_synchronised() -> io::Result<bool> {
    // SAFETY: all fields are plain numbers, for which zero is a value; no mode means that nothing is set.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the structure outlives the call.
    match unsafe { libc::adjtimex(&raw mut state) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(state.status & libc::STA_UNSYNC == 0),
    }
}

/// The time since boot, suspends included, in nanoseconds.
#[must_use]
pub fn boot_nanoseconds() -> i64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the structure outlives the call; this clock is always there.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// The kernel's memory page, in bytes.
#[must_use]
pub fn page_bytes() -> usize {
    // SAFETY: it reads a constant of the system.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Lifts the limit on locked memory, which kernels before 5.11 hold against maps.
///
/// # Errors
/// The process may not raise it.
pub fn lift_memlock_limit() -> io::Result<()> {
    let unlimited = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: the structure outlives the call.
    match unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const unlimited) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits until a descriptor is readable, or for `milliseconds`.
///
/// # Errors
/// The wait failed for another reason than a signal.
pub fn wait_readable(descriptor: BorrowedFd<'_>, milliseconds: i32) -> io::Result<()> {
    let mut poll = libc::pollfd {
        fd: descriptor.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one structure, as the count says.
    if unsafe { libc::poll(&raw mut poll, 1, milliseconds) } < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(())
}

/// The two mappings of a BPF ring buffer: the page of its consumer, which we write, and the pages of its
/// producer and data, which only the kernel does. The data is mapped twice in a row, so a record that wraps
/// around the end lies in one piece.
#[derive(Debug)]
pub struct RingMapping {
    consumer: NonNull<u8>,
    producer: NonNull<u8>,
    page: usize,
    data: usize,
}

// SAFETY: the mappings belong to this value alone, and no thread is tied to them.
unsafe impl Send for RingMapping {}

impl RingMapping {
    /// Maps the ring of `data` bytes behind the descriptor.
    ///
    /// # Errors
    /// The kernel does not map it.
    pub fn new(ring: BorrowedFd<'_>, data: usize) -> io::Result<Self> {
        let page = page_bytes();
        let consumer = map_shared(ring, page, libc::PROT_READ | libc::PROT_WRITE, 0)?;
        let producer = match map_shared(ring, page + 2 * data, libc::PROT_READ, page) {
            Ok(producer) => producer,
            Err(error) => {
                unmap(consumer, page);
                return Err(error);
            }
        };
        Ok(Self {
            consumer,
            producer,
            page,
            data,
        })
    }

    /// Up to where the reader is done; the kernel reads it, we write it.
    #[must_use]
    pub fn consumer_position(&self) -> &AtomicU64 {
        // SAFETY: the mapping is a page, begins with the position, is aligned to a page, and lives as long as `self`.
        unsafe { self.consumer.cast().as_ref() }
    }

    /// Up to where records were reserved; the kernel writes it.
    #[must_use]
    pub fn producer_position(&self) -> &AtomicU64 {
        // SAFETY: as above; the mapping is read-only, and so is every use.
        unsafe { self.producer.cast().as_ref() }
    }

    /// The header word of the record at this position: its length and two flags.
    #[must_use]
    pub fn header(&self, position: u64) -> &AtomicU32 {
        let offset = self.offset(position);
        // SAFETY: the offset is below `data` and a multiple of eight, so the word lies in the mapping, aligned.
        unsafe { self.producer.add(self.page + offset).cast().as_ref() }
    }

    /// The bytes of the record whose header is at this position.
    #[must_use]
    pub fn payload(&self, position: u64, length: usize) -> &[u8] {
        let start = self.offset(position) + 8;
        let length = length.min(2 * self.data - start);
        // SAFETY: within the doubled data pages; the kernel leaves a committed record alone until the consumer's
        // position passes it, which only happens after the borrow of `self` ends.
        unsafe { std::slice::from_raw_parts(self.producer.add(self.page + start).as_ptr(), length) }
    }

    fn offset(&self, position: u64) -> usize {
        // The mask is below the size of memory, so nothing is lost on any machine that runs this.
        usize::try_from(position & (self.data as u64 - 1)).unwrap_or(0) & !7
    }
}

impl Drop for RingMapping {
    fn drop(&mut self) {
        unmap(self.consumer, self.page);
        unmap(self.producer, self.page + 2 * self.data);
    }
}

fn map_shared(
    descriptor: BorrowedFd<'_>,
    length: usize,
    protection: i32,
    offset: usize,
) -> io::Result<NonNull<u8>> {
    let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
    // SAFETY: a new mapping at a place of the kernel's choice disturbs no memory of ours.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            protection,
            libc::MAP_SHARED,
            descriptor.as_raw_fd(),
            offset,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))
}

fn unmap(address: NonNull<u8>, length: usize) {
    // SAFETY: only called with what `map_shared` gave, once, by the owner.
    unsafe { libc::munmap(address.as_ptr().cast(), length) };
}
