//! Whether stored octets have the form in which counting sketches are kept, before anybody works with them.

use crate::{DISTINCT_LG_K, SketchError};

/// Octets before the registers, and before the coupons of a sparse sketch.
const DENSE_PREAMBLE: usize = 40;
/// Where the header names family, logarithm of registers, least register and mode.
const FAMILY_AT: usize = 2;
const LG_K_AT: usize = 3;
const LEAST_AT: usize = 6;
const MODE_AT: usize = 7;
const HLL_FAMILY: u8 = 7;
/// In the lower two bits of the mode: registers, not a list of coupons. In the next two: four bits to a register.
const MODE_REGISTERS: u8 = 2;
const MODE_BITS: u8 = 3;
const WIDTH_BITS: u8 = 3 << 2;
const FOUR_BITS: u8 = 0;
/// A register of four bits that says: look among the exceptions.
const EXCEPTION: u8 = 15;
/// Registers hold the rank of a hash of 64 bits, in six bits.
const MOST_RANK: u32 = 63;
const REGISTERS: usize = 1 << DISTINCT_LG_K;
/// The lower bits of an exception are its register, the upper six its rank.
const SLOT_BITS: u32 = 26;

/// Refuses what the decoder would take and stumble over later: registers that refer to exceptions that are not there,
/// ranks that no hash has, counts that are no numbers.
pub fn check(bytes: &[u8]) -> Result<(), SketchError> {
    let header = |at: usize| {
        bytes
            .get(at)
            .copied()
            .ok_or_else(|| no(bytes, "its header is cut"))
    };
    if header(FAMILY_AT)? != HLL_FAMILY {
        return Err(no(bytes, "it is of another family"));
    }
    if header(LG_K_AT)? != DISTINCT_LG_K {
        return Err(SketchError::OtherSize {
            found: header(LG_K_AT)?,
            expected: DISTINCT_LG_K,
        });
    }
    let mode = header(MODE_AT)?;
    if mode & MODE_BITS != MODE_REGISTERS {
        return Ok(());
    }
    if mode & WIDTH_BITS != FOUR_BITS {
        return Err(no(bytes, "its registers have not four bits"));
    }
    check_registers(bytes, u32::from(header(LEAST_AT)?))
}

fn check_registers(bytes: &[u8], least: u32) -> Result<(), SketchError> {
    let (Some(preamble), Some(registers)) = (
        bytes.first_chunk::<DENSE_PREAMBLE>(),
        bytes.get(DENSE_PREAMBLE..DENSE_PREAMBLE + REGISTERS / 2),
    ) else {
        return Err(no(bytes, "its registers are cut"));
    };
    let (exceptions, rest) = bytes[DENSE_PREAMBLE + REGISTERS / 2..].as_chunks::<4>();
    let number =
        |at: usize| u32::from_le_bytes([preamble[at], preamble[at + 1], preamble[at + 2], preamble[at + 3]]);
    if number(36) as usize != exceptions.len() || !rest.is_empty() {
        return Err(no(bytes, "its exceptions are cut"));
    }
    if least + u32::from(EXCEPTION) > MOST_RANK {
        return Err(no(bytes, "its least register is too large"));
    }
    let value = |slot: usize| registers[slot / 2] >> (4 * (slot % 2)) & 0xf;
    let mut seen = vec![false; REGISTERS];
    for exception in exceptions.iter().map(|octets| u32::from_le_bytes(*octets)) {
        let slot = (exception & ((1 << SLOT_BITS) - 1)) as usize;
        let fits = slot < REGISTERS && value(slot) == EXCEPTION && !seen[slot];
        if !fits || exception >> SLOT_BITS < least + u32::from(EXCEPTION) {
            return Err(no(bytes, "an exception fits no register"));
        }
        seen[slot] = true;
    }
    let with = |wanted: u8| (0..REGISTERS).filter(|slot| value(*slot) == wanted).count();
    if with(EXCEPTION) != exceptions.len() || with(0) != number(32) as usize {
        return Err(no(bytes, "its registers are not what it says of them"));
    }
    let sums = preamble[8..32].as_chunks::<8>().0;
    if !sums
        .iter()
        .all(|sum| (0.0..1e300).contains(&f64::from_le_bytes(*sum)))
    {
        return Err(no(bytes, "its sums are no numbers"));
    }
    Ok(())
}

fn no(bytes: &[u8], cause: &str) -> SketchError {
    SketchError::damaged(bytes, cause)
}
