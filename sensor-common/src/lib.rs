//! What the XDP program and user space agree on.
//!
//! The packet's way, in the order of the modules: [`classify`] reads the headers and names an [`Outcome`];
//! [`counters`] are the exact totals that the kernel keeps; [`record`] is what leaves the kernel for each flow, [`sample`] for single packets;
//! [`watch`] says which addresses are observed, [`host`] which packets are a watched host's own business; [`config`] is what user space tells the program at load;
//! [`names`] are the names of maps and programs. [`generator`] is the load that tests and benchmarks send instead.
//!
//! The crate uses `core` alone, so that the same classifier runs in the kernel, in the daemon and on capture files.

#![cfg_attr(not(test), no_std)]
#![expect(
    clippy::inline_always,
    reason = "a call in the packet path costs more than most of these functions"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "`From` is not const, and every cast here keeps the bits that it is meant to keep"
)]

pub mod address;
pub mod class;
pub mod classify;
pub mod config;
pub mod counters;
pub mod generator;
pub mod host;
pub mod names;
pub mod outcome;
pub mod record;
pub mod sample;
pub mod tool;
pub mod verdict;
pub mod watch;

pub use address::{Address, Family};
pub use class::Class;
pub use classify::{Observation, Packet, Transport};
pub use outcome::Outcome;
pub use tool::ToolSet;
pub use verdict::Verdict;
