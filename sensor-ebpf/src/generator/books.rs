//! The truth: how many frames were generated, counted where they are.

use core::ptr::read_volatile;

use aya_ebpf::{btf_maps::PerCpuArray, macros::btf_map};
use sensor_common::{
    Family,
    counters::PORT_COUNT,
    generator::{Books, Draw, PortBooks, Profile},
};

/// Not 0 for exact tests; 0 for benchmarks, where a second large table would cost more than it tells.
#[unsafe(no_mangle)]
static COUNT_PORTS: u32 = 0;

#[btf_map]
static BOOKS: PerCpuArray<Books, { Profile::ALL.len() }> = PerCpuArray::new();
#[btf_map]
static PORT_BOOKS: PerCpuArray<PortBooks, PORT_COUNT> = PerCpuArray::new();

/// This CPU's books of a profile.
#[inline(always)]
pub fn of(profile: Profile) -> Option<&'static mut Books> {
    // SAFETY: the value is this CPU's own, and programs do not nest on a CPU.
    BOOKS
        .get_ptr_mut(profile as u32)
        .map(|books| unsafe { &mut *books })
}

/// Counts a frame.
#[inline(always)]
pub fn count(books: &mut Books, draw: &Draw) {
    let mirai = u64::from(draw.is_mirai());
    books.frames += 1;
    books.mirai += mirai;
    books.ipv6 += u64::from(matches!(draw.family, Family::Ipv6));
    // SAFETY: a static number. Volatile, because the value in the object is not the loaded one.
    if unsafe { read_volatile(&raw const COUNT_PORTS) } != 0
        && let Some(port) = PORT_BOOKS.get_ptr_mut(draw.port.into())
    {
        // SAFETY: as above.
        let port = unsafe { &mut *port };
        port.frames += 1;
        port.mirai += mirai;
    }
}
