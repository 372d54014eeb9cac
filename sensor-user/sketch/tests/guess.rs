//! Whoever has a stored sketch and not its key learns nothing from trying every IPv4 address.
//!
//! The tests try a part of the addresses; with `TEITEN_TEST_WHOLE_IPV4=1` all 2^32 (`cargo test --release -p sensor-sketch
//! --test guess -- --nocapture`).

use std::collections::HashSet;

use sensor_common::Address;
use sensor_sketch::{Distinct, SourceKey};

/// Sources in the stored sketch: sparse, so that it holds 32 bits of each.
const SOURCES: u32 = 1_000;

/// The seed of all DataSketches.
const SEED: u64 = 9_001;

/// How DataSketches hash a 64-bit integer: `MurmurHash3`, x64, 128 bits (Appleby), the seed 9001.
fn murmur(value: u64) -> (u64, u64) {
    let mix = |mut hash: u64| {
        hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ hash >> 33
    };
    let scrambled = value
        .wrapping_mul(0x87c3_7b91_1142_53d5)
        .rotate_left(31)
        .wrapping_mul(0x4cf5_ad43_2745_937f);
    let seed = SEED ^ 8;
    let (first, second) = (seed ^ scrambled, seed);
    let first = first.wrapping_add(second);
    let second = second.wrapping_add(first);
    let (first, second) = (mix(first), mix(second));
    let first = first.wrapping_add(second);
    (first, second.wrapping_add(first))
}

/// The 32 bits that a sparse sketch holds of a source.
fn coupon(hash: u64) -> u32 {
    let (low, high) = murmur(hash);
    #[expect(clippy::cast_possible_truncation, reason = "the lower 26 bits")]
    let slot = low as u32 & 0x03ff_ffff;
    (high.leading_zeros().min(62) + 1) << 26 | slot
}

fn stored_coupons(bytes: &[u8]) -> HashSet<u32> {
    // Twelve octets of header in front of a table of coupons.
    assert_eq!(bytes[7] & 3, 1, "a sparse sketch");
    bytes[12..]
        .as_chunks::<4>()
        .0
        .iter()
        .map(|octets| u32::from_le_bytes(*octets))
        .collect()
}

/// Addresses all over the space, each once.
fn source(number: u32) -> u32 {
    number.wrapping_mul(0x9e37_79b1)
}

struct Guessed {
    tried: u64,
    hits: u64,
    true_hits: u64,
}

/// Tries addresses under a key; `step` 1 is all of them.
fn guess(key: &SourceKey, coupons: &HashSet<u32>, sources: &HashSet<u32>, step: usize) -> Guessed {
    // Most tries end at a bit in a small table.
    let mut filter = vec![0_u64; 1 << 14];
    for coupon in coupons {
        filter[(coupon & 0xf_ffff) as usize >> 6] |= 1 << (coupon & 63);
    }
    let mut guessed = Guessed {
        tried: 0,
        hits: 0,
        true_hits: 0,
    };
    let others = (0..=u32::MAX).step_by(step);
    // Where only some are tried, the true sources are among them.
    let chosen = sources
        .iter()
        .copied()
        .filter(|source| !(*source as usize).is_multiple_of(step));
    for address in others.chain(chosen) {
        guessed.tried += 1;
        let coupon = coupon(key.hash(Address::v4(address)).0);
        if filter[(coupon & 0xf_ffff) as usize >> 6] >> (coupon & 63) & 1 == 1 && coupons.contains(&coupon) {
            guessed.hits += 1;
            guessed.true_hits += u64::from(sources.contains(&address));
        }
    }
    guessed
}

#[test]
fn coupons_are_read_as_they_were_written() {
    let key = SourceKey::new(*b"the fleet's key.");
    let mut sketch = Distinct::default();
    let mut expected = HashSet::new();
    for number in 0..SOURCES {
        let hash = key.hash(Address::v4(source(number)));
        sketch.insert(hash.coupon());
        expected.insert(coupon(hash.0));
    }
    assert_eq!(stored_coupons(&sketch.to_bytes()), expected);
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "numbers of hits are small")]
fn without_the_key_every_address_is_as_likely_as_any_other() {
    let whole = std::env::var_os("TEITEN_TEST_WHOLE_IPV4").is_some();
    let step = if whole { 1 } else { 1 << 10 };
    let fleet = SourceKey::new(*b"the fleet's key.");
    let mut sketch = Distinct::default();
    let sources: HashSet<u32> = (0..SOURCES).map(source).collect();
    for source in &sources {
        sketch.insert(fleet.hash(Address::v4(*source)).coupon());
    }
    let coupons = stored_coupons(&sketch.to_bytes());
    // The chance of each coupon: its slot, and a hash with so many leading zeros.
    let chance: f64 = coupons
        .iter()
        .map(|coupon| (-26.0 - f64::from(coupon >> 26)).exp2())
        .sum();

    let begun = std::time::Instant::now();
    let known = guess(&fleet, &coupons, &sources, step);
    println!(
        "with the key: {} addresses in {:.1} s, {} fit, {} of {SOURCES} sources among them",
        known.tried,
        begun.elapsed().as_secs_f64(),
        known.hits,
        known.true_hits
    );
    assert_eq!(
        known.true_hits,
        u64::from(SOURCES),
        "the attack works for whoever has the key"
    );

    for (name, key) in [
        ("public", SourceKey::public()),
        ("another", SourceKey::new([0x5a; 16])),
    ] {
        let begun = std::time::Instant::now();
        let guessed = guess(&key, &coupons, &sources, step);
        let expected = chance * guessed.tried as f64;
        let true_expected = chance * f64::from(SOURCES);
        println!(
            "with {name} key: {} addresses in {:.1} s, {} fit where chance has {expected:.1}, {} sources among them where \
             chance has {true_expected:.6}",
            guessed.tried,
            begun.elapsed().as_secs_f64(),
            guessed.hits,
            guessed.true_hits
        );
        assert!(
            (guessed.hits as f64 - expected).abs() <= 5.0 * expected.sqrt() + 5.0,
            "{name}: {}",
            guessed.hits
        );
        assert_eq!(guessed.true_hits, 0, "{name}");
    }
    // And where addresses are hashed without any key, as sketches mostly are, anybody can do that.
    assert!((1e-6..1e-4).contains(&chance), "{chance}");
}
