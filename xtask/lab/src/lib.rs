//! What tests, demo and benchmarks share: test networks, packets with known truth, generators of load.

pub mod artefacts;
pub mod authority;
pub mod bench;
pub mod cases;
pub mod compare;
pub mod conserve;
pub mod daemon;
pub mod demo;
pub mod deployed;
pub mod frames;
pub mod live;
pub mod mmdb;
pub mod mutate;
pub mod network;
pub mod pcap;
pub mod reference;
pub mod scenario;
pub mod seeds;
pub mod sender;
pub mod stack;
pub mod tap;
pub mod watched;
