//! What a source has shown of a tool so far.

use sensor_common::{
    record::Record,
    tool::{PROOF_PROBES, Signature, Tool},
};

/// What the packets of one source with one tool's mark have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Classes of destinations: see [`sensor_common::record::destination_bit`].
    destinations: u64,
    signature: u32,
    /// The first service ports that were asked for, each once.
    ports: [u16; PROOF_PROBES as usize],
    known_ports: u8,
    /// Packets, up to as many as are asked for.
    packets: u8,
    /// A packet had all signs of the tool, and not its number.
    refuted: bool,
}

impl Evidence {
    /// Takes in a record of packets that have the mark, to `port`.
    pub fn add(&mut self, tool: Tool, port: u16, record: &Record) {
        if tool.rule().signature != Signature::None && record.peer_ports != self.signature {
            // Another scan, or a stranger: what was shown before says nothing of it.
            *self = Self {
                signature: record.peer_ports,
                refuted: self.refuted,
                ..Self::default()
            };
        }
        let packets = u32::from(self.packets).saturating_add(record.packets);
        self.packets = u8::try_from(packets).unwrap_or(u8::MAX);
        self.destinations |= record.destinations;
        let known = &self.ports[..usize::from(self.known_ports)];
        if known.len() < self.ports.len() && !known.contains(&port) {
            self.ports[known.len()] = port;
            self.known_ports += 1;
        }
    }

    /// A packet has spoken against the tool.
    pub fn refute(&mut self) {
        self.refuted = true;
    }

    /// Whether it is enough.
    #[must_use]
    pub fn is_proof(&self, tool: Tool) -> bool {
        let shown = match tool.rule().signature {
            Signature::None => self.packets,
            // A packet that is sent again has the same signature whoever sends it: only different probes count.
            _ => self.probes(),
        };
        !self.refuted && shown >= PROOF_PROBES
    }

    /// The least number of different probes that there were.
    fn probes(&self) -> u8 {
        let destinations = u8::try_from(self.destinations.count_ones()).unwrap_or(u8::MAX);
        destinations.max(self.known_ports)
    }
}
