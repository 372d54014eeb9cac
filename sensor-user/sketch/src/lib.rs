//! Unique sources as Apache DataSketches under a fleet's key: what the daemon fills, records keep and reports merge.
//!
//! Two kinds, told apart by their bytes: [`Distinct`] counts (HyperLogLog), [`SourceSet`] can be subtracted too
//! (Theta). Both are fed with a [`SourceHash`] and never with an address. They merge over hours, sensors and regions;
//! their estimates overlap, so no two may be added up.

mod distinct;
mod error;
mod form;
mod key;
mod set;
mod stored;

pub use datasketches::hll::Coupon;

pub use self::{
    distinct::{DISTINCT_LG_K, Distinct, HIP_STANDARD_ERROR, MERGED_STANDARD_ERROR},
    error::SketchError,
    key::{KeyError, SourceHash, SourceKey},
    set::{OpenSet, SET_LG_K, SET_STANDARD_ERROR, SourceSet},
    stored::Sketch,
};
