//! The generator: draws a frame, writes it, and notes what it is.

use std::net::{Ipv4Addr, Ipv6Addr};

use fastrand::Rng;
use sensor_common::Outcome;

use super::{
    Plan, ScenarioError, Truth,
    addresses::{Destinations, Sources},
    mix::{ATTACKED_PORTS, Draw, IPV6_PORTS, Kind, MIRAI_PORTS, MIX, SCAN_PORTS},
    templates::Templates,
};

/// A plan being carried out: frame after frame, and what they were.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(super) rng: Rng,
    packets: u64,
    pub(super) draws: Draws,
    pub(super) senders: Senders,
    pub(super) destinations: Destinations,
    surge: Option<Wave>,
    pub(super) templates: Templates,
    pub(super) truth: Truth,
}

#[derive(Clone, Debug)]
pub(super) struct Draws {
    pub(super) kinds: Draw<Kind>,
    pub(super) mirai_ports: Draw<u16>,
    pub(super) scan_ports: Draw<u16>,
    pub(super) ipv6_ports: Draw<u16>,
    pub(super) attacked_ports: Draw<u16>,
}

/// Each kind of traffic has senders of its own.
#[derive(Clone, Debug)]
pub(super) struct Senders {
    pub(super) bots: Sources,
    pub(super) scanners: Sources,
    pub(super) any_port: Sources,
    pub(super) udp: Sources,
    pub(super) victims: Sources,
    pub(super) pinging: Sources,
    pub(super) others: Sources,
}

/// The surge, ready to be sent.
#[derive(Clone, Debug)]
struct Wave {
    from: u64,
    share: f64,
    port: u16,
    bots: Sources,
}

impl Scenario {
    /// Draws sources and makes templates.
    ///
    /// # Errors
    /// When the plan cannot be carried out: see [`ScenarioError`].
    pub fn new(plan: &Plan) -> Result<Self, ScenarioError> {
        let surge_place = plan.check()?;
        let destinations = Destinations::new(&plan.watched)?;
        let mut rng = Rng::with_seed(plan.seed);
        let senders = Senders::new(&mut rng, plan);
        let surge = plan.surge.as_ref().zip(surge_place).map(|(surge, place)| Wave {
            from: plan.packets / 2,
            share: surge.share,
            port: surge.port,
            bots: Sources::of_region(
                &mut rng,
                surge.sources,
                place,
                &plan.regions[usize::from(place)].ranges,
            ),
        });
        let dark = Ipv4Addr::from_bits(destinations.watched(&mut rng));
        let dark_v6 = destinations.watched_v6(&mut rng).map(Ipv6Addr::from_bits);
        Ok(Self {
            rng,
            packets: plan.packets,
            draws: Draws {
                kinds: Draw::new(MIX),
                mirai_ports: Draw::new(MIRAI_PORTS),
                scan_ports: Draw::new(SCAN_PORTS),
                ipv6_ports: Draw::new(IPV6_PORTS),
                attacked_ports: Draw::new(ATTACKED_PORTS),
            },
            senders,
            destinations,
            surge,
            templates: Templates::new(dark, dark_v6),
            truth: Truth::new(plan.regions.iter().map(|pool| pool.region.as_str())),
        })
    }

    /// What was made so far. A clone taken half-way tells the two halves apart.
    #[must_use]
    pub const fn truth(&self) -> &Truth {
        &self.truth
    }

    /// How many frames are still to come.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.packets - self.truth.frames
    }

    /// Writes the next frame over `buffer`; `false` when there is none and the buffer is as it was.
    pub fn next_into(&mut self, buffer: &mut Vec<u8>) -> bool {
        if self.remaining() == 0 {
            return false;
        }
        if let Some(wave) = &self.surge
            && self.truth.frames >= wave.from
            && self.rng.f64() < wave.share
        {
            let source = wave.bots.next_evenly(&mut self.rng);
            let port = wave.port;
            self.mirai(source, port, buffer);
        } else {
            let kind = self.draws.kinds.next(&mut self.rng);
            self.write(kind, buffer);
        }
        true
    }

    fn write(&mut self, kind: Kind, buffer: &mut Vec<u8>) {
        match kind {
            Kind::Mirai => {
                let source = self.senders.bots.next(&mut self.rng);
                let port = self.draws.mirai_ports.next(&mut self.rng);
                self.mirai(source, port, buffer);
            }
            Kind::Scan => {
                let source = self.senders.scanners.next(&mut self.rng);
                let port = self.draws.scan_ports.next(&mut self.rng);
                self.scan(source, port, buffer);
            }
            Kind::ScanAnyPort => {
                let source = self.senders.any_port.next(&mut self.rng);
                let port = self.rng.u16(..);
                self.scan(source, port, buffer);
            }
            Kind::Sip | Kind::Dns | Kind::Ntp | Kind::Ssdp | Kind::Memcached => self.udp_probe(kind, buffer),
            Kind::SynAck | Kind::Rst | Kind::RstAck => self.tcp_answer(kind, buffer),
            Kind::DnsAnswer => self.dns_answer(buffer),
            Kind::Unreachable => self.unreachable(buffer),
            Kind::Echo => self.echo(buffer),
            Kind::Ipv6Scan | Kind::Ipv6Echo => self.over_ipv6(kind, buffer),
            Kind::Fragment | Kind::Gre => self.without_ports(kind, buffer),
            Kind::NotWatched => self.not_watched(buffer),
            Kind::Arp => {
                copy(&self.templates.arp, buffer);
                self.truth.add_unobserved(Outcome::NotIp);
            }
            Kind::Lldp => {
                copy(&self.templates.lldp, buffer);
                self.truth.add_unobserved(Outcome::NotIp);
            }
            Kind::Broken => {
                let (outcome, frame) = &self.templates.broken[self.rng.usize(..self.templates.broken.len())];
                copy(frame, buffer);
                self.truth.add_unobserved(*outcome);
            }
        }
    }
}

impl Senders {
    /// Divides the plan's sources among the kinds of traffic, in hundredths.
    fn new(rng: &mut Rng, plan: &Plan) -> Self {
        let mut hundredths = |part: usize| Sources::new(rng, plan.sources * part / 100, &plan.regions);
        Self {
            bots: hundredths(40),
            scanners: hundredths(20),
            any_port: hundredths(3),
            udp: hundredths(10),
            victims: hundredths(5),
            pinging: hundredths(12),
            others: hundredths(10),
        }
    }
}

fn copy(frame: &[u8], buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.extend_from_slice(frame);
}
