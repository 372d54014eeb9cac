//! Reads captures to their end, checks what must hold of every reading.

use std::io::{self, Cursor, Read};

use teiten::capture::{Capture, CaptureError};

use crate::writer::{Expected, Interface, Order, PacketBlock, Pcap, Pcapng, Written};

/// What a capture gave.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) packets: Vec<Expected>,
    pub(crate) skipped: Vec<(u16, u64)>,
    pub(crate) error: Option<CaptureError>,
}

/// Reads to the end. After the end or an error there must be nothing more.
pub(crate) fn read(reader: impl Read + Send + 'static) -> Reading {
    let mut reading = Reading {
        packets: Vec::new(),
        skipped: Vec::new(),
        error: None,
    };
    let mut capture = match Capture::from_reader("test", reader) {
        Ok(capture) => capture,
        Err(error) => {
            reading.error = Some(error);
            return reading;
        }
    };
    loop {
        match capture.next() {
            Ok(Some(frame)) => reading.packets.push(Expected {
                link: frame.link,
                nanoseconds: frame.timestamp.map(teiten::capture::Timestamp::nanoseconds),
                original_length: frame.original_length,
                bytes: frame.bytes.to_vec(),
            }),
            Ok(None) => break,
            Err(error) => {
                reading.error = Some(error);
                break;
            }
        }
    }
    for _ in 0..2 {
        assert!(
            matches!(capture.next(), Ok(None)),
            "something came after the end or the error"
        );
    }
    reading.skipped = capture
        .skipped()
        .map(|skipped| (skipped.link_type.0, skipped.packets))
        .collect();
    reading
}

pub(crate) fn read_bytes(bytes: &[u8]) -> Reading {
    read(Cursor::new(bytes.to_vec()))
}

/// Checks that a reading is the truth, whole.
pub(crate) fn assert_whole(reading: &Reading, written: &Written) {
    assert!(reading.error.is_none(), "{:?}", reading.error);
    assert_eq!(reading.packets, written.packets);
    assert_eq!(
        reading.skipped,
        written.skipped.clone().into_iter().collect::<Vec<_>>()
    );
}

/// A reader that gives a few bytes at a time, as pipes do, and is interrupted between them.
pub(crate) struct Trickle {
    bytes: Cursor<Vec<u8>>,
    at_once: usize,
    interrupted: bool,
}

impl Trickle {
    pub(crate) fn new(bytes: Vec<u8>, at_once: usize) -> Self {
        Self {
            bytes: Cursor::new(bytes),
            at_once,
            interrupted: false,
        }
    }
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = buffer.len().min(self.at_once);
        self.bytes.read(&mut buffer[..most])
    }
}

/// Small files of every shape, by name.
pub(crate) fn small_files() -> Vec<(&'static str, Written)> {
    let frame: Vec<u8> = (0..60).collect();
    let mut files = Vec::new();
    for (name, order, nanoseconds) in [
        ("pcap, little-endian, microseconds", Order::Little, false),
        ("pcap, big-endian, nanoseconds", Order::Big, true),
    ] {
        let mut file = Pcap::new(order, nanoseconds, 1);
        for (seconds, length) in [(1, 60), (1_700_000_000, 0), (u32::MAX, 7)] {
            file.packet(seconds, 123, 5, &frame[..length]);
        }
        files.push((name, file.finish()));
    }
    for (name, order, next_order) in [
        ("pcapng, little-endian then big", Order::Little, Order::Big),
        ("pcapng, big-endian then little", Order::Big, Order::Little),
    ] {
        let mut file = Pcapng::new(order);
        file.interface(Interface::ETHERNET);
        file.interface(Interface {
            link_type: 105,
            ..Interface::ETHERNET
        });
        file.packet(PacketBlock::Enhanced, 0, 1_700_000_000_000_000, 0, &frame);
        file.packet(PacketBlock::EnhancedWithOptions, 0, 2, 9, &frame[..13]);
        file.packet(PacketBlock::Enhanced, 1, 3, 0, &frame[..20]);
        file.block(0x0bad_0bad, b"a block that nobody knows");
        file.section(next_order);
        file.interface(Interface {
            link_type: 101,
            snapshot_length: 16,
            resolution: Some(9),
            offset_seconds: Some(-7),
        });
        file.packet(PacketBlock::Obsolete, 0, 4, 0, &frame[..31]);
        file.packet(PacketBlock::Simple, 0, 0, 0, &frame[..30]);
        files.push((name, file.finish()));
    }
    files
}
