//! The compiled XDP program that this daemon carries.

use std::{borrow::Cow, path::Path};

use sha2::{Digest as _, Sha256};

use super::KernelError;

static EMBEDDED: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sensor.o"));

/// An eBPF object file.
#[derive(Clone, Debug)]
pub struct Object {
    bytes: Cow<'static, [u8]>,
}

impl Object {
    /// The object that was compiled with this daemon.
    #[must_use]
    pub fn embedded() -> Self {
        Self {
            bytes: Cow::Borrowed(EMBEDDED),
        }
    }

    /// An object from a file: for those who work on the program itself.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn from_file(path: &Path) -> Result<Self, KernelError> {
        let bytes = std::fs::read(path).map_err(|source| KernelError::Object {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            bytes: Cow::Owned(bytes),
        })
    }

    /// The object's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The first 16 hexadecimal digits of the SHA-256: which program it is, in logs and metrics.
    #[must_use]
    pub fn digest(&self) -> String {
        let digest = Sha256::digest(&self.bytes);
        let (head, _) = digest.split_at(8);
        head.iter()
            .fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
    }
}
