use std::{fs, io::Write as _};

use sensor_common::Outcome;
use tempfile::NamedTempFile;

use super::*;
use crate::{
    frames::{Ipv4, Tcp, flags},
    scenario::{Plan, Scenario},
};

/// A pcap file (<https://www.tcpdump.org/manpages/pcap-savefile.5.txt>) in host order, link type given.
fn capture(link: u32, frames: &[Vec<u8>]) -> NamedTempFile {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 262_144, link] {
        bytes.extend_from_slice(&u32::to_ne_bytes(word));
    }
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap();
        for word in [1_700_000_000, 0, length, length] {
            bytes.extend_from_slice(&u32::to_ne_bytes(word));
        }
        bytes.extend_from_slice(frame);
    }
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    file
}

fn watched() -> Prefixes {
    Prefixes::parse(&["198.51.100.0/24", "2001:db8:feed::/48"]).unwrap()
}

/// Two readers that share no code but the table of outcomes, and a generator that reads nothing.
#[test]
fn the_tally_of_a_scenario_is_its_truth() {
    let watched = watched();
    let mut scenario = Scenario::new(&Plan::new(3, 50_000, watched.as_slice().to_vec())).unwrap();
    let mut frames = Vec::new();
    let mut buffer = Vec::new();
    let mut observed = 0;
    while scenario.next_into(&mut buffer) {
        // What cannot be read has no one right count with another reader.
        if scenario.truth().observed() > observed {
            observed += 1;
            frames.push(buffer.clone());
        }
    }
    let file = capture(1, &frames);
    let tally = Tally::of_capture(file.path(), &watched).unwrap();
    let truth = scenario.truth();
    assert_eq!(tally.frames, observed);
    for (port, counters) in (0..=u16::MAX).zip(&truth.ports) {
        assert_eq!(
            tally.ports.get(&port).copied().unwrap_or_default(),
            *counters,
            "{port}"
        );
    }
    let sum = |counts: &BTreeMap<(u8, u8), u64>| counts.values().sum::<u64>();
    assert_eq!(sum(&tally.icmp), truth.outcome(Outcome::ObservedIcmp));
    assert_eq!(
        tally.icmpv6,
        [((128, 0), truth.outcome(Outcome::ObservedIcmpv6))].into()
    );
    assert_eq!(tally.others, [(47, truth.outcome(Outcome::ObservedOther))].into());
    assert_eq!(
        tally.fragments,
        [(17, truth.outcome(Outcome::ObservedFragment))].into()
    );
    assert_eq!((tally.not_ip, tally.not_watched, tally.unreadable), (0, 0, 0));
}

#[test]
fn flags_decide_what_is_a_syn_and_what_is_mirai() {
    let dark = Ipv4Addr::new(198, 51, 100, 9);
    let mut tally = Tally::default();
    for (port, bits) in [
        (1, flags::SYN),
        (2, flags::SYN | flags::ECE | flags::CWR),
        (3, flags::SYN | flags::PSH),
        (4, flags::SYN | flags::ACK),
        (5, flags::SYN | flags::RST),
        (6, flags::SYN | flags::FIN),
        (7, flags::ACK),
    ] {
        let segment = Tcp {
            sequence: dark.to_bits(),
            ..Tcp::with_flags(port, bits)
        };
        tally.add(&Ipv4::to(dark).frame(segment), &watched());
    }
    let found: Vec<_> = tally
        .ports
        .values()
        .map(|port| (port.tcp, port.syn, port.mirai))
        .collect();
    assert_eq!(
        found,
        [
            (1, 1, 1),
            (1, 1, 1),
            (1, 1, 0),
            (1, 0, 0),
            (1, 0, 0),
            (1, 0, 0),
            (1, 0, 0)
        ]
    );
}

#[test]
fn what_is_not_to_a_watched_address_is_told_apart() {
    let mut tally = Tally::default();
    let elsewhere = Ipv4::to(Ipv4Addr::new(198, 51, 101, 0));
    tally.add(&elsewhere.frame(Tcp::syn(23)), &watched());
    tally.add(&[0xff; 60], &watched());
    tally.add(&[0; 13], &watched());
    assert_eq!(tally.frames, 3);
    assert_eq!((tally.not_watched, tally.not_ip, tally.unreadable), (1, 1, 1));
    assert!(tally.ports.is_empty());
}

#[test]
fn a_capture_that_is_none_is_refused_by_name() {
    let missing = Tally::of_capture(Path::new("/nowhere/none.pcap"), &watched()).unwrap_err();
    assert!(missing.to_string().contains("/nowhere/none.pcap"), "{missing}");

    let mut text = NamedTempFile::new().unwrap();
    text.write_all(b"this is a text and no capture at all").unwrap();
    let error = Tally::of_capture(text.path(), &watched()).unwrap_err();
    assert!(matches!(error, TallyError::Unreadable { .. }), "{error}");

    let cooked = capture(113, &[]);
    let error = Tally::of_capture(cooked.path(), &watched()).unwrap_err();
    assert!(
        matches!(error, TallyError::NotEthernet { link: 113, .. }),
        "{error}"
    );
}

#[test]
fn a_capture_cut_short_is_an_error_and_not_a_smaller_truth() {
    let frames = vec![Ipv4::to(Ipv4Addr::new(198, 51, 100, 9)).frame(Tcp::syn(23)); 3];
    let file = capture(1, &frames);
    let whole = fs::read(file.path()).unwrap();
    for length in [whole.len() - 1, whole.len() - 60, 30] {
        fs::write(file.path(), &whole[..length]).unwrap();
        assert!(Tally::of_capture(file.path(), &watched()).is_err(), "{length}");
    }
}
