//! The costs with live frames as people and programs read them.

use std::fmt;

use serde::Serialize;

use super::{Spread, measured::Belief, rounds::Rounds};
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
    /// Peers that were not measured.
    pub skipped: Vec<Skipped>,
    /// Bytes of the records that the daemon wrote meanwhile, of closed hours and the open one.
    pub records_bytes: u64,
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
    /// CPU time of receiving a frame that the bare program drops: generating apart.
    pub cpu_ns_drop: Spread,
    /// CPU time of receiving a frame in the whole sensor, in the kernel and in the daemon: generating apart.
    pub cpu_ns_sensor: Spread,
    /// The same the other way round.
    pub packets_a_cpu_second: f64,
    /// That, as a multiple of the best peer's whose result is packets by port and country.
    pub times_best_peer: Option<f64>,
    /// What operators use today.
    pub peers: Vec<PeerCosts>,
    /// Records that left the caches, for each packet.
    pub records_a_packet: f64,
    /// The part of the packets whose detail was lost. Losing is cheaper than keeping.
    pub lost_detail: f64,
    /// What others took of the machine meanwhile.
    #[serde(flatten)]
    pub belief: Belief,
}

/// What a frame costs in something that operators use today.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PeerCosts {
    /// Its name.
    pub name: &'static str,
    /// Whether its result is packets by port and country.
    pub reports_ports_and_countries: bool,
    /// Wall time of a frame that is sent to it.
    pub ns: Spread,
    /// The part of the frames that it took in; it lost the others.
    pub counted: f64,
    /// CPU time of receiving, for each packet that it took in: in the kernel and in its processes, generating apart.
    pub cpu_ns: Spread,
    /// The same the other way round.
    pub packets_a_cpu_second: f64,
}

/// A peer, or a reader of captures, that was not measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// The measurements of a peer.
pub(super) struct PeerRounds {
    pub(super) name: &'static str,
    pub(super) reports_ports_and_countries: bool,
    pub(super) rounds: Rounds,
    /// Packets that it took in, of so many.
    pub(super) counted: u64,
    pub(super) sent: u64,
}

impl PeerRounds {
    fn costs(&self, generator: f64) -> PeerCosts {
        let counted = part(self.counted, self.sent);
        let cpu_ns = received(&self.rounds, generator).times(1.0 / counted);
        PeerCosts {
            name: self.name,
            reports_ports_and_countries: self.reports_ports_and_countries,
            ns: Spread::of(&self.rounds.wall_ns),
            counted,
            cpu_ns,
            packets_a_cpu_second: 1e9 / cpu_ns.median,
        }
    }
}

/// CPU time of receiving a frame: all of it but what generating takes.
fn received(rounds: &Rounds, generator: f64) -> Spread {
    let without: Vec<f64> = rounds.cpu_ns.iter().map(|ns| ns - generator).collect();
    Spread::of(&without)
}

impl ProfileCosts {
    /// From the measurements of bare drop, generator and sensor, and the daemon's totals before and after.
    pub(super) fn new(
        profile: Profile,
        [drop, generator, sensor]: [&Rounds; 3],
        peers: &[PeerRounds],
        belief: Belief,
        (before, after): (&Snapshot, &Snapshot),
    ) -> Self {
        let rates = drop.wall_ns.iter().zip(&sensor.wall_ns);
        let ratios: Vec<f64> = rates.map(|(drop, sensor)| drop / sensor).collect();
        let ratio_spread = Spread::of(&ratios);
        let generating = Spread::of(&generator.cpu_ns).median;
        let [drop_spread, generator_spread, sensor_spread] =
            [drop, generator, sensor].map(|side| Spread::of(&side.wall_ns));
        let (ns_drop, ns_generator, ns_sensor) =
            (drop_spread.median, generator_spread.median, sensor_spread.median);
        let cpu_ns_sensor = received(sensor, generating);
        let peers: Vec<PeerCosts> = peers.iter().map(|peer| peer.costs(generating)).collect();
        let best = peers
            .iter()
            .filter(|peer| peer.reports_ports_and_countries)
            .map(|peer| peer.packets_a_cpu_second)
            .reduce(f64::max);
        let packets_a_cpu_second = 1e9 / cpu_ns_sensor.median;
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
            cpu_ns_drop: received(drop, generating),
            cpu_ns_sensor,
            packets_a_cpu_second,
            times_best_peer: best.map(|best| packets_a_cpu_second / best),
            peers,
            records_a_packet: part(records, packets),
            lost_detail: part(lost, packets),
            belief,
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
        self.profiles.iter().all(|profile| profile.belief.believable)
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
                "{:<12} {:>21.1} {:>21.1} {:>21.1} {:>6.3} {:>6.2} {:>7.3} {:>6.3}",
                profile.profile,
                profile.drop_spread,
                profile.generator_spread,
                profile.sensor_spread,
                profile.ratio,
                profile.net,
                profile.records_a_packet,
                profile.lost_detail
            )?;
        }
        if self.profiles.iter().any(|profile| !profile.peers.is_empty()) {
            writeln!(
                f,
                "CPU time of receiving a packet that was taken in, ns: median [least–greatest]"
            )?;
        }
        for profile in self.profiles.iter().filter(|profile| !profile.peers.is_empty()) {
            writeln!(
                f,
                "{:<12} {:<16} {:>24.0}",
                profile.profile, "sensor", profile.cpu_ns_sensor
            )?;
            for peer in &profile.peers {
                writeln!(
                    f,
                    "{:<12} {:<16} {:>24.0}, {:.1} times the sensor's; took in {:.1} %",
                    "",
                    peer.name,
                    peer.cpu_ns,
                    profile.packets_a_cpu_second / peer.packets_a_cpu_second,
                    peer.counted * 100.0
                )?;
            }
        }
        for Skipped { name, reason } in &self.skipped {
            writeln!(f, "{name} was not measured: {reason}")?;
        }
        for profile in self.profiles.iter().filter(|profile| !profile.belief.believable) {
            write!(f, "{}: {}", profile.profile, profile.belief)?;
        }
        write!(
            f,
            "ratio: rate with the sensor to rate with bare drop. net: (sensor − generator) / (drop − generator). \
             records: for each packet. lost: the part of packets whose detail was lost."
        )
    }
}
