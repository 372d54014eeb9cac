//! A host that also does other work: which packets to its own addresses are its business, and so not dark.

use core::{mem::MaybeUninit, ptr::write_volatile};

use aya_ebpf::{
    bindings::bpf_sock_tuple,
    helpers::{bpf_sk_lookup_udp, bpf_sk_release, bpf_skc_lookup_tcp},
    programs::XdpContext,
};
use sensor_common::{
    Address, Family, Observation,
    host::{Flow, is_neighbour_discovery},
};

use crate::{
    frame::Frame,
    maps::{OWN_NETWORKS, config},
    watch::holds,
};

/// The network namespace that the interface is in.
const CURRENT_NAMESPACE: u64 = u64::MAX;
/// Bytes of `struct bpf_sock_tuple` for each family.
const TUPLE_V4_BYTES: u32 = 12;
const TUPLE_V6_BYTES: u32 = 36;
/// Words of the larger.
const TUPLE_WORDS: usize = TUPLE_V6_BYTES as usize / size_of::<u32>();

/// Whether a packet is from the operator's own networks, or would be taken by a socket of this host.
#[inline(always)]
pub fn takes(context: &XdpContext, observation: &Observation) -> bool {
    if is_neighbour_discovery(observation) {
        return true;
    }
    if config().own_networks != 0 && holds(&OWN_NETWORKS, observation.source) {
        return true;
    }
    Flow::of(&Frame::of(context), observation).is_some_and(|flow| has_socket(context, &flow))
}

/// Listening, established or, for TCP, on its way to either.
#[inline(always)]
fn has_socket(context: &XdpContext, flow: &Flow) -> bool {
    let mut tuple = MaybeUninit::<[u32; TUPLE_WORDS]>::uninit();
    let place = tuple.as_mut_ptr().cast::<u32>();
    let ports = u32::from(flow.remote_port.to_be()) | u32::from(flow.local_port.to_be()) << 16;
    let bytes = match flow.family {
        Family::Ipv4 => {
            write(
                place,
                &[flow.remote.low32().to_be(), flow.local.low32().to_be(), ports],
            );
            TUPLE_V4_BYTES
        }
        Family::Ipv6 => {
            let ([a, b, c, d], [e, f, g, h]) = (words_of(flow.remote), words_of(flow.local));
            write(place, &[a, b, c, d, e, f, g, h, ports]);
            TUPLE_V6_BYTES
        }
    };
    let tuple = place.cast::<bpf_sock_tuple>();
    // SAFETY: the context is the program's own; as many bytes of the tuple as are named were written. A socket that is
    // found is given back at once, and nothing of it is read.
    unsafe {
        let socket = if flow.is_tcp {
            bpf_skc_lookup_tcp(context.ctx.cast(), tuple, bytes, CURRENT_NAMESPACE, 0)
        } else {
            bpf_sk_lookup_udp(context.ctx.cast(), tuple, bytes, CURRENT_NAMESPACE, 0)
        };
        if socket.is_null() {
            return false;
        }
        bpf_sk_release(socket.cast());
    }
    true
}

/// Volatile, word by word: the stack knows no wider store on this boundary.
#[inline(always)]
fn write<const N: usize>(place: *mut u32, words: &[u32; N]) {
    let mut word = 0;
    while word < N {
        // SAFETY: callers give at most as many words as the tuple has.
        unsafe { write_volatile(place.add(word), words[word]) }
        word += 1;
    }
}

/// An IPv6 address as it is on the wire.
#[inline(always)]
fn words_of(address: Address) -> [u32; 4] {
    [
        ((address.high >> 32) as u32).to_be(),
        (address.high as u32).to_be(),
        ((address.low >> 32) as u32).to_be(),
        (address.low as u32).to_be(),
    ]
}
