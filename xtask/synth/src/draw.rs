//! Random numbers that depend on what they are for, and on nothing that was drawn before.

use fastrand::Rng;

/// A generator of its own for a thing that is named by numbers.
pub(crate) fn rng(seed: u64, parts: &[u64]) -> Rng {
    let mixed = parts
        .iter()
        .fold(mix(seed), |state, part| mix(state ^ mix(*part)));
    Rng::with_seed(mixed)
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood, 2014).
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Normally distributed, by Box and Muller.
pub(crate) fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

/// Poisson distributed with this mean: by Knuth's product of uniform numbers, above 30 by the normal distribution
/// with the same mean and variance.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and far below 2^53"
)]
pub(crate) fn poisson(rng: &mut Rng, mean: f64) -> u64 {
    if mean <= 0.0 {
        return 0;
    }
    if mean > 30.0 {
        return (mean + mean.sqrt() * normal(rng)).round().max(0.0) as u64;
    }
    let limit = (-mean).exp();
    let mut product = rng.f64();
    let mut count = 0;
    while product > limit {
        product *= rng.f64();
        count += 1;
    }
    count
}

/// Packets of the largest of the sources of `packets`, when the number of sources is the 0.6th power of the packets
/// and these share them as Zipf's law with exponent 1 says.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a made-up number"
)]
pub(crate) fn largest_source(packets: u64) -> u64 {
    if packets <= 1 {
        return packets;
    }
    let sources = (packets as f64).powf(0.6).max(1.0);
    let harmonic = sources.ln() + 0.577;
    ((packets as f64 / harmonic.max(1.0)).ceil() as u64).clamp(1, packets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn the_mean_and_the_variance_of_poisson_numbers_are_the_mean() {
        for mean in [0.05, 1.0, 12.0, 200.0] {
            let mut rng = rng(7, &[3]);
            let drawn: Vec<f64> = (0..20_000).map(|_| poisson(&mut rng, mean) as f64).collect();
            let average = drawn.iter().sum::<f64>() / 20_000.0;
            let variance = drawn.iter().map(|one| (one - average).powi(2)).sum::<f64>() / 20_000.0;
            assert!((average / mean - 1.0).abs() < 0.1, "{average} of {mean}");
            assert!((variance / mean - 1.0).abs() < 0.1, "{variance} of {mean}");
        }
    }
}
