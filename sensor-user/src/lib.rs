//! The sensor in user space, in the order of a packet's way: [`kernel`] holds the program and its maps, [`capture`]
//! reads packets from files instead; [`region`] says where their sources are; [`pipeline`] turns them into what is
//! known, [`export`] shows it, [`records`] writes it down; [`run`] is the daemon that joins them, as [`config`] says, and
//! [`replay`] does without a kernel. [`check`] says beforehand whether the host is fit for all this, [`privilege`] is
//! what is given up once it runs, [`top`] is what an operator looks at.

pub mod capture;
pub mod check;
pub mod config;
pub mod export;
pub mod kernel;
pub mod logging;
pub mod notice;
pub mod pipeline;
pub mod privilege;
pub mod records;
pub mod region;
pub mod replay;
pub mod run;
pub mod samples;
pub mod status;
pub mod top;
