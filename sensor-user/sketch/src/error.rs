//! What can be wrong with stored sketches.

/// Bytes that are no sketch of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SketchError {
    /// They were cut, or changed, or are something else.
    #[error(
        "these {bytes} bytes are no sketch ({cause}): was the file cut or changed? Ask `teiten-report verify`"
    )]
    Damaged {
        /// How many bytes there are.
        bytes: usize,
        /// What does not fit.
        cause: String,
    },
    /// A sketch of another accuracy cannot be merged without lowering that of the result.
    #[error(
        "a sketch of 2^{found} registers, where this version keeps 2^{expected}: read it with the version that wrote it"
    )]
    OtherSize {
        /// Its logarithm of registers.
        found: u8,
        /// Ours.
        expected: u8,
    },
    /// A count and a set.
    #[error(
        "a sketch that counts and one that can be subtracted cannot be merged: are these two of one dimension?"
    )]
    OtherKind,
}

impl SketchError {
    pub(crate) fn damaged(bytes: &[u8], cause: &(impl ToString + ?Sized)) -> Self {
        Self::Damaged {
            bytes: bytes.len(),
            cause: cause.to_string(),
        }
    }
}
