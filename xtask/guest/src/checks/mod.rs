//! What is checked, in the order in which it is.

mod attach;
mod cases;
mod conservation;
mod maps;
mod package;
mod pins;
mod privilege;
mod race;
mod samples;
mod sensor;
mod takeover;
mod unit;
mod verifier;

use anyhow::Result;
use serde_json::{Map, Value};

use crate::machine::Machine;

/// One check.
pub struct Check {
    /// In reports for programs.
    pub name: &'static str,
    /// In reports for people.
    pub title: &'static str,
    /// Does it. A check that fails is an error.
    pub run: fn(&Machine) -> Result<Finding>,
}

/// How a check ended that did not fail.
pub enum Finding {
    /// As it should.
    Passed {
        /// In a few words.
        summary: String,
        /// What was measured.
        figures: Map<String, Value>,
    },
    /// This kernel does not have it, and need not; why.
    Absent(String),
}

impl Finding {
    /// A check that passed, and what it measured.
    fn passed<const N: usize>(summary: impl Into<String>, figures: [(&str, Value); N]) -> Self {
        Self::Passed {
            summary: summary.into(),
            figures: figures
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }
}

macro_rules! checks {
    ($($name:literal $title:literal $run:path,)+) => {
        /// Every check of a machine with nothing but a kernel.
        pub const ALL: [Check; [$($name),+].len()] = [$(Check { name: $name, title: $title, run: $run },)+];
    };
}

checks! {
    "verifier_plain" "Verifier: plain program" verifier::plain,
    "verifier_frags" "Verifier: program for frames in several buffers" verifier::frags,
    "verifier_flush" "Verifier: flush" verifier::flush,
    "verifier_samples" "Verifier: plain program, sampling on" samples::verifier,
    "cases_plain" "Table of cases, plain program" cases::plain,
    "cases_frags" "Table of cases, frames in several buffers" cases::frags,
    "cases_drop" "Table of cases, dropping" cases::drop,
    "differential" "Mutated frames, against the host's classifier" cases::differential,
    "batch_lookup" "Per-CPU arrays read in batches" maps::batch,
    "ring" "A full ring loses records and no counts" maps::ring,
    "samples" "Everything sampled: heads, limits, books" samples::arrive,
    "native_veth" "Native mode on veth" attach::native_veth,
    "native_virtio_net" "Native mode on virtio_net" attach::native_virtio_net,
    "generic_lo" "Generic mode on loopback" attach::generic_lo,
    "pins" "Pinned map and link survive their process" pins::survive,
    "takeover" "Kill, adoption and upgrade under load" takeover::daemon,
    "conservation" "The daemon under load" conservation::daemon,
    "privilege" "Privileges given up by an ordinary user's daemon" privilege::dropped,
    "flush_race" "Flush while packets come" race::flag,
    "flush_race_control" "The same without the flag" race::no_flag,
}

/// Every check of a machine with systemd.
pub const UNDER_SYSTEMD: [Check; 3] = [
    Check {
        name: "package",
        title: "The package, from installation to first counts",
        run: package::install,
    },
    Check {
        name: "unit",
        title: "The systemd unit, under systemd",
        run: unit::life,
    },
    Check {
        name: "purge",
        title: "The package, upgraded and purged",
        run: package::upgrade_and_purge,
    },
];
