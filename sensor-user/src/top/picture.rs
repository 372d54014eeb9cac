//! What the live view reads of a snapshot: lenient, so that a view and a sensor of different versions understand
//! each other.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

/// What a sensor says of itself. A key that it does not give is empty here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Picture {
    /// The version of the form; 0 where the answer is no snapshot at all.
    pub schema: u32,
    /// The sensor's id.
    pub sensor: String,
    /// When counting began.
    pub from: Option<Timestamp>,
    /// When the totals were read.
    pub to: Option<Timestamp>,
    /// `native`, `generic` or `replay`.
    pub xdp_mode: String,
    /// Packets seen.
    pub seen: u64,
    /// Packets by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Observed packets by class.
    pub classes: BTreeMap<String, u64>,
    /// Packets by interface.
    pub interfaces: BTreeMap<String, u64>,
    /// The law of conservation.
    pub conservation: Law,
    /// By destination port.
    pub ports: Vec<PortRow>,
    /// By source region.
    pub source_regions: Vec<RegionRow>,
    /// By port and region.
    pub port_regions: Vec<PairRow>,
    /// By tool.
    pub tools: Vec<ToolRow>,
    /// Unique sources of the last hour.
    pub unique_sources: Unique,
}

/// Unique sources, where they are kept.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Unique {
    /// Of packets to watched addresses.
    pub all: Option<u64>,
}

/// The terms of the law that the view shows.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Law {
    /// 0, or a bug.
    pub difference: i64,
    /// Records lost.
    pub records_lost: u64,
    /// The packets in them.
    pub packets_lost_detail: u64,
    /// Packets to watched addresses.
    pub observed: u64,
}

/// One destination port.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PortRow {
    /// `tcp`, `udp` or `icmp`.
    pub transport: String,
    /// The port.
    pub port: u16,
    /// Packets.
    pub packets: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
    /// Unique sources, where they are kept.
    pub sources: Option<u64>,
}

/// One source region.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RegionRow {
    /// ISO 3166-1 alpha-2, `ZZ` or `XB`.
    pub source_region: String,
    /// Packets.
    pub packets: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
    /// Unique sources, where they are kept.
    pub sources: Option<u64>,
}

/// One port from one region.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PairRow {
    /// `tcp`, `udp` or `icmp`.
    pub transport: String,
    /// The port.
    pub port: u16,
    /// ISO 3166-1 alpha-2, `ZZ` or `XB`.
    pub source_region: String,
    /// Packets.
    pub packets: u64,
    /// Of those, with the Mirai mark.
    pub mirai: u64,
    /// Unique sources, where they are kept.
    pub sources: Option<u64>,
}

/// One tool.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ToolRow {
    /// Its name.
    pub tool: String,
    /// `likely` or `sure`, where the sensor tells them apart.
    pub certainty: Option<String>,
    /// Packets.
    pub packets: u64,
    /// Unique sources, where they are kept.
    pub sources: Option<u64>,
}

impl ToolRow {
    /// The name, with its certainty where that is not sure.
    pub fn label(&self) -> String {
        match self.certainty.as_deref() {
            None | Some("sure") => self.tool.clone(),
            Some(certainty) => format!("{} ({certainty})", self.tool),
        }
    }
}

impl Picture {
    /// Takes out of every text what could move a terminal's cursor: the sensor is another machine.
    pub fn printable(mut self) -> Self {
        clean(&mut self.sensor);
        clean(&mut self.xdp_mode);
        for names in [&mut self.outcomes, &mut self.classes, &mut self.interfaces] {
            *names = std::mem::take(names)
                .into_iter()
                .map(|(mut name, packets)| {
                    clean(&mut name);
                    (name, packets)
                })
                .collect();
        }
        for port in &mut self.ports {
            clean(&mut port.transport);
        }
        for region in &mut self.source_regions {
            clean(&mut region.source_region);
        }
        for pair in &mut self.port_regions {
            clean(&mut pair.transport);
            clean(&mut pair.source_region);
        }
        for tool in &mut self.tools {
            clean(&mut tool.tool);
            if let Some(certainty) = &mut tool.certainty {
                clean(certainty);
            }
        }
        self
    }
}

/// Keeps printable ASCII: every name that a sensor gives is made of it.
fn clean(text: &mut String) {
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        *text = text
            .chars()
            .map(|letter| {
                if (' '..='~').contains(&letter) {
                    letter
                } else {
                    '?'
                }
            })
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensor_of_another_version_is_understood() {
        let older: Picture = serde_json::from_str(r#"{"sensor":"a","seen":3}"#).unwrap();
        assert_eq!((older.seen, older.ports.len()), (3, 0));
        let newer: Picture = serde_json::from_str(
            r#"{"sensor":"a","planets":[1],"ports":[{"transport":"tcp","port":23,"packets":1,"colour":"red"}]}"#,
        )
        .unwrap();
        assert_eq!((newer.ports[0].port, newer.ports[0].sources), (23, None));
    }

    #[test]
    fn nothing_that_a_sensor_says_can_move_the_cursor() {
        let hostile = r#"{"sensor":"\u001b[2Jx\u202e","tools":[{"tool":"\r\nmirai"}],
            "classes":{"\u0007scan":1},"source_regions":[{"source_region":"J\u0000"}]}"#;
        let picture = serde_json::from_str::<Picture>(hostile).unwrap().printable();
        assert_eq!(picture.sensor, "?[2Jx?");
        assert_eq!(picture.tools[0].tool, "??mirai");
        assert_eq!(picture.classes.keys().next().map(String::as_str), Some("?scan"));
        assert_eq!(picture.source_regions[0].source_region, "J?");
    }
}
