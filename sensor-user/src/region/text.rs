//! The text of Debian's `tor-geoipdb`: lines `start,end,code`.
//!
//! IPv4 addresses are decimal numbers, IPv6 addresses are written as in RFC 4291; `??` is unknown; lines that
//! begin with `#` are comments. Ranges of a family are sorted and do not overlap. A line tells its family.

use std::net::Ipv6Addr;
use std::str;

use super::code::Region;
use super::error::{LineFault, RegionError, shown};
use super::info::{BuiltFrom, Format, seconds};
use super::parsed::{Parsed, value};
use super::ranges::Builder;
use super::source::Contents;

/// A range as a line gives it.
#[derive(Debug, PartialEq, Eq)]
enum Range {
    V4(u32, u32),
    V6(u128, u128),
}

/// Reads a whole text.
///
/// # Errors
/// The first line that is wrong in any way.
pub(super) fn parse(contents: &Contents<'_>) -> Result<Parsed, RegionError> {
    let mut v4 = Builder::new(value(Region::UNKNOWN));
    let mut v6 = Builder::new(value(Region::UNKNOWN));
    let mut generated = None;
    for (line, number) in contents.bytes.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        let fault = |fault| RegionError::Line {
            path: contents.path.into(),
            line: number,
            fault,
        };
        let line = line.strip_suffix(b"\n").ok_or(LineFault::Cut).map_err(fault)?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(comment) = line.strip_prefix(b"#") {
            generated = generated.or_else(|| generated_seconds(comment));
        } else if !line.is_empty() {
            let (range, region) = parse_line(line).map_err(fault)?;
            match range {
                Range::V4(first, last) => v4.push(first, last, value(region)),
                Range::V6(first, last) => v6.push(first, last, value(region)),
            }
            .map_err(|misplaced| fault(misplaced.into()))?;
        }
    }
    Ok(Parsed {
        format: Format::TorText,
        database: None,
        built_seconds: generated.unwrap_or_else(|| seconds(contents.modified)),
        built_from: generated.map_or(BuiltFrom::Modified, |_| BuiltFrom::Header),
        v4: v4.finish(),
        v6: v6.finish(),
    })
}

/// The time in a comment ` Generated: Thu, 25 Jun 2026 04:33:59 GMT`.
fn generated_seconds(comment: &[u8]) -> Option<u64> {
    let date = comment.trim_ascii().strip_prefix(b"Generated:")?;
    let date = str::from_utf8(date.trim_ascii()).ok()?;
    httpdate::parse_http_date(date).ok().map(seconds)
}

fn parse_line(line: &[u8]) -> Result<(Range, Region), LineFault> {
    let mut fields = line.split(|byte| *byte == b',');
    let (Some(first), Some(last), Some(code), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(LineFault::Fields(shown(line)));
    };
    let range = match (is_v6(first), is_v6(last)) {
        (false, false) => Range::V4(parse_v4(first)?, parse_v4(last)?),
        (true, true) => Range::V6(parse_v6(first)?, parse_v6(last)?),
        _ => return Err(LineFault::MixedFamilies),
    };
    Ok((range, parse_code(code)?))
}

fn is_v6(field: &[u8]) -> bool {
    field.contains(&b':')
}

fn parse_v4(field: &[u8]) -> Result<u32, LineFault> {
    let wrong = || LineFault::Address(shown(field));
    if field.is_empty() {
        return Err(wrong());
    }
    field.iter().try_fold(0_u32, |number, byte| {
        if !byte.is_ascii_digit() {
            return Err(wrong());
        }
        number
            .checked_mul(10)
            .and_then(|number| number.checked_add(u32::from(byte - b'0')))
            .ok_or_else(wrong)
    })
}

fn parse_v6(field: &[u8]) -> Result<u128, LineFault> {
    str::from_utf8(field)
        .ok()
        .and_then(|text| text.parse::<Ipv6Addr>().ok())
        .map(Ipv6Addr::to_bits)
        .ok_or_else(|| LineFault::Address(shown(field)))
}

fn parse_code(field: &[u8]) -> Result<Region, LineFault> {
    if field == b"??" {
        return Ok(Region::UNKNOWN);
    }
    let region = <[u8; 2]>::try_from(field)
        .ok()
        .and_then(Region::from_letters)
        .ok_or_else(|| LineFault::Code(shown(field)))?;
    if region == Region::BOGON {
        return Err(LineFault::Reserved);
    }
    Ok(region)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use super::super::info::Digest;
    use super::*;

    fn contents(text: &[u8]) -> Contents<'static> {
        Contents {
            path: Path::new("geoip"),
            bytes: text.to_vec(),
            digest: Digest([0; 32]),
            modified: SystemTime::UNIX_EPOCH + Duration::from_secs(77),
        }
    }

    #[test]
    fn lines_of_both_families_are_read() {
        let cases: [(&[u8], Range, &str); 5] = [
            (b"16777216,16777471,AU", Range::V4(0x0100_0000, 0x0100_00ff), "AU"),
            (b"0,4294967295,??", Range::V4(0, u32::MAX), "ZZ"),
            (b"1,1,EU", Range::V4(1, 1), "EU"),
            (
                b"2001:200::,2001:200:134:ffff:ffff:ffff:ffff:ffff,JP",
                Range::V6(
                    0x2001_0200_0000_0000_0000_0000_0000_0000,
                    0x2001_0200_0134_ffff_ffff_ffff_ffff_ffff,
                ),
                "JP",
            ),
            (b"::,::1.2.3.4,ZZ", Range::V6(0, 0x0102_0304), "ZZ"),
        ];
        for (line, range, code) in cases {
            assert_eq!(parse_line(line), Ok((range, code.parse().unwrap())));
        }
    }

    type Expected = fn(&LineFault) -> bool;

    #[test]
    fn each_wrong_line_is_refused_by_number_and_cause() {
        let good = "# comment\n10,19,JP\n20,29,US\n";
        let cases: [(&str, Expected); 27] = [
            ("30,39\n", |fault| matches!(fault, LineFault::Fields(_))),
            ("30,39,JP,\n", |fault| matches!(fault, LineFault::Fields(_))),
            ("garbage\n", |fault| matches!(fault, LineFault::Fields(_))),
            (" \n", |fault| matches!(fault, LineFault::Fields(_))),
            ("30,x,JP\n", |fault| matches!(fault, LineFault::Address(_))),
            (",39,JP\n", |fault| matches!(fault, LineFault::Address(_))),
            ("+30,39,JP\n", |fault| matches!(fault, LineFault::Address(_))),
            ("-1,39,JP\n", |fault| matches!(fault, LineFault::Address(_))),
            ("30, 39,JP\n", |fault| matches!(fault, LineFault::Address(_))),
            ("30,4294967296,JP\n", |fault| {
                matches!(fault, LineFault::Address(_))
            }),
            ("1.2.3.4,1.2.3.5,JP\n", |fault| {
                matches!(fault, LineFault::Address(_))
            }),
            ("2001::,2001:::,JP\n", |fault| {
                matches!(fault, LineFault::Address(_))
            }),
            ("2001::%eth0,2001::1,JP\n", |fault| {
                matches!(fault, LineFault::Address(_))
            }),
            ("2001::/32,2001::1,JP\n", |fault| {
                matches!(fault, LineFault::Address(_))
            }),
            ("30,::1,JP\n", |fault| *fault == LineFault::MixedFamilies),
            ("30,39,jp\n", |fault| matches!(fault, LineFault::Code(_))),
            ("30,39,JPN\n", |fault| matches!(fault, LineFault::Code(_))),
            ("30,39,J?\n", |fault| matches!(fault, LineFault::Code(_))),
            ("30,39,\n", |fault| matches!(fault, LineFault::Code(_))),
            ("30,39,A1\n", |fault| matches!(fault, LineFault::Code(_))),
            ("30,39,\"}\n", |fault| matches!(fault, LineFault::Code(_))),
            ("30,39,XB\n", |fault| *fault == LineFault::Reserved),
            ("39,30,JP\n", |fault| *fault == LineFault::Backwards),
            ("29,39,JP\n", |fault| *fault == LineFault::Overlap),
            ("20,29,US\n", |fault| *fault == LineFault::Overlap),
            ("0,9,JP\n", |fault| *fault == LineFault::Overlap),
            ("30,39,JP", |fault| *fault == LineFault::Cut),
        ];
        for (text, expected) in cases {
            let error = parse(&contents(format!("{good}{text}").as_bytes())).unwrap_err();
            let RegionError::Line { line, fault, .. } = &error else {
                panic!("{text:?}: {error}");
            };
            assert_eq!(*line, 4, "{text:?}");
            assert!(expected(fault), "{text:?}: {fault}");
            let message = error.to_string();
            assert!(
                message.contains("geoip, line 4: ") && message.contains("reinstall"),
                "{message}"
            );
        }
        assert!(parse(&contents(good.as_bytes())).is_ok());
    }

    #[test]
    fn a_hostile_line_is_quoted_short_and_harmless() {
        let line = [&b"\x1b[2J\xff\0,"[..], &b"9".repeat(100_000), b",JP\n"].concat();
        let message = parse(&contents(&line)).unwrap_err().to_string();
        assert!(message.len() < 500, "{}", message.len());
        assert!(!message.contains(char::is_control), "{message}");
    }

    #[test]
    fn the_time_is_that_of_the_header_or_else_of_the_file() {
        let text = b"# x\n#\n# Generated: Thu, 25 Jun 2026 04:33:59 GMT\n1,2,JP\n";
        let parsed = parse(&contents(text)).unwrap();
        // date -ud '2026-06-25 04:33:59' +%s
        assert_eq!(parsed.built_seconds, 1_782_362_039);
        assert_eq!(parsed.built_from, BuiltFrom::Header);
        for header in ["", "# Generated: yesterday\n", "# Last updated on 2026-06-25\n"] {
            let parsed = parse(&contents(format!("{header}1,2,JP\n").as_bytes())).unwrap();
            assert_eq!(
                (parsed.built_seconds, parsed.built_from),
                (77, BuiltFrom::Modified)
            );
        }
    }

    #[test]
    fn lines_may_end_as_on_other_systems_and_be_empty() {
        let parsed = parse(&contents(b"\r\n#\r\n1,2,JP\r\n\n3,4,US\n")).unwrap();
        assert_eq!(parsed.v4.0, 2);
    }
}
