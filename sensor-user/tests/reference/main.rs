//! What is written down against what the code does: metrics, budget of series, outcomes, snapshot.
//!
//! `TEITEN_WRITE_DOCS=1` writes the generated tables of `docs/metrics.md` and the README anew.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

mod fingerprints;
mod metrics;
mod page;
mod pages;
mod scrape;
mod state;
