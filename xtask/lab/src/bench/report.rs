//! The costs with live frames as people and programs read them.

use std::fmt;

use serde::Serialize;

use super::{LoadOfOthers, Spread};
use crate::{daemon::Snapshot, live::Profile};

/// What was measured with live frames.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiveCosts {
    /// Measurements of each.
    pub rounds: usize,
    /// Frames of each measurement.
    pub frames: u64,
    /// CPUs that generated them.
    pub cpus: usize,
    /// By profile.
    pub profiles: Vec<ProfileCosts>,
}

/// What a frame of one profile costs. Nanoseconds of wall time; with several CPUs, over the frames of all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProfileCosts {
    /// The profile's name.
    pub profile: &'static str,
    /// The rate with the sensor as a part of the rate with bare drop: the median of the rounds' ratios.
    pub ratio: f64,
    /// The median of a frame that the bare program drops.
    pub ns_drop: f64,
    /// The median of a frame that is generated and goes nowhere.
    pub ns_generator: f64,
    /// The median of a frame that the whole sensor counts.
    pub ns_sensor: f64,
    /// `(sensor − generator) / (drop − generator)`: the cost of receiving alone, as a multiple of bare drop's.
    pub net: f64,
    /// `sensor − drop`.
    pub ns_extra: f64,
    /// Of the ratios.
    pub ratio_spread: Spread,
    /// Of the measurements of each.
    pub drop_spread: Spread,
    /// See [`Self::drop_spread`].
    pub generator_spread: Spread,
    /// See [`Self::drop_spread`].
    pub sensor_spread: Spread,
    /// Records that left the caches, for each packet.
    pub records_a_packet: f64,
    /// The part of the packets whose detail was lost. Losing is cheaper than keeping.
    pub lost_detail: f64,
    /// What others took of the machine meanwhile.
    pub others: LoadOfOthers,
    /// Whether that was little enough to believe the figures.
    pub believable: bool,
}

/// The measurements in nanoseconds a frame, by round.
#[derive(Clone, Debug, Default)]
pub(super) struct Sides {
    pub(super) drop: Vec<f64>,
    pub(super) generator: Vec<f64>,
    pub(super) sensor: Vec<f64>,
}

impl ProfileCosts {
    /// From the measurements, and the daemon's totals before and after.
    pub(super) fn new(
        profile: Profile,
        sides: &Sides,
        others: LoadOfOthers,
        before: &Snapshot,
        after: &Snapshot,
    ) -> Self {
        let ratios: Vec<f64> = sides
            .drop
            .iter()
            .zip(&sides.sensor)
            .map(|(drop, sensor)| drop / sensor)
            .collect();
        let ratio_spread = Spread::of(&ratios);
        let drop_spread = Spread::of(&sides.drop);
        let generator_spread = Spread::of(&sides.generator);
        let sensor_spread = Spread::of(&sides.sensor);
        let (ns_drop, ns_generator, ns_sensor) =
            (drop_spread.median, generator_spread.median, sensor_spread.median);
        let (old, new) = (&before.conservation, &after.conservation);
        let packets = after.seen - before.seen;
        let records = new.records + new.records_lost - old.records - old.records_lost;
        let lost = new.lost_ring + new.lost_queue - old.lost_ring - old.lost_queue;
        Self {
            profile: profile.name(),
            ratio: ratio_spread.median,
            ns_drop,
            ns_generator,
            ns_sensor,
            net: (ns_sensor - ns_generator) / (ns_drop - ns_generator),
            ns_extra: ns_sensor - ns_drop,
            ratio_spread,
            drop_spread,
            generator_spread,
            sensor_spread,
            records_a_packet: part(records, packets),
            lost_detail: part(lost, packets),
            others,
            believable: !others.is_too_high(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn part(of: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { of as f64 / whole as f64 }
}

impl LiveCosts {
    /// Whether the machine was quiet enough to believe every figure.
    #[must_use]
    pub fn believable(&self) -> bool {
        self.profiles.iter().all(|profile| profile.believable)
    }
}

impl fmt::Display for LiveCosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} rounds of {} frames from {} CPU(s); ns a frame: median [least–greatest]",
            self.rounds, self.frames, self.cpus
        )?;
        writeln!(
            f,
            "{:<12} {:>21} {:>21} {:>21} {:>6} {:>6} {:>7} {:>6}",
            "profile", "bare drop", "generator alone", "sensor", "ratio", "net", "records", "lost"
        )?;
        for profile in &self.profiles {
            writeln!(
                f,
                "{:<12} {:>21} {:>21} {:>21} {:>6.3} {:>6.2} {:>7.3} {:>6.3}",
                profile.profile,
                cell(profile.drop_spread),
                cell(profile.generator_spread),
                cell(profile.sensor_spread),
                profile.ratio,
                profile.net,
                profile.records_a_packet,
                profile.lost_detail
            )?;
        }
        for profile in self.profiles.iter().filter(|profile| !profile.believable) {
            writeln!(
                f,
                "{}: the machine was too busy to believe this: others took {:.2} CPUs, the hypervisor {:.2}, and the \
                 load average was {:.2} before",
                profile.profile,
                profile.others.foreign_cpus,
                profile.others.stolen_cpus,
                profile.others.load_average
            )?;
        }
        write!(
            f,
            "ratio: rate with the sensor to rate with bare drop. net: (sensor − generator) / (drop − generator). \
             records: for each packet. lost: the part of packets whose detail was lost."
        )
    }
}

fn cell(spread: Spread) -> String {
    format!("{:.1} [{:.1}–{:.1}]", spread.median, spread.least, spread.most)
}
