//! What others see: series for Prometheus, health, and the snapshot over HTTP.

pub mod families;
pub mod http;
pub mod listing;
pub mod metrics;
mod port_name;
pub mod published;

pub use self::port_name::{PortName, PortTransport};
