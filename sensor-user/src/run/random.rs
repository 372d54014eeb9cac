//! Randomness that nobody outside can guess.

use std::{fs::File, io::Read as _};

/// 64 random bits from the kernel.
///
/// # Errors
/// The system has no `/dev/urandom`.
pub fn seed() -> std::io::Result<u64> {
    let mut octets = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut octets)?;
    Ok(u64::from_ne_bytes(octets))
}
