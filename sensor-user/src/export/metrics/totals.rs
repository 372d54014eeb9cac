//! The metrics of what the kernel counts: exact, whatever becomes of the detail.

use prometheus::proto::MetricFamily;
use sensor_common::{Class, Outcome};

use super::labelled;
use crate::{
    export::{
        families::{counters, number},
        published::State,
    },
    pipeline::PortTransport,
};

pub(super) fn families(state: &State) -> Vec<MetricFamily> {
    let mut families = total_families(state);
    families.extend(port_families(state));
    families
}

fn total_families(state: &State) -> Vec<MetricFamily> {
    let totals = &state.totals;
    vec![
        counters(
            "teiten_outcome_packets_total",
            "Packets that the XDP program saw, each under the one outcome that it had.",
            &["outcome"],
            Outcome::ALL
                .into_iter()
                .map(|outcome| labelled([outcome.name()], number(totals.outcome(outcome)))),
        ),
        counters(
            "teiten_class_packets_total",
            "Packets to watched addresses by class.",
            &["class"],
            Class::ALL
                .into_iter()
                .zip(totals.classes)
                .map(|(class, packets)| labelled([class.name()], number(packets))),
        ),
        counters(
            "teiten_interface_packets_total",
            "Packets that the XDP program saw, by interface.",
            &["interface"],
            totals
                .interfaces
                .iter()
                .map(|(interface, packets)| labelled([interface], number(*packets))),
        ),
    ]
}

fn port_families(state: &State) -> Vec<MetricFamily> {
    let rows = |column: usize, tcp_only: bool| {
        let listed = state
            .listed_ports
            .iter()
            .filter(move |(port, _)| !tcp_only || port.transport == PortTransport::Tcp)
            .map(move |(port, values)| {
                let number_text = port.port.to_string();
                labelled([port.transport.name(), &number_text], number(values[column]))
            });
        listed.chain([labelled(["other", "other"], number(state.other_ports[column]))])
    };
    vec![
        counters(
            "teiten_port_packets_total",
            "Packets to watched addresses by destination port; 0/icmp is echo requests.",
            &["transport", "port"],
            rows(0, false),
        ),
        counters(
            "teiten_port_syn_packets_total",
            "TCP SYN of class scan to watched addresses by destination port.",
            &["transport", "port"],
            rows(1, true),
        ),
        counters(
            "teiten_port_mirai_packets_total",
            "Packets with the Mirai mark (TCP sequence number equal to the destination) by destination port.",
            &["transport", "port"],
            rows(2, true),
        ),
    ]
}
