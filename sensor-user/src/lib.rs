//! The sensor in user space, in the order of a packet's way: [`kernel`] holds the program and its maps,
//! [`pipeline`] turns records into what is known, [`export`] shows it; [`run`] is the daemon that joins them, as
//! [`config`] says.

pub mod config;
pub mod export;
pub mod kernel;
pub mod logging;
pub mod pipeline;
pub mod run;
