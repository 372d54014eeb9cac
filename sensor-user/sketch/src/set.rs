//! Sets of unique sources that can be subtracted: Theta sketches of 2^14 sources (Dasgupta and others, 2016), as Apache
//! DataSketches has them.

use std::fmt;

use datasketches::theta::{
    CompactThetaSketch, ThetaANotB, ThetaSketch, ThetaSketchBuilder, ThetaUnion, ThetaUnionBuilder,
};

use crate::{SketchError, SourceHash};

/// The logarithm of how many sources are kept; up to so many the set is exact.
pub const SET_LG_K: u8 = 14;
/// The relative standard error of a set's count: √(1 / (2^14 − 1)).
pub const SET_STANDARD_ERROR: f64 = 0.007_813;
/// Where the header has the family, and that of Theta.
const FAMILY_AT: usize = 2;
const THETA_FAMILY: u8 = 3;
/// A stored set has at most so many octets: its sources and a header.
const MAX_BYTES: usize = (8 << SET_LG_K) + 24;

/// A set that takes sources. It has 256 KiB when it is full.
pub struct OpenSet(ThetaSketch);

impl Default for OpenSet {
    #[expect(clippy::expect_used, reason = "a set of 2^14 sources is always possible")]
    fn default() -> Self {
        let builder = ThetaSketchBuilder::default().lg_k(SET_LG_K);
        Self(builder.build().expect("14 lies between 5 and 26"))
    }
}

impl OpenSet {
    /// The most octets that one takes in memory.
    pub const MAX_OCTETS: usize = 16 << SET_LG_K;

    /// Puts a source into the set.
    #[inline]
    pub fn insert(&mut self, source: SourceHash) {
        self.0.update(source.0);
    }

    /// What it takes in memory, in octets.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.0.estimated_size()
    }

    /// The set as it is now.
    #[must_use]
    pub fn close(&self) -> SourceSet {
        Self::union([self])
    }

    /// The sources of all of them as they are now.
    #[must_use]
    pub fn union<'a>(of: impl IntoIterator<Item = &'a Self>) -> SourceSet {
        SourceSet::union_of(|union| {
            for one in of {
                // Only a foreign seed is refused.
                let _ = union.update(&one.0);
            }
        })
    }
}

impl fmt::Debug for OpenSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenSet")
            .field("estimate", &self.0.estimate())
            .finish_non_exhaustive()
    }
}

/// A set that takes no more sources. It merges with others, and others can be subtracted.
#[derive(Clone)]
pub struct SourceSet(CompactThetaSketch);

impl SourceSet {
    #[expect(clippy::expect_used, reason = "a set of 2^14 sources is always possible")]
    fn union_of(fill: impl FnOnce(&mut ThetaUnion)) -> Self {
        let builder = ThetaUnionBuilder::default().lg_k(SET_LG_K);
        let mut union = builder.build().expect("14 lies between 5 and 26");
        fill(&mut union);
        Self(union.to_sketch(true))
    }

    /// The sources of all of them.
    #[must_use]
    pub fn union<'a>(of: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::union_of(|union| {
            for one in of {
                // Only a foreign seed is refused, and reading such a set is refused before.
                let _ = union.update(&one.0);
            }
        })
    }

    /// The sources of this set that are not in the other. Subtract last: the union of differences is not the difference
    /// of unions.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        match ThetaANotB::default().compute(&self.0, &other.0, true) {
            Ok(difference) => Self(difference),
            // Only a foreign seed is refused, and reading such a set is refused before.
            Err(_) => self.clone(),
        }
    }

    /// About how many sources there are.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        self.0.estimate()
    }

    /// One standard error of a difference whose minuend and subtrahend were these: from how many of the kept sources fell
    /// into it (the binomial distribution of a sample of the fraction θ).
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        let theta = self.0.theta();
        (self.estimate() * (1.0 - theta) / theta).sqrt()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.num_retained() == 0
    }

    /// The portable form, that of other implementations of DataSketches too: 8 octets a kept source, at most 128 KiB.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.serialize()
    }

    /// Reads the portable form.
    ///
    /// # Errors
    /// The bytes are no set of this size.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SketchError> {
        if bytes.get(FAMILY_AT) != Some(&THETA_FAMILY) {
            return Err(SketchError::damaged(bytes, "it is of another family"));
        }
        if bytes.len() > MAX_BYTES {
            return Err(SketchError::damaged(bytes, "it is too large"));
        }
        let set =
            CompactThetaSketch::deserialize(bytes).map_err(|error| SketchError::damaged(bytes, &error))?;
        if !set.estimate().is_finite() {
            return Err(SketchError::damaged(bytes, "its count is no number"));
        }
        Ok(Self(set))
    }
}

impl fmt::Debug for SourceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceSet")
            .field("estimate", &self.estimate())
            .finish_non_exhaustive()
    }
}
