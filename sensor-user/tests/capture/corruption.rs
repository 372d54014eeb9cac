//! Files that contradict themselves.

use std::io::{self, Cursor, Read as _};

use teiten::capture::{CaptureError, Compression};

use crate::{
    support::{Reading, read, read_bytes, small_files},
    writer::{Interface, Order, PacketBlock, Packing, Pcap, Pcapng, Written},
};

/// Checks that one packet came, and then the complaint about what begins at byte `at`.
fn assert_corrupt(reading: &Reading, at: usize, words: &str) {
    assert_eq!(reading.packets.len(), 1, "{words}");
    match &reading.error {
        Some(CaptureError::Corrupt { at: told, cause, .. }) => {
            assert_eq!(*told, at as u64, "{cause}");
            assert!(cause.contains(words), "{cause:?} does not say {words:?}");
        }
        other => panic!("{words}: {other:?}"),
    }
}

/// A pcapng file with one packet, and where the next block will begin.
fn one_packet(order: Order) -> (Pcapng, usize) {
    let mut file = Pcapng::new(order);
    file.interface(Interface::ETHERNET);
    file.packet(PacketBlock::Enhanced, 0, 1, 0, b"good");
    let at = file.bytes();
    (file, at)
}

#[test]
fn a_pcap_record_longer_than_any_packet_is_corrupt() {
    let mut file = Pcap::new(Order::Big, false, 1);
    file.packet(1, 2, 0, b"good");
    let Written { mut bytes, .. } = file.finish();
    let at = bytes.len();
    for captured in [262_145_u32, u32::MAX] {
        bytes.truncate(at);
        bytes.extend([0; 8]);
        bytes.extend(captured.to_be_bytes());
        bytes.resize(bytes.len() + 400_000, 0);
        assert_corrupt(&read_bytes(&bytes), at, &captured.to_string());
    }
}

#[test]
fn a_pcapng_block_that_contradicts_itself_is_corrupt() {
    // (what is wrong, block type, body, complaint)
    let mut long_packet = [0, 0, 0, 262_145, 262_145]
        .iter()
        .flat_map(|number: &u32| number.to_le_bytes())
        .collect::<Vec<u8>>();
    long_packet.resize(262_200, 0);
    let packet = |interface: u32, captured: u32| {
        [interface, 0, 0, captured, 4, 0x6464_6464]
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let interface = |options: &[u8]| [&[1, 0, 0, 0, 0, 0, 0, 0], options].concat();
    let cases: [(u32, Vec<u8>, &str); 12] = [
        (6, packet(1, 4), "interface 1, which is not described"),
        (6, packet(u32::MAX, 4), "which is not described"),
        (6, packet(0, 5), "claims 5 bytes in a block that has room for 4"),
        (6, packet(0, u32::MAX), "claims 4294967295 bytes"),
        (6, long_packet, "claims 262145 bytes"),
        (6, vec![0; 16], "too short"),
        (
            3,
            vec![5, 0, 0, 0, 1, 2, 3, 4],
            "claims 5 bytes in a block that has room for 4",
        ),
        (3, vec![], "too short"),
        (1, vec![1, 0, 0, 0], "too short"),
        (1, interface(&[9, 0, 2, 0, 6, 6, 0, 0]), "option 9"),
        (1, interface(&[14, 0, 4, 0, 6, 6, 0, 0]), "option 14"),
        (
            1,
            interface(&[2, 0, 5, 0, 6, 6, 0, 0]),
            "reaches beyond its block",
        ),
    ];
    for (kind, body, words) in cases {
        let (mut file, at) = one_packet(Order::Little);
        file.block(kind, &body);
        assert_corrupt(&read_bytes(&file.finish().bytes), at, words);
    }
}

#[test]
fn a_block_of_impossible_length_is_corrupt() {
    for kind in [6_u32, 0x0bad_0bad] {
        for (length, words) in [
            (0_u32, "too short"),
            (8, "too short"),
            (13, "multiples of 4"),
            (u32::MAX, "multiples of 4"),
        ] {
            let (file, at) = one_packet(Order::Big);
            let mut bytes = file.finish().bytes;
            bytes.extend(kind.to_be_bytes());
            bytes.extend(length.to_be_bytes());
            bytes.extend([0; 100]);
            assert_corrupt(&read_bytes(&bytes), at, words);
        }
    }
}

#[test]
fn a_block_whose_two_lengths_differ_is_corrupt() {
    for (kind, body) in [(6, vec![0; 20]), (0x0bad_0bad, vec![0; 4]), (0x0a0d_0d0a, vec![])] {
        let (mut file, at) = one_packet(Order::Little);
        if kind == 0x0a0d_0d0a {
            file.section(Order::Big);
        } else {
            file.block(kind, &body);
        }
        let mut bytes = file.finish().bytes;
        *bytes.last_mut().unwrap() ^= 4;
        assert_corrupt(&read_bytes(&bytes), at, "differ");
    }
}

#[test]
fn a_section_without_its_byte_order_mark_is_corrupt() {
    let (mut file, at) = one_packet(Order::Little);
    file.section(Order::Little);
    let mut bytes = file.finish().bytes;
    bytes[at + 8] ^= 1;
    assert_corrupt(&read_bytes(&bytes), at, "byte-order mark");
}

#[test]
fn a_section_cannot_fill_the_memory_with_interfaces() {
    let (mut file, _) = one_packet(Order::Little);
    let mut at = 0;
    for number in 1..=65_536 {
        if number == 65_536 {
            at = file.bytes();
        }
        file.interface(Interface::ETHERNET);
    }
    assert_corrupt(&read_bytes(&file.finish().bytes), at, "65536 interfaces");
}

#[test]
fn a_damaged_archive_gives_what_came_before_and_says_so() {
    let (_, written) = small_files().swap_remove(0);
    for (packing, compression) in [
        (Packing::GzipMembers(40), Compression::Gzip),
        (Packing::ZstdFrames(40), Compression::Zstd),
    ] {
        let (mut packed, ends) = packing.pack(&written.bytes);
        // The magic number of the last member, which holds nothing but the end of the last packet.
        packed[ends[ends.len() - 2]] ^= 0xff;
        let reading = read_bytes(&packed);
        assert_eq!(reading.packets, written.packets[..2], "{compression}");
        match reading.error {
            Some(CaptureError::Unpack {
                compression: told, ..
            }) => assert_eq!(told, compression),
            other => panic!("{compression}: {other:?}"),
        }
    }
}

#[test]
fn a_failure_to_read_is_told_after_what_came_before() {
    struct Failing;
    impl io::Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is on fire"))
        }
    }
    for (name, written) in small_files() {
        let (end, packets) = written.ends[2];
        let reading = read(Cursor::new(written.bytes[..end].to_vec()).chain(Failing));
        assert_eq!(reading.packets, written.packets[..packets], "{name}");
        let error = reading.error.unwrap();
        assert!(
            matches!(error, CaptureError::Read { at, .. } if at == end as u64),
            "{error:?}"
        );
        assert!(error.to_string().ends_with("the disk is on fire"), "{error}");
    }
}
