//! The Internet's checksum (RFC 1071).

/// The checksum over octets, with the sum of a pseudo header to begin with.
#[must_use]
pub fn of(octets: &[u8], pseudo: u32) -> u16 {
    let mut sum = u64::from(pseudo);
    let (pairs, rest) = octets.as_chunks::<2>();
    for pair in pairs {
        sum += u64::from(u16::from_be_bytes(*pair));
    }
    if let [last] = rest {
        sum += u64::from(*last) << 8;
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

/// The sum of octets as a pseudo header adds them, not folded yet.
#[must_use]
pub fn sum(octets: &[u8]) -> u32 {
    let pairs = octets.as_chunks::<2>().0;
    pairs
        .iter()
        .map(|pair| u32::from(u16::from_be_bytes(*pair)))
        .sum()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_of_the_standard_comes_out() {
        // RFC 1071, section 3: 00 01 f2 03 f4 f5 f6 f7 add up to ddf2.
        let octets = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(super::of(&octets, 0), !0xddf2);
        assert_eq!(
            super::of(&octets[..7], 0),
            super::of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0x00], 0)
        );
        assert_eq!(super::of(&octets[2..], super::sum(&octets[..2])), !0xddf2);
    }
}
