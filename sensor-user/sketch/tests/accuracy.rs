//! How far estimates are off, over many keys: never merged, merged over sensors and hours, and as a difference of sets.
//!
//! The fast tier takes few keys and few sources; `cargo xtask test --full` 100 keys and up to a million sources.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "in a test the panic is the report, and numbers of sources are small"
)]

use sensor_common::Address;
use sensor_sketch::{
    Distinct, HIP_STANDARD_ERROR, MERGED_STANDARD_ERROR, OpenSet, SET_LG_K, SourceKey, SourceSet,
};

/// Sensors and hours over which sources are spread.
const PARTS: usize = 24;
/// Hours of each sensor.
const HOURS: usize = 6;

struct Effort {
    keys: u64,
    sizes: Vec<u32>,
}

fn effort() -> Effort {
    let sizes = vec![
        100, 316, 1_000, 3_162, 10_000, 31_623, 100_000, 316_228, 1_000_000,
    ];
    if std::env::var_os("TEITEN_TEST_FULL").is_some() {
        Effort { keys: 100, sizes }
    } else {
        let sizes = sizes.into_iter().filter(|size| *size <= 31_623).collect();
        Effort { keys: 12, sizes }
    }
}

fn key(number: u64) -> SourceKey {
    SourceKey::new((u128::from(number) << 64 | 0x7465_6974_656e).to_be_bytes())
}

/// The errors at one number of sources, in standard errors of the theory.
struct Errors {
    what: &'static str,
    sources: u32,
    /// One standard error, in sources; 0 where the estimate has to be exact.
    theory: f64,
    off: Vec<f64>,
}

impl Errors {
    /// Prints the figures, and holds them to the promise. A mean over few keys is itself uncertain: by 7 parts of 100
    /// over 100 keys, by 20 over 12.
    fn judge(&self) {
        let square = self.off.iter().map(|error| error * error).sum::<f64>() / self.off.len() as f64;
        let (rmse, worst) = (
            square.sqrt(),
            self.off
                .iter()
                .fold(0.0, |worst: f64, error| worst.max(error.abs())),
        );
        println!(
            "{:<28} {:>9} sources: RMSE {:.4} %, theory {:.4} %, ratio {:.3}, worst {:.2} standard errors",
            self.what,
            self.sources,
            100.0 * rmse / f64::from(self.sources),
            100.0 * self.theory / f64::from(self.sources),
            rmse / self.theory.max(f64::MIN_POSITIVE),
            worst / self.theory.max(f64::MIN_POSITIVE),
        );
        let slack = if self.off.len() >= 100 { 1.1 } else { 1.5 };
        assert!(
            rmse <= slack * self.theory + 1e-6,
            "{} of {}",
            self.what,
            self.sources
        );
        assert!(
            worst <= 4.0 * self.theory + 1e-6,
            "{} of {}",
            self.what,
            self.sources
        );
    }
}

#[test]
fn a_count_that_was_never_merged_is_as_good_as_its_theory() {
    let Effort { keys, sizes } = effort();
    let mut errors: Vec<Errors> = sizes
        .iter()
        .map(|size| Errors {
            what: "never merged",
            sources: *size,
            theory: HIP_STANDARD_ERROR * f64::from(*size),
            off: Vec::new(),
        })
        .collect();
    for number in 0..keys {
        let (key, mut count, mut next) = (key(number), Distinct::default(), 0);
        for (size, errors) in sizes.iter().zip(&mut errors) {
            for source in next..*size {
                count.insert(key.hash(Address::v4(source)).coupon());
            }
            next = *size;
            errors.off.push(count.estimate() - f64::from(*size));
        }
    }
    errors.iter().for_each(Errors::judge);
}

/// The parts in which a source is seen: one for sure, and two others one time in four.
fn parts_of(source: u32) -> impl Iterator<Item = usize> {
    let mixed = u64::from(source).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let part = |shift: u32| usize::try_from(mixed >> shift).unwrap() % PARTS;
    let more = if mixed.is_multiple_of(4) { 3 } else { 1 };
    [part(2), part(9), part(17)].into_iter().take(more)
}

#[test]
fn counts_merged_over_sensors_and_hours_are_as_good_as_their_theory() {
    let Effort { keys, sizes } = effort();
    for size in sizes {
        let mut errors = Vec::new();
        for number in 0..keys {
            let (key, mut parts) = (key(number), vec![Distinct::default(); PARTS]);
            for source in 0..size {
                let coupon = key.hash(Address::v4(source)).coupon();
                for part in parts_of(source) {
                    parts[part].insert(coupon);
                }
            }
            // As reports do: from bytes, hours of each sensor first.
            let sensors: Vec<Distinct> = parts
                .chunks(HOURS)
                .map(|hours| {
                    let hours: Vec<Distinct> = hours
                        .iter()
                        .map(|hour| Distinct::from_bytes(&hour.to_bytes()).unwrap())
                        .collect();
                    Distinct::union(&hours)
                })
                .collect();
            errors.push(Distinct::union(&sensors).estimate() - f64::from(size));
        }
        Errors {
            what: "merged, 4 sensors, 6 hours",
            sources: size,
            theory: MERGED_STANDARD_ERROR * f64::from(size),
            off: errors,
        }
        .judge();
    }
}

#[test]
fn a_difference_of_sets_is_as_good_as_its_theory() {
    let Effort { keys, sizes } = effort();
    for size in sizes {
        let mut errors = Vec::new();
        // A third of the sources has the mark, and as many others that are not in the first set.
        let (marked_from, marked_to) = (size - size / 3, size + size / 3);
        let expected = f64::from(marked_from);
        for number in 0..keys {
            let key = key(number);
            let mut parts: Vec<(OpenSet, OpenSet)> = (0..HOURS)
                .map(|_| (OpenSet::default(), OpenSet::default()))
                .collect();
            for source in 0..marked_to {
                let hash = key.hash(Address::v4(source));
                for part in parts_of(source).map(|part| part % HOURS) {
                    if source < size {
                        parts[part].0.insert(hash);
                    }
                    if source >= marked_from {
                        parts[part].1.insert(hash);
                    }
                }
            }
            let read = |set: &OpenSet| SourceSet::from_bytes(&set.close().to_bytes()).unwrap();
            let all: Vec<SourceSet> = parts.iter().map(|(all, _)| read(all)).collect();
            let marked: Vec<SourceSet> = parts.iter().map(|(_, marked)| read(marked)).collect();
            let difference = SourceSet::union(&all).without(&SourceSet::union(&marked));
            errors.push(difference.estimate() - expected);
        }
        // Of each source the smaller of both samples' fractions is kept; so many of those that are in the difference.
        let theta = (f64::from(1 << SET_LG_K) / f64::from(size)).min(1.0);
        Errors {
            what: "difference, 6 parts",
            sources: marked_from,
            theory: (expected * (1.0 - theta) / theta).sqrt(),
            off: errors,
        }
        .judge();
    }
}
