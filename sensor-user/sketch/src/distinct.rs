//! Counts of unique sources: HyperLogLog with 2^14 registers (Flajolet and others, 2007), as Apache DataSketches has it.

use std::fmt;

use datasketches::hll::{Coupon, HllSketch, HllType, HllUnion};

use crate::{SketchError, form};

/// The logarithm of the number of registers.
pub const DISTINCT_LG_K: u8 = 14;
/// The relative standard error of a count that was never merged: √(ln 2 / 2^14) (Ting, 2014, for such estimators).
pub const HIP_STANDARD_ERROR: f64 = 0.006_504;
/// The relative standard error of a merged count: √((3 ln 2 − 1) / 2^14) (Flajolet and others, 2007).
pub const MERGED_STANDARD_ERROR: f64 = 0.008_117;

/// A count of unique sources. Up to 7 sources take 32 octets, up to some 1,500 at most 8 KiB, more 16 KiB.
#[derive(Clone, PartialEq)]
pub struct Distinct {
    sketch: HllSketch,
    /// What the sketch takes; it changes only while the sketch is sparse.
    octets: usize,
}

/// Octets of the registers; a sketch of this size grows no more.
const DENSE_OCTETS: usize = 1 << DISTINCT_LG_K;

impl Default for Distinct {
    fn default() -> Self {
        Self::of(empty())
    }
}

impl Distinct {
    /// The most octets that one takes in memory.
    pub const MAX_OCTETS: usize = DENSE_OCTETS;

    fn of(sketch: HllSketch) -> Self {
        let octets = sketch.estimated_size();
        Self { sketch, octets }
    }

    /// Counts a source. Gives the octets by which the sketch grew.
    #[inline]
    pub fn insert(&mut self, source: Coupon) -> usize {
        self.sketch.update_with_coupon(source);
        if self.octets == DENSE_OCTETS {
            return 0;
        }
        let before = self.octets;
        self.octets = self.sketch.estimated_size();
        self.octets - before
    }

    /// About how many sources there are.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        self.sketch.estimate()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sketch.is_empty()
    }

    /// What it takes in memory, in octets.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// The sources of all of them, each counted once.
    #[must_use]
    pub fn union<'a>(of: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut of = of.into_iter().filter(|one| !one.is_empty());
        let Some(first) = of.next() else {
            return Self::default();
        };
        let mut of = of.peekable();
        if of.peek().is_none() {
            return first.clone();
        }
        let mut union = empty_union();
        union.update(&first.sketch);
        for one in of {
            union.update(&one.sketch);
        }
        Self::of(union.to_sketch(HllType::Hll8))
    }

    /// The portable form, that of other implementations of DataSketches too: at most some 8 KiB.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut union = empty_union();
        union.update(&self.sketch);
        union.to_sketch(HllType::Hll4).serialize()
    }

    /// Reads the portable form.
    ///
    /// # Errors
    /// The bytes are no sketch of this size.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SketchError> {
        form::check(bytes)?;
        let sketch = HllSketch::deserialize(bytes).map_err(|error| SketchError::damaged(bytes, &error))?;
        let mut union = empty_union();
        union.update(&sketch);
        let sketch = union.to_sketch(HllType::Hll8);
        let estimate = sketch.estimate();
        if !estimate.is_finite() || estimate < 0.0 {
            return Err(SketchError::damaged(bytes, "its count is no number"));
        }
        Ok(Self::of(sketch))
    }
}

/// The crate refuses logarithms outside of 4 to 21 alone.
#[expect(clippy::expect_used, reason = "2^14 registers are always possible")]
fn empty() -> HllSketch {
    HllSketch::new(DISTINCT_LG_K, HllType::Hll8).expect("14 lies between 4 and 21")
}

#[expect(clippy::expect_used, reason = "2^14 registers are always possible")]
fn empty_union() -> HllUnion {
    HllUnion::new(DISTINCT_LG_K).expect("14 lies between 4 and 21")
}

impl fmt::Debug for Distinct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Distinct")
            .field("estimate", &self.estimate())
            .finish_non_exhaustive()
    }
}
