//! The exact totals: what the kernel, or a replay in its place, counted.

use sensor_common::{
    Class, Family, Observation, Outcome, ToolSet, Transport,
    counters::{ICMP_TYPE_COUNT, PORT_COUNT, PROTOCOL_COUNT, PortCounters, icmp_slot},
};

/// The exact totals at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelTotals {
    /// Packets by [`Outcome`].
    pub outcomes: Vec<u64>,
    /// Observed packets by [`Class`], in the order of [`Class::ALL`].
    pub classes: [u64; Class::ALL.len()],
    /// Observed ICMP and ICMPv6 messages by [`icmp_slot`].
    pub icmp_types: Vec<u64>,
    /// Packets of other transports and later fragments by IP protocol number.
    pub protocols: Vec<u64>,
    /// Packets seen by interface, by name.
    pub interfaces: Vec<(String, u64)>,
    /// By destination port.
    pub ports: Vec<PortCounters>,
    /// What did not reach user space as detail.
    pub losses: LossTotals,
}

/// Detail that the kernel could not hand over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LossTotals {
    /// Records that the ring had no room for.
    pub lost_records: u64,
    /// Packets in them.
    pub lost_packets: u64,
    /// Packets that came while their CPU was flushed. They are not lost: each left as a record of its own.
    pub bypassed_packets: u64,
    /// Markers that could not be sent.
    pub markers_missed: u64,
}

impl KernelTotals {
    /// Nothing counted yet.
    #[must_use]
    pub fn zero() -> Self {
        Self {
            outcomes: vec![0; Outcome::COUNT],
            classes: [0; Class::ALL.len()],
            icmp_types: vec![0; ICMP_TYPE_COUNT],
            protocols: vec![0; PROTOCOL_COUNT],
            interfaces: Vec::new(),
            ports: vec![PortCounters::default(); PORT_COUNT],
            losses: LossTotals::default(),
        }
    }

    /// Every packet that the program saw.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Packets of one outcome.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// Packets to watched addresses.
    #[must_use]
    pub fn observed(&self) -> u64 {
        Outcome::ALL
            .into_iter()
            .filter(|outcome| outcome.is_observed())
            .map(|outcome| self.outcome(outcome))
            .sum()
    }

    /// Observed packets as the other totals have them: Σ ports + ICMP + other transports. At rest this is
    /// [`observed`](Self::observed); the maps cannot be read in one instant, so under traffic it may differ.
    #[must_use]
    pub fn observed_by_kind(&self) -> u64 {
        let ports: u64 = self.ports.iter().map(|port| port.tcp + port.udp).sum();
        let icmp: u64 = self.icmp_types.iter().sum();
        let others: u64 = self.protocols.iter().sum();
        ports + icmp + others
    }

    /// Echo requests of both ICMP versions: what rankings call `0/icmp`.
    #[must_use]
    pub fn echo_requests(&self) -> u64 {
        let slots = [icmp_slot(8, Family::Ipv4), icmp_slot(128, Family::Ipv6)];
        slots.iter().map(|slot| self.icmp_types[*slot as usize]).sum()
    }

    /// Counts a packet as the kernel does: for packets that do not come through it.
    pub fn count(&mut self, result: Result<&Observation, Outcome>) {
        let observation = match result {
            Err(outcome) => {
                self.outcomes[outcome as usize] += 1;
                return;
            }
            Ok(observation) => observation,
        };
        self.outcomes[observation.outcome() as usize] += 1;
        self.classes[observation.class as usize - 1] += 1;
        let port = &mut self.ports[usize::from(observation.destination_port)];
        match observation.transport {
            Transport::Tcp => {
                port.tcp += 1;
                if observation.class == Class::Scan {
                    port.syn += 1;
                    port.mirai += u64::from(observation.tools.contains(ToolSet::MIRAI));
                }
            }
            Transport::Udp => port.udp += 1,
            Transport::Icmp | Transport::Icmpv6 => {
                let [kind, _] = observation.icmp.to_be_bytes();
                self.icmp_types[icmp_slot(kind, observation.family) as usize] += 1;
            }
            Transport::Other | Transport::Fragment => self.protocols[usize::from(observation.protocol)] += 1,
        }
    }
}
