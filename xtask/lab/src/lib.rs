//! What tests, demo and benchmarks share: test networks, packets with known truth, generators of load.

pub mod network;
