//! The kernel side as the daemon sees it: the one module that names programs and maps, and hands out typed handles.

pub mod attach;
pub mod counters;
pub mod error;
pub mod flush;
pub mod hardware;
mod holder;
pub mod ledger;
pub mod load;
pub mod memory;
mod netdev;
pub mod object;
pub mod pins;
pub mod ring;
pub mod samples;
pub mod sys;
pub mod trial;
pub mod watch;
pub mod watchdog;

pub use self::{
    attach::{Attachment, Mode, ModeChoice},
    counters::Counters,
    error::KernelError,
    ledger::Ledger,
    load::{LoadOptions, Sensor},
    object::Object,
    pins::{PinPlace, Pins},
    ring::RingReader,
    samples::{Samples, Sampling},
    watch::WatchList,
};
