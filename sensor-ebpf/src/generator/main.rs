//! The generator of load: XDP programs that user space runs with live frames, each frame another packet.
//!
//! A run hands the same few pages to the program again and again, as the last run left them. So each program writes
//! every field that varies, counts the frame in [`books`], and redirects it to the sending end of a veth pair. What
//! varies, and how, is in `sensor_common::generator`; it is fixed, or benchmarks would not compare.

#![no_std]
#![no_main]

mod books;
mod call;
mod frame;

use aya_ebpf::{
    bindings::xdp_action,
    btf_maps::DevMap,
    helpers::bpf_get_smp_processor_id,
    macros::{btf_map, xdp},
    programs::XdpContext,
};
use sensor_common::generator::{DEVICE_COUNT, Draw, Profile, next_random};

use crate::frame::{write_ipv4, write_mixed};

/// Where each CPU's frames go.
#[btf_map]
static DEVICES: DevMap<DEVICE_COUNT> = DevMap::new();

#[xdp]
pub fn skewed(context: XdpContext) -> u32 {
    send(&context, Profile::Skewed)
}

#[xdp]
pub fn medium(context: XdpContext) -> u32 {
    send(&context, Profile::Medium)
}

#[xdp]
pub fn log_uniform(context: XdpContext) -> u32 {
    send(&context, Profile::LogUniform)
}

#[xdp]
pub fn uniform(context: XdpContext) -> u32 {
    send(&context, Profile::Uniform)
}

#[xdp]
pub fn ipv6_mix(context: XdpContext) -> u32 {
    send(&context, Profile::Ipv6Mix)
}

#[xdp]
pub fn single(context: XdpContext) -> u32 {
    send(&context, Profile::Single)
}

/// What the sensor is compared with: attached where it would be, it drops and does nothing else.
#[xdp]
pub fn bare_drop(_: XdpContext) -> u32 {
    xdp_action::XDP_DROP
}

/// Writes the next frame and sends it to this CPU's device. Where there is none the frame is dropped here: that is
/// how the generator's own cost is measured, with the very program that sends.
#[inline(always)]
fn send(context: &XdpContext, profile: Profile) -> u32 {
    if next_frame(context, profile).is_none() {
        return xdp_action::XDP_ABORTED;
    }
    // SAFETY: a helper without arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    match DEVICES.redirect(cpu, xdp_action::XDP_DROP.into()) {
        Ok(action) | Err(action) => action,
    }
}

/// Makes the frame the next one of its profile, and counts it. `None`, and nothing counted, for a frame too short.
#[inline(always)]
fn next_frame(context: &XdpContext, profile: Profile) -> Option<()> {
    let books = books::of(profile)?;
    // SAFETY: a helper without arguments.
    let random = next_random(books.random, unsafe { bpf_get_smp_processor_id() });
    let draw = Draw::of(profile, random);
    match profile {
        Profile::Ipv6Mix => write_mixed(context, &draw)?,
        _ => write_ipv4(context, &draw)?,
    }
    books.random = random;
    books::count(books, &draw);
    Some(())
}

// The verifier refuses whatever could get here, so nothing does.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
