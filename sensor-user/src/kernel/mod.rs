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
pub mod mode;
mod netdev;
pub mod object;
pub mod pins;
mod refusal;
pub mod release;
pub mod ring;
pub mod samples;
mod settings;
pub mod sys;
pub mod trial;
pub mod watch;
pub mod watchdog;

pub use self::{
    attach::Attachment,
    counters::Counters,
    error::KernelError,
    ledger::Ledger,
    load::{LoadOptions, Sensor},
    mode::{Mode, ModeChoice},
    object::Object,
    pins::{PinPlace, Pins},
    ring::RingReader,
    samples::{Samples, Sampling},
    watch::WatchList,
};
