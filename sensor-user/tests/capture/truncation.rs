//! Files that stop too early.

use teiten::capture::CaptureError;

use crate::{
    support::{Reading, read_bytes, small_files},
    writer::{Packing, Written},
};

/// Checks that the packets are the first ones of the truth.
fn assert_prefix(reading: &Reading, written: &Written, cut: usize) {
    assert!(reading.packets.len() <= written.packets.len(), "cut at {cut}");
    assert_eq!(
        reading.packets,
        written.packets[..reading.packets.len()],
        "cut at {cut}"
    );
}

#[test]
fn a_truncated_file_gives_everything_before_the_cut() {
    for (name, written) in small_files() {
        for cut in 0..=written.bytes.len() {
            let reading = read_bytes(&written.bytes[..cut]);
            let (end, packets) = written
                .ends
                .iter()
                .rev()
                .find(|(end, _)| *end <= cut)
                .copied()
                .unwrap_or_default();
            assert_prefix(&reading, &written, cut);
            assert_eq!(reading.packets.len(), packets, "{name}, cut at {cut}");
            match reading.error {
                // A cut between two records cannot be told from an end.
                None => assert_eq!(end, cut, "{name}"),
                Some(CaptureError::Unsupported { found, .. }) => {
                    assert_eq!(cut, 0, "{name}");
                    assert!(found.contains("empty"), "{found}");
                }
                Some(CaptureError::CutOff { at, record, .. }) => {
                    assert_eq!((record, at), (end as u64, cut as u64), "{name}");
                    assert_ne!(end, cut, "{name}");
                }
                Some(other) => panic!("{name}, cut at {cut}: {other}"),
            }
        }
    }
}

#[test]
fn a_truncated_archive_gives_a_prefix_and_says_that_it_is_cut() {
    for (name, written) in small_files() {
        for packing in Packing::ALL {
            let (packed, whole_at) = packing.pack(&written.bytes);
            for cut in (1..packed.len()).filter(|_| packing != Packing::Plain) {
                let reading = read_bytes(&packed[..cut]);
                assert_prefix(&reading, &written, cut);
                match reading.error {
                    Some(CaptureError::CutOff { .. }) => {}
                    Some(CaptureError::Unsupported { found, .. }) if found.contains("empty") => {
                        assert!(whole_at.contains(&cut), "{name}, {packing:?}, cut at {cut}");
                    }
                    None => assert!(whole_at.contains(&cut), "{name}, {packing:?}, cut at {cut}"),
                    Some(other) => panic!("{name}, {packing:?}, cut at {cut}: {other}"),
                }
            }
        }
    }
}

#[test]
fn a_truncated_archive_gives_all_that_it_holds() {
    // Without a byte of the last check sum, everything is there all the same.
    for (name, written) in small_files() {
        for packing in [Packing::Gzip, Packing::GzipMembers(50)] {
            let (packed, _) = packing.pack(&written.bytes);
            let reading = read_bytes(&packed[..packed.len() - 1]);
            assert_eq!(reading.packets, written.packets, "{name}, {packing:?}");
            assert!(
                matches!(reading.error, Some(CaptureError::CutOff { .. })),
                "{name}"
            );
        }
    }
}

#[test]
fn the_message_says_where_and_what_to_do() {
    let (_, written) = small_files().swap_remove(0);
    let message = read_bytes(&written.bytes[..50]).error.unwrap().to_string();
    assert_eq!(
        message,
        "test is cut off at byte 50, within the packet record that begins at byte 24: what came before was read; \
         copy the whole file again, or end the recording before reading it"
    );
}
