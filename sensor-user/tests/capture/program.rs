//! `teiten replay` as a shell sees it: what it prints, and how it exits.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use crate::{
    support::small_files,
    writer::{Order, Packing, Pcap},
};

/// A capture of `packets` frames that are no IP, and its bytes.
fn frames(packets: u32) -> Vec<u8> {
    let mut file = Pcap::new(Order::Little, false, 1);
    let mut frame = [0; 60];
    frame[12..14].copy_from_slice(&[0x08, 0x06]);
    for number in 0..packets {
        file.packet(1_700_000_000 + number, 0, 0, &frame);
    }
    file.finish().bytes
}

/// Replays `bytes` from standard input.
fn replay(bytes: &[u8], options: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_teiten"))
        .args(["replay", "-"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have refused the first bytes before it read the last.
    let _ = child.stdin.take().unwrap().write_all(bytes);
    child.wait_with_output().unwrap()
}

/// The packets of each outcome, and of all, in what `--json` printed.
fn counted(output: &Output) -> (u64, u64) {
    let snapshot: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    (
        snapshot["seen"].as_u64().unwrap(),
        snapshot["outcomes"]["not_ip"].as_u64().unwrap(),
    )
}

#[test]
fn a_whole_capture_is_counted_and_the_exit_status_is_0() {
    for packing in Packing::ALL {
        let output = replay(&packing.pack(&frames(3)).0, &["--json"]);
        assert_eq!(output.status.code(), Some(0), "{packing:?}: {output:?}");
        assert_eq!(counted(&output), (3, 3), "{packing:?}");
        assert!(output.stderr.is_empty(), "{packing:?}: {output:?}");
    }
}

#[test]
fn what_comes_before_a_cut_is_counted_and_the_exit_status_is_1() {
    let whole = frames(3);
    let output = replay(&whole[..whole.len() - 1], &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(counted(&output), (2, 2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("is cut off at byte"), "{error}");
}

#[test]
fn a_file_that_is_refused_is_named_beside_those_that_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good.pcap"), folder.path().join("bad.pcap"));
    std::fs::write(&good, frames(5)).unwrap();
    std::fs::write(&bad, b"\x1b[31mno capture").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_teiten"))
        .arg("replay")
        .args([&bad, &good])
        .arg("--json")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(counted(&output), (5, 5));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("bad.pcap is not a capture"), "{error}");
    assert!(error.contains("1 of 2 files"), "{error}");
    assert!(
        !error.contains('\x1b'),
        "the file's bytes reached the terminal: {error:?}"
    );
}

#[test]
fn a_capture_without_a_packet_is_said_to_be_one() {
    let output = replay(&frames(0), &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(output.stdout, b"no packet was read\n");
}

#[test]
fn colours_and_bars_stay_out_of_a_pipe() {
    for (name, written) in small_files() {
        let output = replay(&written.bytes, &[]);
        let text = [output.stdout, output.stderr].concat();
        assert!(!text.contains(&0x1b), "{name}");
        assert!(!text.contains(&b'\r'), "{name}");
    }
}
