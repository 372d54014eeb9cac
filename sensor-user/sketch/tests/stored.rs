//! Sketches on their way to disk and back, and what is refused on the way.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

use proptest::prelude::*;
use sensor_common::Address;
use sensor_sketch::{Distinct, OpenSet, Sketch, SketchError, SourceKey, SourceSet};

fn key() -> SourceKey {
    SourceKey::new(*b"a key for tests ")
}

fn distinct(sources: std::ops::Range<u32>) -> Distinct {
    let (key, mut sketch) = (key(), Distinct::default());
    for source in sources {
        sketch.insert(key.hash(Address::v4(source)).coupon());
    }
    sketch
}

fn set(sources: std::ops::Range<u32>) -> SourceSet {
    let (key, mut set) = (key(), OpenSet::default());
    for source in sources {
        set.insert(key.hash(Address::v4(source)));
    }
    set.close()
}

/// Empty, a list, small and large tables of coupons, few and many registers.
const SIZES: [u32; 9] = [0, 1, 8, 9, 1_000, 1_536, 3_000, 100_000, 2_000_000];

#[test]
fn a_sketch_survives_its_bytes() {
    for size in SIZES {
        let sketch = distinct(0..size);
        let bytes = sketch.to_bytes();
        let read = Distinct::from_bytes(&bytes).unwrap();
        assert!(
            (read.estimate() - sketch.estimate()).abs() <= 1e-9 * sketch.estimate(),
            "{size}"
        );
        assert_eq!(read.to_bytes().len(), bytes.len(), "{size}");
        let set = set(0..size);
        let read = SourceSet::from_bytes(&set.to_bytes()).unwrap();
        assert!(
            (read.estimate() - set.estimate()).abs() <= 1e-9 * set.estimate(),
            "{size}"
        );
    }
}

#[test]
fn a_sketch_takes_no_more_than_is_said() {
    for size in SIZES {
        let sketch = distinct(0..size);
        assert!(sketch.octets() <= Distinct::MAX_OCTETS, "{size}");
        assert!(sketch.to_bytes().len() <= 9_000, "{size}");
        assert!(set(0..size).to_bytes().len() <= (8 << 14) + 24, "{size}");
    }
    // Few sources must cost little: most sketches of a sensor have few.
    assert!(distinct(0..7).octets() <= 32);
    assert!(distinct(0..1_500).octets() <= 8_192);
}

#[test]
fn growth_is_told_to_the_octet() {
    let (key, mut sketch) = (key(), Distinct::default());
    let mut octets = sketch.octets();
    for source in 0..5_000 {
        octets += sketch.insert(key.hash(Address::v4(source)).coupon());
        assert_eq!(octets, sketch.octets());
    }
    assert_eq!(octets, Distinct::MAX_OCTETS);
}

#[test]
fn merged_sketches_count_each_source_once() {
    for (one, other, all) in [
        (0..5, 3..8, 8.0),
        (0..700, 500..1_000, 1_000.0),
        (0..0, 0..3, 3.0),
    ] {
        let both = Distinct::union([&distinct(one.clone()), &distinct(other.clone())]);
        assert!((both.estimate() - all).abs() < 0.01, "{both:?} of {all}");
        let both = SourceSet::union([&set(one), &set(other)]);
        assert!((both.estimate() - all).abs() < 0.01, "{both:?} of {all}");
    }
    let rest = set(0..1_000).without(&set(400..2_000));
    assert!((rest.estimate() - 400.0).abs() < 0.01, "{rest:?}");
}

#[test]
fn a_count_and_a_set_do_not_merge() {
    let (count, set) = (Sketch::Distinct(distinct(0..9)), Sketch::Set(set(0..9)));
    assert_eq!(count.merged(&set).unwrap_err(), SketchError::OtherKind);
    assert!(matches!(
        Sketch::from_bytes(&count.to_bytes()).unwrap(),
        Sketch::Distinct(_)
    ));
    assert!(matches!(
        Sketch::from_bytes(&set.to_bytes()).unwrap(),
        Sketch::Set(_)
    ));
}

#[test]
fn a_cut_sketch_is_refused_at_every_octet() {
    for size in SIZES {
        for bytes in [distinct(0..size).to_bytes(), set(0..size).to_bytes()] {
            // Sets keep their header in front of many sources: every cut of the front, some of the rest.
            let cuts = (0..bytes.len().min(200)).chain((200..bytes.len()).step_by(509));
            for cut in cuts {
                assert!(Sketch::from_bytes(&bytes[..cut]).is_err(), "{size} cut at {cut}");
            }
        }
    }
}

/// A sketch that somebody changed is refused, or can be worked with.
fn is_harmless(bytes: &[u8]) {
    if let Ok(sketch) = Sketch::from_bytes(bytes) {
        let whole = match &sketch {
            Sketch::Distinct(_) => Sketch::Distinct(distinct(0..5_000)),
            Sketch::Set(_) => Sketch::Set(set(0..20_000)),
        };
        let merged = sketch.merged(&whole).unwrap();
        assert!(merged.estimate().is_finite() && sketch.estimate().is_finite());
        assert!(!merged.to_bytes().is_empty());
    }
}

proptest! {
    #[test]
    fn a_changed_sketch_does_no_harm(
        size in prop::sample::select(SIZES.to_vec()),
        is_set: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        in_front: bool,
    ) {
        let size = size.min(100_000);
        let mut bytes = if is_set { set(0..size).to_bytes() } else { distinct(0..size).to_bytes() };
        let reach = if in_front { bytes.len().min(48) } else { bytes.len() };
        for (at, octet) in changes {
            let at = at.index(reach);
            bytes[at] = octet;
        }
        is_harmless(&bytes);
    }

    #[test]
    fn noise_does_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        is_harmless(&bytes);
    }
}
