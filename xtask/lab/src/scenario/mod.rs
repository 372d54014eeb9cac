//! The demo's traffic: seeded, documented, and counted by the generator itself.
//!
//! A [`Plan`] says how much of what; a [`Scenario`] makes the frames one after another and keeps the [`Truth`] of what
//! it made. The same plan always makes the same frames. [`mix`] has the weights.

mod addresses;
mod broken;
mod generator;
pub mod mix;
mod packets;
mod payload;
mod plan;
mod template;
mod templates;
#[cfg(test)]
mod tests;
mod tools;
mod truth;

pub use self::{
    addresses::{DEFAULT_SOURCES, HEAVY_SHARE},
    generator::Scenario,
    plan::{Plan, RegionPool, ScenarioError, Surge},
    tools::{SCAN_TOOLS, Tool},
    truth::{Packets, RegionTruth, Service, Truth},
};
