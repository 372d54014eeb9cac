//! Files that are not read, and what is said about the files that are.

use std::{fs, io::Write as _};

use teiten::capture::{Capture, CaptureError, Compression};

use crate::{
    support::{read_bytes, small_files},
    writer::{Interface, Order, PacketBlock, Packing, Pcap, Pcapng},
};

#[test]
fn what_is_no_capture_is_refused_by_name() {
    let (_, pcap) = small_files().swap_remove(0);
    let with_version = |minor: u8| {
        let mut bytes = pcap.bytes.clone();
        bytes[6] = minor;
        bytes
    };
    let mut future = small_files().swap_remove(2).1.bytes;
    future[12] = 2;
    let twice = Packing::Zstd.pack(&Packing::Gzip.pack(&pcap.bytes).0).0;
    let cases: [(&str, Vec<u8>); 11] = [
        ("is empty", Vec::new()),
        ("unpacked test is empty", Packing::Gzip.pack(&[]).0),
        ("begins with 68 65 6c 6c", b"hello, world".to_vec()),
        ("Kuznetzov", [0x34, 0xcd, 0xb2, 0xa1, 2, 0, 4, 0].to_vec()),
        ("Kuznetzov", [0xa1, 0xb2, 0xcd, 0x34, 0, 2, 0, 4].to_vec()),
        ("snoop", b"snoop\0\0\0".to_vec()),
        ("`xz -d`", b"\xfd7zXZ\0".to_vec()),
        ("packed twice", twice),
        ("version 2.3", with_version(3)),
        ("version 2.2", with_version(2)),
        ("version 2.0", future),
    ];
    for (words, bytes) in cases {
        let message = read_bytes(&bytes).error.unwrap().to_string();
        assert!(message.contains(words), "{message:?} does not say {words:?}");
    }
}

#[test]
fn a_pcap_of_an_unsupported_link_type_is_refused_with_a_cure() {
    let mut file = Pcap::new(Order::Little, false, 105);
    file.packet(1, 2, 0, b"802.11");
    let reading = read_bytes(&file.finish().bytes);
    assert!(reading.packets.is_empty());
    let error = reading.error.unwrap();
    assert!(matches!(&error, CaptureError::LinkType { link_type, .. } if link_type.0 == 105));
    let message = error.to_string();
    assert!(
        message.contains("link type 105 (IEEE802_11) is not supported; convert it"),
        "{message}"
    );
}

#[test]
fn a_skipped_link_type_is_named_and_counted() {
    let mut file = Pcapng::new(Order::Little);
    file.interface(Interface {
        link_type: 105,
        ..Interface::ETHERNET
    });
    file.interface(Interface::ETHERNET);
    for interface in [0, 1, 0] {
        file.packet(PacketBlock::Enhanced, interface, 1, 0, b"something");
    }
    let mut capture = Capture::from_reader("test", std::io::Cursor::new(file.finish().bytes)).unwrap();
    let mut packets = 0;
    while capture.next().unwrap().is_some() {
        packets += 1;
    }
    assert_eq!(packets, 1);
    let skipped: Vec<_> = capture.skipped().map(|skipped| skipped.to_string()).collect();
    assert_eq!(skipped.len(), 1);
    assert!(
        skipped[0].starts_with("skipped 2 packets: link type 105 (IEEE802_11) is not supported"),
        "{skipped:?}"
    );
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("nowhere.pcap"), folder.path().to_owned()] {
        let error = Capture::open(&path).err().unwrap();
        assert!(matches!(error, CaptureError::Open { .. }));
        let message = error.to_string();
        assert!(message.contains(path.to_str().unwrap()), "{message}");
    }
}

#[test]
fn progress_is_told_in_bytes_of_the_file_as_it_is() {
    let mut file = Pcap::new(Order::Little, false, 1);
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..5_000 {
        // Random bytes do not pack, so that there is something to make progress in.
        let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(1_000).collect();
        file.packet(1, 2, 0, &bytes);
    }
    let written = file.finish();
    let folder = tempfile::tempdir().unwrap();
    for (packing, compression) in [
        (Packing::Plain, None),
        (Packing::Gzip, Some(Compression::Gzip)),
        (Packing::Zstd, Some(Compression::Zstd)),
    ] {
        let (packed, _) = packing.pack(&written.bytes);
        let path = folder.path().join("capture");
        fs::File::create(&path).unwrap().write_all(&packed).unwrap();
        let mut capture = Capture::open(&path).unwrap();
        assert_eq!(capture.compression(), compression);
        assert_eq!(capture.total_bytes(), Some(packed.len() as u64));
        let mut steps = vec![capture.position()];
        while capture.next().unwrap().is_some() {
            steps.push(capture.position());
        }
        assert!(steps.is_sorted());
        assert!(
            steps[0] < packed.len() as u64 / 4,
            "{packing:?} began at {}",
            steps[0]
        );
        assert_eq!(steps.last(), Some(&(packed.len() as u64)), "{packing:?}");
        steps.dedup();
        assert!(steps.len() > 10, "{packing:?} made {} steps", steps.len());
    }
}
