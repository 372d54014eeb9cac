//! Region databases as files: agreement with independent references, refusals, damage, replacement.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

mod agreement;
mod damage;
mod numbers;
mod reference;
mod reload;
mod schemas;
mod sources;
