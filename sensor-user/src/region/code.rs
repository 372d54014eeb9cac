//! A source region: two letters that are safe to print anywhere, in two bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const LETTERS: u16 = 26;

/// The two letters of every region, in the order of [`Region::index`].
static CODES: [[u8; 2]; Region::COUNT] = codes();

const fn codes() -> [[u8; 2]; Region::COUNT] {
    let mut codes = [[0; 2]; Region::COUNT];
    let mut first = b'A';
    let mut index = 0;
    while first <= b'Z' {
        let mut second = b'A';
        while second <= b'Z' {
            codes[index] = [first, second];
            index += 1;
            second += 1;
        }
        first += 1;
    }
    codes
}

/// Where a source address is registered or used: an ISO 3166-1 alpha-2 code, or one of two codes that the
/// standard leaves to its users, [`UNKNOWN`](Self::UNKNOWN) and [`BOGON`](Self::BOGON).
///
/// Any two letters from A to Z are a region, because databases also write codes that are only reserved (`EU`,
/// `UK`) or withdrawn (`AN`). Nothing else is: a region can be a metric label or a file name as it stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(u16);

impl Region {
    /// How many regions there can be: every pair of letters.
    pub const COUNT: usize = (LETTERS * LETTERS) as usize;

    /// `ZZ`: no database knows the address.
    pub const UNKNOWN: Self = Self::of(*b"ZZ");

    /// `XB`: the address is never routed, so as a source it is forged or misconfigured.
    pub const BOGON: Self = Self::of(*b"XB");

    /// The region of these two letters; for constants, where a mistake is an error of the compiler.
    const fn of(letters: [u8; 2]) -> Self {
        match Self::from_letters(letters) {
            Some(region) => region,
            None => panic!("a region is two letters from A to Z"),
        }
    }

    /// The region of these two letters, if both are from `A` to `Z`.
    #[must_use]
    pub const fn from_letters(letters: [u8; 2]) -> Option<Self> {
        let [first, second] = letters;
        if first.is_ascii_uppercase() && second.is_ascii_uppercase() {
            Some(Self((first - b'A') as u16 * LETTERS + (second - b'A') as u16))
        } else {
            None
        }
    }

    /// The place of the region among all of them, from 0 to [`COUNT`](Self::COUNT) − 1, in the order of the codes.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The region at this place, if there is one.
    #[inline]
    #[must_use]
    pub const fn from_index(index: usize) -> Option<Self> {
        if index < Self::COUNT {
            #[expect(clippy::cast_possible_truncation, reason = "the index is below 676")]
            Some(Self(index as u16))
        } else {
            None
        }
    }

    /// The two letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        // The table holds letters only, so the other branch is never taken.
        std::str::from_utf8(&CODES[self.index()]).unwrap_or("ZZ")
    }
}

/// A text that is no region.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no region: write two capital letters, an ISO 3166-1 alpha-2 code such as JP, ZZ for unknown or XB for bogon",
    super::error::shown(.text.as_bytes())
)]
pub struct NoRegion {
    text: String,
}

impl FromStr for Region {
    type Err = NoRegion;

    fn from_str(text: &str) -> Result<Self, NoRegion> {
        <[u8; 2]>::try_from(text.as_bytes())
            .ok()
            .and_then(Self::from_letters)
            .ok_or_else(|| NoRegion {
                text: text.chars().take(super::error::SHOWN_BYTES).collect(),
            })
    }
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.code())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Region({})", self.code())
    }
}

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_letters_survives_text_index_and_json() {
        let mut before = None;
        for first in 'A'..='Z' {
            for second in 'A'..='Z' {
                let code = format!("{first}{second}");
                let region: Region = code.parse().unwrap();
                assert_eq!(region.code(), code);
                assert_eq!(region.to_string(), code);
                assert_eq!(Region::from_index(region.index()), Some(region));
                let json = serde_json::to_string(&region).unwrap();
                assert_eq!(json, format!("\"{code}\""));
                assert_eq!(serde_json::from_str::<Region>(&json).unwrap(), region);
                assert!(before < Some(region), "the order is that of the codes");
                before = Some(region);
            }
        }
        assert_eq!(before.map(Region::index), Some(Region::COUNT - 1));
        assert_eq!(Region::from_index(Region::COUNT), None);
    }

    #[test]
    fn nothing_but_two_capital_letters_is_a_region() {
        for text in [
            "", "J", "JPN", "jp", "Jp", "??", "A1", "J ", " JP", "JP\n", "日", "日本", "\u{c1}", "{}",
            "\"\"", "\0\0", "[Z", "@A", "Z[", "A@",
        ] {
            let error = text.parse::<Region>().unwrap_err().to_string();
            assert!(error.is_ascii() && !error.contains(char::is_control), "{error}");
            assert!(serde_json::from_value::<Region>(text.into()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_two_special_regions_have_the_codes_that_the_design_gives_them() {
        assert_eq!(Region::UNKNOWN.code(), "ZZ");
        assert_eq!(Region::BOGON.code(), "XB");
    }

    #[test]
    fn padding_works_as_for_text() {
        assert_eq!(format!("[{:>4}]", Region::UNKNOWN), "[  ZZ]");
    }
}
