use std::collections::BTreeMap;

use sensor_common::{Observation, Outcome, classify::classify_ethernet};

use super::*;
use crate::{
    cases,
    reference::{self, Comparison},
    watched::{CASE_PREFIXES, Prefixes},
};

#[test]
fn mutations_reach_every_outcome_many_times() {
    let watched = Prefixes::parse(&CASE_PREFIXES).unwrap();
    let cases = cases::all();
    let mut rng = Rng::with_seed(1);
    let mut buffer = Vec::new();
    let mut seen = BTreeMap::new();
    for _ in 0..400 {
        for case in &cases {
            random_mutation(&mut rng, case, &mut buffer);
            let outcome = classify_ethernet(&buffer[..], &watched).map_or_else(|o| o, |o| o.outcome());
            *seen.entry(outcome).or_insert(0) += 1;
        }
    }
    for outcome in Outcome::ALL {
        if outcome.is_of_the_frame() {
            let times = seen.get(&outcome).copied().unwrap_or(0);
            assert!(times > 100, "{}: {times}", outcome.name());
        }
    }
}

#[test]
fn a_buffer_is_filled_anew_and_never_reallocated() {
    let cases = cases::all();
    let mut rng = Rng::with_seed(2);
    let mut buffer = vec![0xee; LONGEST_BYTES];
    let place = buffer.as_ptr();
    for _ in 0..100 {
        for case in &cases {
            random_mutation(&mut rng, case, &mut buffer);
            assert!(buffer.len() <= LONGEST_BYTES);
            assert!(buffer.len() >= case.frame.len().min(SHORTEST_BYTES));
            assert_eq!(buffer.as_ptr(), place);
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_frames() {
    let cases = cases::all();
    let run = |seed| {
        let mut rng = Rng::with_seed(seed);
        let mut buffer = Vec::new();
        let mut all = Vec::new();
        for case in &cases {
            random_mutation(&mut rng, case, &mut buffer);
            all.push(buffer.clone());
        }
        all
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

/// Changed frames, each with what the classifier says of it.
fn each_mutation(seed: u64, rounds: usize, mut look: impl FnMut(&mut Vec<u8>, Result<Observation, Outcome>)) {
    let watched = Prefixes::parse(&CASE_PREFIXES).unwrap();
    let cases = cases::all();
    let mut rng = Rng::with_seed(seed);
    let mut buffer = Vec::new();
    for _ in 0..rounds {
        for case in &cases {
            random_mutation(&mut rng, case, &mut buffer);
            let found = classify_ethernet(&buffer[..], &watched);
            look(&mut buffer, found);
        }
    }
}

#[test]
fn what_follows_a_readable_packet_changes_nothing() {
    let watched = Prefixes::parse(&CASE_PREFIXES).unwrap();
    each_mutation(5, 300, |frame, found| {
        if found.is_ok() {
            frame.extend_from_slice(&[0xff; 64]);
            assert_eq!(classify_ethernet(&frame[..], &watched), found);
        }
    });
}

#[test]
fn a_frame_cut_anywhere_is_never_read_as_another_packet() {
    let watched = Prefixes::parse(&CASE_PREFIXES).unwrap();
    each_mutation(6, 20, |frame, found| {
        for length in (0..frame.len().min(120)).rev() {
            if let Ok(shorter) = classify_ethernet(&frame[..length], &watched) {
                let whole = found.unwrap();
                // Options may be cut off, and what is not there is no sign of a tool.
                assert!(whole.tools.contains(shorter.tools), "{length} of {frame:02x?}");
                let (tools, signature) = (whole.tools, whole.signature);
                let shorter = Observation {
                    tools,
                    signature,
                    ..shorter
                };
                assert_eq!(shorter, whole, "{length} of {frame:02x?}");
            }
        }
    });
}

#[test]
fn another_reader_finds_the_same_ports_and_flags() {
    let mut agreed = 0;
    each_mutation(7, 1_000, |frame, found| match reference::compare(frame, &found) {
        Comparison::Same => agreed += 1,
        Comparison::Incomparable => {}
        Comparison::Different(how) => panic!("{how}: {frame:02x?}"),
    });
    assert!(agreed > 100_000, "{agreed}");
}
