//! What a packet costs: measured with live frames through a veth pair, and in the program alone.

mod kernel;
mod live;
mod load_of_others;
mod report;
mod statistics;

pub use self::{
    kernel::{KernelCosts, KernelOptions, ProgramCost, measure_kernel},
    live::{LiveOptions, measure_live},
    load_of_others::LoadOfOthers,
    report::{LiveCosts, ProfileCosts},
    statistics::Spread,
};
