//! A stranger's octets as text that harms nobody: no terminal, no spreadsheet, no label.

use std::fmt::Write as _;

/// Octets of a stranger's text that are shown; what is longer ends in `…`.
pub const SHOWN_OCTETS: usize = 120;

/// Printable ASCII as it is; every other octet, and the backslash, as `\xNN`. At most [`SHOWN_OCTETS`] octets are shown.
///
/// Nothing but ASCII is left, so neither control sequences, nor line breaks, nor marks that turn the direction of
/// writing (U+202E) survive.
#[must_use]
pub fn terminal(octets: &[u8]) -> String {
    let mut shown = String::new();
    for &octet in octets.iter().take(SHOWN_OCTETS) {
        match octet {
            b'\\' => shown.push_str("\\\\"),
            b' '..=b'~' => shown.push(char::from(octet)),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\x{octet:02x}");
            }
        }
    }
    if octets.len() > SHOWN_OCTETS {
        shown.push('…');
    }
    shown
}

/// A text as one cell of a CSV file (RFC 4180), always in quotation marks.
///
/// What a spreadsheet would take for a formula is led by an apostrophe, the cure that OWASP names for CSV injection;
/// so is what becomes one once blanks in front are cut off.
#[must_use]
pub fn csv_cell(text: &str) -> String {
    let safe = terminal_text(text);
    let formula = safe
        .trim_start()
        .starts_with(['=', '+', '-', '@', '\t', '\r', '|', '%', '\'']);
    let mut cell = String::with_capacity(safe.len() + 3);
    cell.push('"');
    if formula {
        cell.push('\'');
    }
    cell.push_str(&safe.replace('"', "\"\""));
    cell.push('"');
    cell
}

/// A text of ours, in which a stranger may have had a hand: letters of any script stay, what controls is shown as `\u{…}`.
#[must_use]
pub fn terminal_text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmless(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    shown
}

/// Whether a character is shown as itself, in its place, and breaks no line.
fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            // Unicode's bidirectional controls, joiners and separators, byte order mark, interlinear and tag characters.
            '\u{061c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Whether a name may be a label: `a`–`z`, `0`–`9` and `_`, a letter first, at most 32 octets.
#[must_use]
pub fn is_label(name: &str) -> bool {
    name.len() <= 32
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_shown_in_printable_ascii_and_none_is_lost() {
        for octet in 0..=u8::MAX {
            let shown = terminal(&[octet]);
            assert!(
                shown.bytes().all(|octet| (b' '..=b'~').contains(&octet)),
                "{octet}"
            );
            let back = match shown.strip_prefix("\\x") {
                Some(digits) => u8::from_str_radix(digits, 16).unwrap(),
                None => *shown.as_bytes().last().unwrap(),
            };
            assert_eq!(back, octet);
        }
    }

    #[test]
    fn what_turns_a_terminal_or_a_reader_round_is_shown_as_a_number() {
        for (octets, shown) in [
            (&b"\x1b[2J"[..], "\\x1b[2J"),
            ("a\u{202e}b".as_bytes(), "a\\xe2\\x80\\xaeb"),
            (b"a\r\nb", "a\\x0d\\x0ab"),
            (b"\\x41", "\\\\x41"),
            (b"\xff", "\\xff"),
        ] {
            assert_eq!(terminal(octets), shown);
        }
        assert_eq!(terminal_text("国\u{202e}\u{9b}\n"), "国\\u{202e}\\u{9b}\\u{a}");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(
            terminal(&vec![b'a'; 65_536]),
            format!("{}…", "a".repeat(SHOWN_OCTETS))
        );
    }

    #[test]
    fn a_cell_is_no_formula_and_no_two_cells() {
        for (text, cell) in [
            ("plain", "\"plain\""),
            ("=1+1", "\"'=1+1\""),
            ("  @SUM(A1)", "\"'  @SUM(A1)\""),
            ("-2", "\"'-2\""),
            ("+2", "\"'+2\""),
            ("a\",\"b", "\"a\"\",\"\"b\""),
            ("a\nb", "\"a\\u{a}b\""),
            ("\t=1", "\"\\u{9}=1\""),
            ("\u{feff}=1", "\"\\u{feff}=1\""),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
    }

    #[test]
    fn labels_are_plain_words() {
        for (name, fits) in [
            ("sipvicious", true),
            ("ntp_monlist", true),
            ("", false),
            ("9lives", false),
            ("Nmap", false),
            ("a b", false),
            ("a\"", false),
            ("国", false),
        ] {
            assert_eq!(is_label(name), fits, "{name}");
        }
        assert!(!is_label(&"a".repeat(33)));
    }
}
