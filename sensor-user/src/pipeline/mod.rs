//! From records to what is known. Knows neither the kernel nor Prometheus: a capture file and a live ring are the
//! same to it.

pub mod arrival;
pub mod cells;
pub mod clock;
pub mod conservation;
pub mod decode;
pub mod derive;
pub mod hourly;
pub mod ledger;
#[cfg(test)]
mod made;
pub mod pairs;
mod port_name;
pub mod snapshot;
pub mod sources;
pub mod tools;
pub mod totals;
pub mod wall_clock;

pub use self::port_name::{PortName, PortTransport};
