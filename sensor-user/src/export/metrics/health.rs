//! The metrics of the sensor's own state.

use prometheus::proto::MetricFamily;

use super::{labelled, plain};
use crate::export::{
    families::{counters, gauges, number},
    published::State,
};

#[expect(
    clippy::cast_precision_loss,
    reason = "differences and residences are far below 2^53"
)]
pub(super) fn families(state: &State) -> Vec<MetricFamily> {
    let law = &state.snapshot.conservation;
    let attachments = state.attachments.iter();
    let attached = attachments
        .clone()
        .map(|attachment| labelled([&attachment.interface], f64::from(u8::from(attachment.present))));
    let modes = attachments
        .clone()
        .filter(|attachment| attachment.present)
        .map(|attachment| labelled([&attachment.interface, attachment.mode.name()], 1.0));
    vec![
        gauges(
            "teiten_conservation_difference_packets",
            "The worst difference in the law of conservation that any CPU showed: 0, or a bug.",
            &[],
            [plain(law.difference as f64)],
        ),
        gauges(
            "teiten_resident_packets",
            "Packets in the kernel's flow caches and batches at the last flush.",
            &[],
            [plain(law.resident as f64)],
        ),
        gauges(
            "teiten_attached",
            "1 where the XDP program is attached, 0 where it is not any more.",
            &["interface"],
            attached,
        ),
        counters(
            "teiten_attached_again_total",
            "Times that the XDP program was gone from the interface and attached again by this daemon.",
            &["interface"],
            attachments
                .clone()
                .map(|attachment| labelled([&attachment.interface], number(attachment.times_attached))),
        ),
        gauges(
            "teiten_interface_up",
            "1 where the interface is set up, 0 where it is down or gone.",
            &["interface"],
            attachments
                .clone()
                .map(|attachment| labelled([&attachment.interface], f64::from(u8::from(attachment.up)))),
        ),
        gauges(
            "teiten_pinned",
            "1 where maps and attachments outlive the daemon, 0 where every stop is a gap.",
            &[],
            [plain(f64::from(u8::from(state.pinned)))],
        ),
        counters(
            "teiten_crashes_total",
            "Daemons that ended without stopping, since the maps were made.",
            &[],
            [plain(number(state.books.crashes))],
        ),
        counters(
            "teiten_clock_steps_total",
            "Steps of the wall clock, since the maps were made.",
            &[],
            [plain(number(state.books.clock_steps))],
        ),
        gauges(
            "teiten_xdp_info",
            "The mode in which the XDP program is attached.",
            &["interface", "mode"],
            modes,
        ),
        gauges(
            "teiten_ring_used_bytes",
            "Bytes in the ring of records after it was drained.",
            &[],
            [plain(number(state.ring_used_bytes))],
        ),
        gauges(
            "teiten_last_packet_timestamp_seconds",
            "When packets were last seen to have come; 0 for never.",
            &[],
            [plain(state.last_packet_seconds)],
        ),
    ]
}
