//! Whatever a stranger sends, no label, no terminal and no cell has it unescaped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use sensor_evidence::{
    escape::{csv_cell, is_label, terminal, terminal_text},
    packet::{Layout, Transport},
    probe::Probes,
    sip::{METHODS, Request},
};

/// What each reader gives of a payload, checked.
fn read(payload: &[u8]) {
    let probes = Probes::default();
    if let Some(request) = Request::read(payload) {
        assert!(METHODS.contains(&request.method));
        if let Some(place) = probes.scanners().of(&request) {
            assert!(is_label(&probes.scanners().labels()[place]));
        }
        for octets in [Some(request.target), request.user_agent, request.from]
            .into_iter()
            .flatten()
        {
            show(octets);
        }
    }
    for (transport, port) in [(Transport::Tcp, 443), (Transport::Udp, 53), (Transport::Udp, 123)] {
        if let Some(place) = probes.of(transport, port, payload) {
            assert!(is_label(&probes.labels()[place]));
        }
    }
    show(payload);
    if let Some(layout) = Layout::of_ethernet(payload) {
        assert!(layout.payload.end <= payload.len());
    }
}

fn show(octets: &[u8]) {
    let shown = terminal(octets);
    assert!(
        shown.chars().all(|c| (' '..='~').contains(&c) || c == '…'),
        "{shown:?}"
    );
    assert!(shown.len() <= 4 * 120 + 3);
    cell(&String::from_utf8_lossy(octets));
    cell(&shown);
}

/// A cell is one cell of one line, no formula, and a CSV reader gets its text back.
fn cell(text: &str) {
    let cell = csv_cell(text);
    let inner = cell
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap();
    assert!(!inner.replace("\"\"", "").contains('"'), "{cell:?}");
    assert!(!inner.chars().any(char::is_control), "{cell:?}");
    assert!(!inner.trim_start().starts_with(['=', '+', '-', '@']), "{cell:?}");
    assert!(
        !inner.contains(['\u{202e}', '\u{2066}', '\u{200f}', '\u{feff}']),
        "{cell:?}"
    );
    let back = inner.replace("\"\"", "\"");
    assert!(back == terminal_text(text) || back.strip_prefix('\'') == Some(&terminal_text(text)));
}

fn with_header(value: &[u8]) -> Vec<u8> {
    [
        b"REGISTER sip:a SIP/2.0\r\nFrom: ",
        value,
        b"\r\nUser-Agent: ",
        value,
        b"\r\n\r\n",
    ]
    .concat()
}

#[test]
fn hostile_payloads_are_shown_harmlessly() {
    let mut values: Vec<Vec<u8>> = (0..=255).map(|octet| vec![octet]).collect();
    values.extend((0..=255_u8).map(|octet| vec![octet; 300]));
    values.push((0..=255).collect());
    values.extend(
        [
            "\x1b[31;1mred\x1b[0m \x1b]8;;http://x\x07",
            "a\r\nSet-Cookie: b\n\n",
            "\"quoted\" 'too' \\",
            "\u{202e}gnp.exe",
            "=HYPERLINK(\"http://x\")",
            "@SUM(1+9)*cmd|' /C calc'!A0",
            "\t=1",
            " +1",
            "-1",
            "\u{feff}=1",
        ]
        .map(|text| text.as_bytes().to_vec()),
    );
    values.extend(
        [
            &b"\xff\xfe\xfd"[..],
            b"\xc0\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
        ]
        .map(<[u8]>::to_vec),
    );
    for value in &values {
        read(value);
        read(&with_header(value));
        // One in another.
        read(&with_header(&with_header(value)));
    }
}

#[test]
fn sixty_four_kibibytes_of_header_are_read_in_bounded_parts() {
    for filler in [&b"A"[..], b"A: b\r\n", b"\n", b":", b" ", b"\r"] {
        let header = filler.repeat(65_536 / filler.len());
        read(&with_header(&header));
        read(
            &[
                b"OPTIONS sip:a SIP/2.0\r\n",
                &header[..],
                b"\r\nUser-Agent: friendly-scanner\r\n",
            ]
            .concat(),
        );
        read(&[b"OPTIONS ", &header[..]].concat());
    }
}

#[test]
fn a_request_cut_anywhere_is_harmless() {
    let whole = with_header(b"\"sipvicious\"<sip:100@1.1.1.1>\x1b[2J\xff");
    for cut in 0..whole.len() {
        read(&whole[..cut]);
        read(&whole[cut..]);
    }
}

proptest! {
    #[test]
    fn any_octets_are_harmless(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        read(&octets);
        read(&with_header(&octets));
    }

    #[test]
    fn any_text_is_one_harmless_cell(text: String) {
        cell(&text);
    }
}
