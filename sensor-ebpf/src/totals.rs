//! The exact totals: every packet once by outcome and interface, every observed one by what it is.

use aya_ebpf::programs::XdpContext;
use sensor_common::{
    Class, Observation, Outcome, ToolSet, Transport,
    counters::{icmp_slot, interface_slot},
};

use crate::maps::{CLASSES, ICMP_TYPES, INTERFACES, OUTCOMES, PORTS, PROTOCOLS, increment, own};

/// Counts a packet's end.
#[inline(always)]
pub fn count(context: &XdpContext, outcome: Outcome) {
    increment(&OUTCOMES, outcome as u32);
    increment(&INTERFACES, interface_slot(context.ingress_ifindex() as u32));
}

/// Counts what an observed packet is.
#[inline(always)]
pub fn observe(observation: &Observation) {
    increment(&CLASSES, observation.class as u32);
    match observation.transport {
        Transport::Tcp => {
            let Some(port) = own(&PORTS, observation.destination_port.into()) else {
                return;
            };
            port.tcp += 1;
            if matches!(observation.class, Class::Scan) {
                port.syn += 1;
                port.mirai += u64::from(observation.tools.contains(ToolSet::MIRAI));
            }
        }
        Transport::Udp => {
            if let Some(port) = own(&PORTS, observation.destination_port.into()) {
                port.udp += 1;
            }
        }
        Transport::Icmp | Transport::Icmpv6 => {
            let [kind, _] = observation.icmp.to_be_bytes();
            increment(&ICMP_TYPES, icmp_slot(kind, observation.family));
        }
        Transport::Other | Transport::Fragment => increment(&PROTOCOLS, observation.protocol.into()),
    }
}
