//! Captures of strangers: no file panics, hangs or speaks again after its error, and none depends on how it arrives.
#![no_main]

use std::io::{Cursor, Read};

use libfuzzer_sys::fuzz_target;
use sensor_common::{Address, watch::Watch};
use teiten::capture::{Capture, Frame, Link, MAX_PACKET_BYTES, Timestamp, classify};

/// Every address is watched.
struct Everything;

impl Watch for Everything {
    fn contains_v4(&self, _: u32) -> bool {
        true
    }

    fn contains_v6(&self, _: Address) -> bool {
        true
    }
}

/// Gives a few bytes at a time, as a pipe does.
struct Trickle(Cursor<Vec<u8>>, usize);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

fuzz_target!(|bytes: &[u8]| {
    let step = bytes.last().map_or(1, |last| usize::from(last & 15) + 1);
    let whole = Capture::from_reader("whole", Cursor::new(bytes.to_vec()));
    let trickling = Capture::from_reader("trickling", Trickle(Cursor::new(bytes.to_vec()), step));
    // Of a damaged archive, how much its decoder had given out depends on how it was read; all else must not.
    let comparable = !is_packed(bytes);
    let (mut whole, mut trickling) = match (whole, trickling) {
        (Ok(whole), Ok(trickling)) => (whole, trickling),
        (whole, trickling) => {
            let both = whole.is_err() && trickling.is_err();
            assert!(both || !comparable, "how the bytes come decides what they are");
            return;
        }
    };
    assert_eq!(whole.compression(), trickling.compression());
    assert!(whole.compression().is_none() || !comparable);
    loop {
        let ours = step_of(&mut whole);
        let theirs = step_of(&mut trickling);
        if comparable {
            assert_eq!(ours, theirs);
        }
        if !matches!(ours, Step::Packet(..)) {
            break;
        }
    }
    assert!(
        matches!(whole.next(), Ok(None)),
        "after the end or an error there is nothing more"
    );
    let skipped: u64 = whole.skipped().map(|skipped| skipped.packets).sum();
    assert!(skipped * 8 <= bytes.len() as u64 || !comparable);
});

/// Whether the bytes begin like gzip or zstd.
fn is_packed(bytes: &[u8]) -> bool {
    let zstd = matches!(
        bytes,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]
    );
    zstd || bytes.starts_with(&[0x1f, 0x8b])
}

/// What one call came to.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Packet(Link, Option<Timestamp>, u32, Vec<u8>),
    End,
    Error,
}

fn step_of(capture: &mut Capture) -> Step {
    match capture.next() {
        Ok(Some(frame)) => {
            let Frame {
                link,
                timestamp,
                original_length,
                bytes,
            } = frame;
            assert!(bytes.len() <= MAX_PACKET_BYTES as usize);
            if let Ok(observation) = classify(&frame, &Everything) {
                assert!(observation.outcome().is_observed());
            }
            Step::Packet(link, timestamp, original_length, bytes.to_vec())
        }
        Ok(None) => Step::End,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            Step::Error
        }
    }
}
