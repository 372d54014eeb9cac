//! Load at full speed: frames that the kernel itself generates and sends, counted where they are made.
//!
//! An XDP program is run by `BPF_PROG_TEST_RUN` with live frames (Linux 5.18): it makes each frame another packet and
//! redirects it into the sending end of a veth pair. Several million frames a second leave one CPU that way.

mod call;
mod cpu;
mod error;
mod generator;
mod profile;
mod truth;

pub(crate) use self::cpu::pin;
pub use sensor_common::generator::Profile;

pub use self::{
    call::Call,
    cpu::online_cpus,
    error::LiveError,
    generator::{Generator, PortCounts, Run},
    profile::{DARK_PREFIX_V6, PROFILES, parse_profile},
    truth::Truth,
};
