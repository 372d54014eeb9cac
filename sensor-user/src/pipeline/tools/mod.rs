//! Packets by tool, and how sure it is: *likely* by what a packet shows, *sure* by what its source shows.
//!
//! Counters are never changed in hindsight: a record is counted as sure when its source, with this record, has shown
//! enough; what came before stays likely. Sources are remembered in a table of fixed size. Those that have proven themselves
//! have one of their own, so that a flood of forged sources with a mark crowds out others that have shown as little, and what
//! it crowds out is counted.

pub mod evidence;
pub mod generations;
pub mod instances;

use sensor_common::{
    Address, Family, ToolSet,
    record::{FlowKind, Record},
    tool::{Certainty, Proof, Tool},
};

use self::{
    evidence::Evidence,
    generations::Generations,
    instances::{Hour, Instances},
};
use super::cells::HOUR;

/// Pairs of source and tool in one generation of a table: as many as 65,536 buckets hold.
const ROOM: usize = 7 << 13;

/// A source and a tool whose mark it showed.
type Key = (Address, Tool);

/// What is known of tools at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolTotals {
    /// Packets by tool, in the order of [`Tool::ALL`], and by certainty, in that of [`Certainty::ALL`].
    pub packets: [[u64; Certainty::ALL.len()]; Tool::COUNT],
    /// Packets that had all signs of a tool, and not the number that it computes.
    pub near_misses: [u64; Tool::COUNT],
    /// The table of sources.
    pub sources: SourceTable,
    /// Mirai processes of the open hour.
    pub instances: Instances,
    /// Those of the hour before.
    pub instances_before: Instances,
}

/// How full the table of sources is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceTable {
    /// Pairs of source and tool that have shown too little, or something against it.
    pub likely: u64,
    /// Pairs that have shown enough.
    pub sure: u64,
    /// Pairs that were forgotten for want of room.
    pub crowded_out: u64,
}

impl ToolTotals {
    /// Packets with a tool's mark, as sure as `certainty`.
    #[must_use]
    pub const fn of(&self, tool: Tool, certainty: Certainty) -> u64 {
        self.packets[tool as usize][certainty as usize]
    }

    /// All packets with a tool's mark.
    #[must_use]
    pub fn all_of(&self, tool: Tool) -> u64 {
        self.packets[tool as usize].iter().sum()
    }

    /// The certainties that packets of a tool can have.
    pub fn certainties(tool: Tool) -> impl Iterator<Item = Certainty> {
        let proof = tool.rule().proof();
        Certainty::ALL.into_iter().filter(move |certainty| match proof {
            Proof::Packet => *certainty == Certainty::Sure,
            Proof::Never => *certainty == Certainty::Likely,
            Proof::Source => true,
        })
    }
}

/// Counts packets by tool.
pub struct Tools {
    packets: [[u64; Certainty::ALL.len()]; Tool::COUNT],
    near_misses: [u64; Tool::COUNT],
    likely: Generations<Key, Evidence>,
    sure: Generations<Key, Evidence>,
    hour: Option<i64>,
    instances: Hour,
    instances_before: Instances,
}

impl Default for Tools {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

impl Tools {
    fn with_room(room: usize) -> Self {
        Self {
            packets: Default::default(),
            near_misses: Default::default(),
            likely: Generations::new(room),
            sure: Generations::new(room),
            hour: None,
            instances: Hour::default(),
            instances_before: Instances::default(),
        }
    }

    /// Takes in a record; `seconds` is when its packets came, since 1970. Gives the marks that are sure.
    pub fn add(&mut self, record: &Record, kind: &FlowKind, seconds: i64) -> ToolSet {
        let mut sure = ToolSet::NONE;
        if kind.tools == ToolSet::NONE {
            return sure;
        }
        self.turn_to(seconds);
        let (source, packets) = (record.key.source, u64::from(record.packets));
        if let Some(tool) = kind.tools.near_miss() {
            self.near_misses[tool as usize] += packets;
            self.refute((source, tool));
        }
        for tool in kind.tools.tools() {
            let certainty = match tool.rule().proof() {
                Proof::Packet => Certainty::Sure,
                Proof::Never => Certainty::Likely,
                Proof::Source => self.judge((source, tool), kind.port, record),
            };
            self.packets[tool as usize][certainty as usize] += packets;
            if certainty == Certainty::Sure {
                sure = sure.union(tool.mark());
            }
        }
        if kind.tools.contains(ToolSet::MIRAI) && kind.family == Family::Ipv4 {
            self.instances.add(source, record);
        }
        sure
    }

    /// How sure the mark is, with this record.
    fn judge(&mut self, key: Key, port: u16, record: &Record) -> Certainty {
        let tool = key.1;
        if let Some(evidence) = self.sure.get(key) {
            evidence.add(tool, port, record);
            if evidence.is_proof(tool) {
                return Certainty::Sure;
            }
            // Another scan of the same source: it has to show itself anew.
            let evidence = *evidence;
            self.sure.remove(key);
            self.likely.insert(key, evidence);
            return Certainty::Likely;
        }
        if let Some(evidence) = self.likely.get(key) {
            evidence.add(tool, port, record);
            if !evidence.is_proof(tool) {
                return Certainty::Likely;
            }
            let evidence = *evidence;
            self.likely.remove(key);
            self.sure.insert(key, evidence);
            return Certainty::Sure;
        }
        let mut evidence = Evidence::default();
        evidence.add(tool, port, record);
        if evidence.is_proof(tool) {
            self.sure.insert(key, evidence);
            return Certainty::Sure;
        }
        self.likely.insert(key, evidence);
        Certainty::Likely
    }

    /// Notes that a source sent what the tool does not send. Of sources that showed no mark nothing is kept: they are many.
    fn refute(&mut self, key: Key) {
        if let Some(mut evidence) = self.sure.remove(key) {
            evidence.refute();
            self.likely.insert(key, evidence);
        } else if let Some(evidence) = self.likely.get(key) {
            evidence.refute();
        }
    }

    /// Forgets at each new hour what was not shown for one. A record of an earlier hour is late, and counts now.
    fn turn_to(&mut self, seconds: i64) {
        let hour = seconds - seconds.rem_euclid(HOUR);
        let Some(hour_before) = self.hour.replace(self.hour.map_or(hour, |open| open.max(hour))) else {
            return;
        };
        // After two turns there is nothing left to forget.
        for _ in 0..(hour.saturating_sub(hour_before) / HOUR).min(2) {
            self.likely.turn();
            self.sure.turn();
            self.instances_before = self.instances.instances();
            self.instances.clear();
        }
    }

    /// What is known.
    #[must_use]
    pub fn totals(&self) -> ToolTotals {
        ToolTotals {
            packets: self.packets,
            near_misses: self.near_misses,
            sources: SourceTable {
                likely: self.likely.known() as u64,
                sure: self.sure.known() as u64,
                crowded_out: self.likely.crowded_out() + self.sure.crowded_out(),
            },
            instances: self.instances.instances(),
            instances_before: self.instances_before,
        }
    }
}

#[cfg(test)]
mod tests;
