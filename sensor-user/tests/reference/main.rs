//! What is written down against what the code does: metrics, budget of series, outcomes, snapshot.
//!
//! `TEITEN_WRITE_DOCS=1` writes the generated tables of `docs/metrics.md` and the README anew.

mod metrics;
mod page;
mod pages;
mod scrape;
mod state;
