//! A stored sketch of either kind, as records and reports handle them.

use crate::{Distinct, SketchError, SourceSet};

/// Where the header has the family, and that of Theta.
const FAMILY_AT: usize = 2;
const THETA_FAMILY: u8 = 3;

/// A sketch as it lies in the table `uniques`.
#[derive(Clone, Debug)]
pub enum Sketch {
    /// A count.
    Distinct(Distinct),
    /// A set.
    Set(SourceSet),
}

impl Sketch {
    /// Reads what [`to_bytes`](Self::to_bytes) gave; the bytes say which kind it is.
    ///
    /// # Errors
    /// The bytes are no sketch of ours.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SketchError> {
        if bytes.get(FAMILY_AT) == Some(&THETA_FAMILY) {
            SourceSet::from_bytes(bytes).map(Self::Set)
        } else {
            Distinct::from_bytes(bytes).map(Self::Distinct)
        }
    }

    /// The portable form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Distinct(sketch) => sketch.to_bytes(),
            Self::Set(sketch) => sketch.to_bytes(),
        }
    }

    /// About how many sources there are.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        match self {
            Self::Distinct(sketch) => sketch.estimate(),
            Self::Set(sketch) => sketch.estimate(),
        }
    }

    /// The sources of both, each counted once. To be asked only of sketches of one dimension and one key.
    ///
    /// # Errors
    /// One is a count and the other a set.
    pub fn merged(&self, other: &Self) -> Result<Self, SketchError> {
        match (self, other) {
            (Self::Distinct(a), Self::Distinct(b)) => Ok(Self::Distinct(Distinct::union([a, b]))),
            (Self::Set(a), Self::Set(b)) => Ok(Self::Set(SourceSet::union([a, b]))),
            _ => Err(SketchError::OtherKind),
        }
    }
}
