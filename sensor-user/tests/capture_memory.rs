//! Memory while hostile captures are read: a process of its own, because its peak is what is measured.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "capture/peak.rs"]
mod peak;

use std::{
    fs::{self, File},
    io::{BufWriter, Cursor, Write},
    path::Path,
};

use teiten::capture::{Capture, CaptureError};

use self::peak::peak_kibibytes;

/// Bytes of a bomb when it has gone off.
const BOMB_BYTES: usize = 1 << 28;
/// What reading may take on top: the window of 768 KiB, the decoders' own, and the test itself.
const ALLOWED_KIBIBYTES: u64 = 32 * 1024;

/// A section header and an interface.
fn pcapng_head() -> Vec<u8> {
    [
        0x0a0d_0d0a_u32,
        28,
        0x1a2b_3c4d,
        1,
        u32::MAX,
        u32::MAX,
        28,
        1,
        20,
        1,
        0,
        20,
    ]
    .iter()
    .flat_map(|number| number.to_le_bytes())
    .collect()
}

/// A block that nobody knows, of a quarter of a gigabyte of zeros, and a packet of four bytes.
fn write_long_block(mut out: impl Write) {
    let length = u32::try_from(BOMB_BYTES + 12).unwrap().to_le_bytes();
    out.write_all(&pcapng_head()).unwrap();
    out.write_all(&[0xad, 0x0b, 0xad, 0x0b]).unwrap();
    out.write_all(&length).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..BOMB_BYTES >> 20 {
        out.write_all(&zeros).unwrap();
    }
    out.write_all(&length).unwrap();
    for number in [6_u32, 36, 0, 0, 0, 4, 4, 0x6464_6464, 36] {
        out.write_all(&number.to_le_bytes()).unwrap();
    }
}

/// Interfaces without an end.
fn write_interfaces(mut out: impl Write) {
    let head = pcapng_head();
    out.write_all(&head).unwrap();
    for _ in 0..BOMB_BYTES / 20 {
        out.write_all(&head[28..]).unwrap();
    }
}

fn packets(path: &Path) -> (usize, Option<CaptureError>) {
    let mut capture = Capture::open(path).unwrap();
    let mut packets = 0;
    loop {
        match capture.next() {
            Ok(Some(_)) => packets += 1,
            Ok(None) => return (packets, None),
            Err(error) => return (packets, Some(error)),
        }
    }
}

#[test]
fn a_decompression_bomb_takes_no_more_memory_than_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb");
    let create = || BufWriter::new(File::create(&path).unwrap());

    write_long_block(zstd::Encoder::new(create(), 1).unwrap().auto_finish());
    assert!(fs::metadata(&path).unwrap().len() < 1 << 20);
    let before = peak_kibibytes();
    let (found, error) = packets(&path);
    assert_eq!((found, error.map(|error| error.to_string())), (1, None));

    write_long_block(flate2::write::GzEncoder::new(
        create(),
        flate2::Compression::fast(),
    ));
    let (found, error) = packets(&path);
    assert_eq!((found, error.map(|error| error.to_string())), (1, None));

    write_interfaces(zstd::Encoder::new(create(), 1).unwrap().auto_finish());
    let (found, error) = packets(&path);
    assert!(matches!(error, Some(CaptureError::Corrupt { .. })), "{error:?}");
    assert_eq!(found, 0);

    let after = peak_kibibytes();
    assert!(
        after - before < ALLOWED_KIBIBYTES,
        "reading took {} KiB more than the {before} KiB before",
        after - before
    );
}

#[test]
fn a_zstd_window_of_128_mebibytes_is_the_largest_that_is_granted() {
    // RFC 8878, section 3.1.1: a frame of one raw block, which holds a pcap header. The window is 2 to the power of
    // 10 + exponent, and the exponent is the upper five bits of its descriptor.
    let open = |exponent: u8| {
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, exponent << 3];
        frame.extend([24 << 3 | 1, 0, 0]);
        for number in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
            frame.extend(number.to_le_bytes());
        }
        Capture::from_reader("test", Cursor::new(frame)).err()
    };
    assert!(open(17).is_none());
    for exponent in [18, 31] {
        assert!(
            matches!(open(exponent), Some(CaptureError::Unpack { .. })),
            "{exponent}"
        );
    }
}
