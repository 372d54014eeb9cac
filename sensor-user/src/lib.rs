//! The sensor in user space, in the order of a packet's way: [`kernel`] holds the program and its maps, [`capture`]
//! reads packets from files instead; [`region`] says where their sources are; [`pipeline`] turns them into what is
//! known, [`export`] shows it; [`run`] is the daemon that joins them, as [`config`] says, and [`replay`] does without a kernel.

pub mod capture;
pub mod config;
pub mod export;
pub mod kernel;
pub mod logging;
pub mod pipeline;
pub mod region;
pub mod replay;
pub mod run;
pub mod status;
