//! The one place that reads packet memory.

use core::ptr::read_volatile;

use aya_ebpf::programs::XdpContext;
use sensor_common::Packet;

/// The linear part of a frame.
pub struct Frame {
    start: usize,
    end: usize,
}

impl Frame {
    #[inline(always)]
    pub fn of(context: &XdpContext) -> Self {
        Self {
            start: context.data(),
            end: context.data_end(),
        }
    }

    /// The same, asked for anew: what the verifier knows of the headers that were read is no part of it.
    #[inline(always)]
    pub fn anew(context: &XdpContext) -> Self {
        let context = context.ctx;
        // SAFETY: the kernel gives a program its context for as long as it runs. Volatile, or it is the known pointers.
        let (start, end) = unsafe {
            (
                read_volatile(&raw const (*context).data),
                read_volatile(&raw const (*context).data_end),
            )
        };
        Self {
            start: start as usize,
            end: end as usize,
        }
    }

    /// Octets from start to end.
    #[inline(always)]
    pub fn length(&self) -> u32 {
        (self.end - self.start) as u32
    }

    /// The octet at an offset of which the compiler knows more than that it is one: it would then ask whether the place is
    /// before the end, in place of whether the place behind it is beyond, which proves nothing to the verifier.
    #[inline(always)]
    pub fn octet(&self, offset: usize) -> Option<u8> {
        let place = core::hint::black_box(self.start + offset);
        if place + 1 > self.end {
            return None;
        }
        // SAFETY: the octet lies within the packet, as just checked (and as the verifier checks again).
        Some(unsafe { *(place as *const u8) })
    }
}

impl Packet for Frame {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let start = self.start + offset;
        if start + N > self.end {
            return None;
        }
        // SAFETY: `start..start + N` lies within the packet, as just checked (and as the verifier checks again);
        // an array of octets has no alignment to break.
        Some(unsafe { *(start as *const [u8; N]) })
    }
}
