//! Payloads of sampled packets and files of samples: whatever comes, no label, terminal or cell has it unescaped, and no
//! shared frame has a payload.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sensor_evidence::{
    anonymise::Anonymiser,
    escape::{csv_cell, is_label, terminal, terminal_text},
    packet::{Layout, Transport},
    pcapng::{Decoder, Packet},
    probe::Probes,
    sip::{METHODS, Request},
};

static PROBES: LazyLock<Probes> = LazyLock::new(Probes::default);

fuzz_target!(|octets: &[u8]| {
    payload(octets);
    frame(octets);
    file(octets);
    if let Ok(text) = std::str::from_utf8(octets) {
        cell(text);
        // A user's table is refused, or has nothing but labels.
        if let Ok(table) = Probes::with(text) {
            let labels = table.labels().iter().chain(table.scanners().labels());
            assert!(labels.into_iter().all(|label| is_label(label)));
        }
    }
});

fn payload(octets: &[u8]) {
    show(octets);
    if let Some(request) = Request::read(octets) {
        assert!(METHODS.contains(&request.method));
        let scanners = PROBES.scanners();
        let scanner = scanners.of(&request);
        assert!(scanner.is_none_or(|place| is_label(&scanners.labels()[place])));
        for text in [Some(request.target), request.user_agent, request.from]
            .into_iter()
            .flatten()
        {
            show(text);
        }
    }
    for (transport, port) in [
        (Transport::Tcp, 80),
        (Transport::Udp, 53),
        (Transport::Udp, 11_211),
    ] {
        let place = PROBES.of(transport, port, octets);
        assert!(place.is_none_or(|place| place < PROBES.labels().len()));
    }
}

fn show(octets: &[u8]) {
    let shown = terminal(octets);
    assert!(shown.chars().all(|c| (' '..='~').contains(&c) || c == '…'));
    cell(&shown);
}

fn cell(text: &str) {
    let cell = csv_cell(text);
    let inner = &cell[1..cell.len() - 1];
    assert!(!inner.replace("\"\"", "").contains('"') && !inner.chars().any(char::is_control));
    assert!(!inner.trim_start().starts_with(['=', '+', '-', '@']));
    assert!(!terminal_text(text).contains('\n'));
}

fn frame(octets: &[u8]) {
    if let Some(layout) = Layout::of_ethernet(octets) {
        assert!(layout.end <= octets.len());
        payload(layout.payload(octets));
    }
    share(&Packet {
        nanoseconds: 0,
        interface: String::new(),
        wire_octets: 0,
        frame: octets.to_vec(),
        comment: String::new(),
    });
}

fn share(packet: &Packet) {
    let Some(shared) = Anonymiser::new([7; 16]).packet(packet) else {
        return;
    };
    let layout = Layout::of_ethernet(&shared.frame).expect("a frame of ours has a whole header");
    assert!(layout.payload(&shared.frame).is_empty());
    assert!(shared.frame.len() <= 14 + 40 + 60);
}

fn file(octets: &[u8]) {
    let mut decoder = Decoder::new(octets);
    // Every packet takes a block of the file, so this ends.
    while let Ok(Some(packet)) = decoder.packet() {
        assert!(packet.frame.len() <= octets.len());
        share(&packet);
    }
}
