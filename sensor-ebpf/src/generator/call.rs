//! Going on to another program instead of sending: what one packet costs in it, without anything on the way.

use aya_ebpf::{
    bindings::xdp_action,
    btf_maps::ProgramArray,
    macros::{btf_map, xdp},
    programs::XdpContext,
};
use sensor_common::generator::Profile;

use crate::next_frame;

/// The program that is called.
#[btf_map]
static TARGET: ProgramArray<1> = ProgramArray::new();

#[xdp]
pub fn call_single(context: XdpContext) -> u32 {
    call(&context, Profile::Single)
}

#[xdp]
pub fn call_uniform(context: XdpContext) -> u32 {
    call(&context, Profile::Uniform)
}

#[inline(always)]
fn call(context: &XdpContext, profile: Profile) -> u32 {
    if next_frame(context, profile).is_some() {
        // SAFETY: nothing here waits to be dropped; where no program is set, the call returns.
        unsafe { TARGET.tail_call(context, 0) }
    }
    xdp_action::XDP_ABORTED
}
