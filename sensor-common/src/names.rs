//! The names of programs and maps: what the loader asks the object file for.

/// The XDP program, for frames that lie in one buffer.
pub const PROGRAM: &str = "teiten";
/// The same for frames that may lie in several buffers (`xdp.frags`, Linux 5.18).
pub const PROGRAM_FRAGS: &str = "teiten_frags";
/// Empties the flow cache of the CPU that it runs on; run by user space, never attached.
pub const FLUSH: &str = "flush";

/// Per-CPU array: packets by [`Outcome`](crate::Outcome).
pub const OUTCOMES: &str = "OUTCOMES";
/// Per-CPU array: [`PortCounters`](crate::counters::PortCounters) by destination port.
pub const PORTS: &str = "PORTS";
/// Per-CPU array: observed ICMP and ICMPv6 messages by type, see [`icmp_slot`](crate::counters::icmp_slot).
pub const ICMP_TYPES: &str = "ICMP_TYPES";
/// Per-CPU array: observed packets of other transports and later fragments by IP protocol number.
pub const PROTOCOLS: &str = "PROTOCOLS";
/// Per-CPU array: observed packets by [`Class`](crate::Class) number.
pub const CLASSES: &str = "CLASSES";
/// Per-CPU array: packets seen by interface, see [`interface_slot`](crate::counters::interface_slot).
pub const INTERFACES: &str = "INTERFACES";
/// Array of one: the first level of the IPv4 watch list.
pub const WATCH_INDEX: &str = "WATCH_INDEX";
/// Array: the second level of the IPv4 watch list.
pub const WATCH_BLOCKS: &str = "WATCH_BLOCKS";
/// Longest-prefix trie: the IPv6 watch list.
pub const WATCH_V6: &str = "WATCH_V6";
/// Longest-prefix trie: networks whose packets to a watched host are not dark; IPv4 in its mapped form.
pub const OWN_NETWORKS: &str = "OWN_NETWORKS";
/// Per-CPU array: the flow cache.
pub const FLOWS: &str = "FLOWS";
/// Per-CPU array of one: records that wait for a full batch.
pub const STAGE: &str = "STAGE";
/// Per-CPU array of one: [`FlowState`](crate::counters::FlowState).
pub const STATE: &str = "STATE";
/// Ring buffer: flow records on their way to user space.
pub const RECORDS: &str = "RECORDS";
/// Ring buffer: samples of packets.
pub const SAMPLES: &str = "SAMPLES";
/// Per-CPU array of one: [`SampleState`](crate::sample::SampleState).
pub const SAMPLE_STATE: &str = "SAMPLE_STATE";
/// Per-CPU array: when each bucket of sources may be sampled again.
pub const SAMPLE_SOURCES: &str = "SAMPLE_SOURCES";
/// Array: the ports that are sampled, see [`port_entry`](crate::sample::port_entry).
pub const SAMPLE_PORTS: &str = "SAMPLE_PORTS";
/// Per-CPU array of one: where a sample is built.
pub const SAMPLE_SCRATCH: &str = "SAMPLE_SCRATCH";
/// The global in the object that holds [`SamplingConfig`](crate::sample::SamplingConfig).
pub const SAMPLING: &str = "SAMPLING";

/// The global in the object that holds [`KernelConfig`](crate::config::KernelConfig).
pub const CONFIG: &str = "CONFIG";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_the_kernels_limit() {
        for name in [
            PROGRAM,
            PROGRAM_FRAGS,
            FLUSH,
            OUTCOMES,
            PORTS,
            ICMP_TYPES,
            PROTOCOLS,
            CLASSES,
            INTERFACES,
            WATCH_INDEX,
            WATCH_BLOCKS,
            WATCH_V6,
            OWN_NETWORKS,
            FLOWS,
            STAGE,
            STATE,
            RECORDS,
            SAMPLES,
            SAMPLE_STATE,
            SAMPLE_SOURCES,
            SAMPLE_PORTS,
            SAMPLE_SCRATCH,
            SAMPLING,
            CONFIG,
        ] {
            assert!(name.len() <= 15, "{name}");
        }
    }
}
