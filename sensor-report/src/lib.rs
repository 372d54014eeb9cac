//! Reports and questions over the records that sensors leave on disk.
//!
//! The arrows run one way: the command line calls [`analysis`], which reads the tables by [`scan`] and fills the types
//! of [`model`]; [`page`], which renders a report, reads [`model`] alone.

pub mod analysis;
mod constants;
mod footer;
pub mod gaps;
pub mod lists;
pub mod model;
pub mod page;
pub mod period;
pub mod scan;
#[cfg(feature = "sql")]
pub mod sql;
pub mod store;
