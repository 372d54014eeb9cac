//! What everything costs, measured beside a bare drop and beside what people use today.

mod complete;
mod document;
mod external;
mod flood;
mod kernel;
mod live;
mod load_of_others;
mod machine;
mod measured;
mod memory;
mod peers;
mod questions;
mod replay;
mod report;
mod rounds;
mod scrape;
mod start;
mod statistics;

pub use self::{
    complete::Programs,
    document::{Document, write_document},
    external::{External, measure_external},
    kernel::{KernelCosts, KernelOptions, ProgramCost, measure_kernel},
    live::{LiveOptions, measure_live},
    load_of_others::LoadOfOthers,
    machine::Machine,
    measured::{Belief, Measured},
    memory::{MemoryOptions, MemoryUse, MemoryUses, measure_memory},
    questions::{QuestionTimes, ReportOptions, ReportTimes, measure_report},
    replay::{Reader, ReplayOptions, ReplayRates, measure_replay},
    report::{LiveCosts, PeerCosts, ProfileCosts, Skipped},
    scrape::{Latencies, ScrapeOptions, ScrapeTimes, measure_scrapes},
    start::{StartOptions, StartTimes, measure_starts},
    statistics::Spread,
};
