//! The sensor in user space, in the order of a packet's way.

pub mod region;
