//! What became of samples, as metrics.

use prometheus::proto::MetricFamily;

use super::{labelled, plain};
use crate::{
    export::families::{counters, gauges, number},
    samples::Kept,
};

/// The families of a sensor that takes samples.
pub(super) fn families(kept: &Kept) -> Vec<MetricFamily> {
    let kernel = &kept.kernel;
    vec![
        counters(
            "teiten_samples_chosen_total",
            "Packets for which there was a reason to sample them: those taken, and those lost in the kernel.",
            &[],
            [plain(number(kernel.chosen))],
        ),
        counters(
            "teiten_samples_total",
            "Samples that the kernel took.",
            &[],
            [plain(number(kernel.taken))],
        ),
        counters(
            "teiten_samples_lost_total",
            "Samples lost: beyond the limit of a CPU (rate) or of a source, refused by the ring or by the disk.",
            &["reason"],
            [
                labelled(["disk"], number(kept.refused + kept.unreadable)),
                labelled(["rate"], number(kernel.over_rate)),
                labelled(["ring"], number(kernel.over_ring)),
                labelled(["source"], number(kernel.over_source)),
            ],
        ),
        counters(
            "teiten_samples_stored_total",
            "Samples that were written into files.",
            &[],
            [plain(number(kept.stored))],
        ),
        counters(
            "teiten_samples_files_removed_total",
            "Files of samples that were removed because their budget was used up.",
            &[],
            [plain(number(kept.removed_files))],
        ),
        gauges(
            "teiten_samples_file_bytes",
            "Bytes of all files of samples.",
            &[],
            [plain(number(kept.file_octets))],
        ),
        counters(
            "teiten_sip_samples_total",
            "Samples that are SIP requests, by the scanner that they show.",
            &["tool"],
            kept.sip
                .iter()
                .map(|(tool, count)| labelled([tool], number(*count))),
        ),
        counters(
            "teiten_probe_samples_total",
            "Samples that are other known probes, by the table of probes.",
            &["probe"],
            kept.probes
                .iter()
                .map(|(probe, count)| labelled([probe], number(*count))),
        ),
    ]
}
