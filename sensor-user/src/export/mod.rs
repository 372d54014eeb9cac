//! What others see: series for Prometheus, health, and the snapshot over HTTP.

pub mod budget;
pub mod families;
pub mod http;
pub mod listing;
pub mod metrics;
mod page;
pub mod published;
pub mod remembered;
pub mod series;
pub mod web;
