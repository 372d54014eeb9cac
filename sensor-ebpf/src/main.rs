//! The XDP program: it reads each packet once, counts it under one outcome, and lets it pass.
//!
//! The modules in the order of a packet's way: [`frame`] gives the bytes, the classifier of `sensor-common` reads
//! them, [`watch`] answers whether the destination is observed, [`host`]
//! whether the packet is the host's own business, [`totals`] keeps the exact counts, [`flows`] keeps
//! the detail of each source, [`stage`] sends it to user space, [`flush`] sends what lies idle, and [`sample`]
//! copies the heads of single packets.

#![no_std]
#![no_main]

mod flows;
mod flush;
mod frame;
mod host;
mod maps;
mod sample;
mod stage;
mod totals;
mod watch;

use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};
use sensor_common::{Outcome, Verdict, classify::classify_ethernet};

use crate::{frame::Frame, maps::config, watch::WatchMaps};

/// For frames that lie in one buffer.
#[xdp]
pub fn teiten(context: XdpContext) -> u32 {
    run(&context)
}

/// For frames that may lie in several buffers; the headers are in the first.
#[xdp(frags)]
pub fn teiten_frags(context: XdpContext) -> u32 {
    run(&context)
}

/// Never attached: user space runs it on each CPU in turn. See [`flush`].
#[xdp]
pub fn flush(context: XdpContext) -> u32 {
    flush::run(&context)
}

#[inline(always)]
fn run(context: &XdpContext) -> u32 {
    let action = action(count(context));
    // At the very end, where all ways through the program are one to the verifier.
    sample::send(context);
    action
}

#[inline(always)]
fn count(context: &XdpContext) -> Outcome {
    let outcome = match classify_ethernet(&Frame::of(context), &WatchMaps) {
        // A constant to the verifier, which leaves out what is not asked for.
        Ok(observation) if config().watch_host != 0 && host::takes(context, &observation) => Outcome::NotDark,
        Ok(observation) => {
            sample::choose(&observation);
            flows::add(context, &observation)
        }
        Err(outcome) => outcome,
    };
    totals::count(context, outcome);
    outcome
}

#[inline(always)]
fn action(outcome: Outcome) -> u32 {
    match Verdict::of(outcome, config().verdict()) {
        Verdict::Pass => xdp_action::XDP_PASS,
        Verdict::Drop => xdp_action::XDP_DROP,
    }
}

// The verifier refuses whatever could get here, so nothing does.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

// Helpers such as the ring buffer's are for programs under the GPL alone; the source stays MIT or Apache-2.0.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
