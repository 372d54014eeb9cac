//! From records to what is known. Knows neither the kernel nor Prometheus: a capture file and a live ring are the
//! same to it.

pub mod conservation;
pub mod decode;
pub mod derive;
pub mod snapshot;
pub mod totals;
