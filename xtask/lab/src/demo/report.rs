//! What the demo came to, as people and as programs read it.

use std::{collections::BTreeMap, fmt, time::Duration};

use indicatif::HumanCount;
use serde_json::{Map, Value, json};

use super::{
    alerts::Heard,
    compare::{Both, Comparison, Row, Section},
    live,
    port::Marked,
    sources::Sources,
    traffic::{SURGE_PORT, SURGE_REGION},
};
use crate::daemon::Law;

/// The version of the JSON form. Keys are added, never renamed.
const SCHEMA: u32 = 1;
/// Rows of a section that stand for themselves; the check is over all of them.
const SHOWN_ROWS: usize = 25;
/// The same in sections that repeat ports and regions for a part of the packets.
const SHOWN_ROWS_OF_PARTS: usize = 10;
/// Rows that differ and are named, before all others.
const NAMED_ROWS: usize = 40;

/// What the demo came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was drawn.
    pub seed: u64,
    /// Native or generic.
    pub xdp_mode: String,
    /// How long the scenario took to be sent.
    pub sending: Duration,
    /// How many frames it had.
    pub scenario_frames: u64,
    /// Frames that arrived at the sensor's end, by its driver.
    pub arrived: u64,
    /// Both sides of everything.
    pub comparison: Comparison,
    /// Unique sources as sent and as estimated.
    pub sources: Sources,
    /// The law of conservation at rest.
    pub law: Law,
    /// The metrics beside the snapshot.
    pub metrics: Section,
    /// The real scanners.
    pub scanners: Vec<ScannerReport>,
    /// Packets with a tool's mark that are sure, by its name.
    pub sure: BTreeMap<String, u64>,
    /// The planted surge's packets, before it began and all.
    pub surge: [Marked; 2],
    /// What Alertmanager said, where it was asked.
    pub alerts: Option<Heard>,
    /// From the command's start to the result.
    pub wall: Duration,
}

/// What a scanner sent, and what of it was counted.
#[derive(Clone, Debug)]
pub struct ScannerReport {
    /// Its name.
    pub name: &'static str,
    /// What was run.
    pub command: String,
    /// By port: on the wire, and counted.
    pub ports: Vec<(u16, Both<u64>)>,
    /// The mark that its packets should have.
    pub mark: &'static str,
    /// On the wire at its ports, and counted with that mark.
    pub marked: Both<u64>,
    /// Of those counted, the packets that are sure.
    pub sure: u64,
}

impl ScannerReport {
    /// All ports together.
    #[must_use]
    pub fn packets(&self) -> Both<u64> {
        self.ports.iter().fold(Both::default(), |sum, (_, packets)| Both {
            sent: sum.sent + packets.sent,
            counted: sum.counted + packets.counted,
        })
    }
}

impl Report {
    /// Everything that was compared.
    #[must_use]
    pub fn sections(&self) -> Vec<Section> {
        let mut sections = self.comparison.sections();
        let frames = self.comparison.frames;
        sections.push(self.law_section());
        sections.push(Section::new(
            "on its way",
            [(
                "sent, and arrived at the driver",
                Both {
                    sent: frames.sent,
                    counted: self.arrived,
                },
            )],
        ));
        sections.push(Section::new(
            "scanners",
            self.scanners.iter().flat_map(|scanner| {
                let name = scanner.name;
                let row = move |(port, packets): &(u16, Both<u64>)| (format!("{name} {port}/tcp"), *packets);
                let marked = (format!("{name}, marked as {}", scanner.mark), scanner.marked);
                scanner.ports.iter().map(row).chain([marked])
            }),
        ));
        sections.push(self.metrics.clone());
        sections
    }

    /// What has to hold at rest: of each row, the first figure is what should be.
    fn law_section(&self) -> Section {
        let law = &self.law;
        let accounted = law.drained + law.resident.unsigned_abs() + law.lost_ring;
        let rows = [
            ("observed, by kind", law.observed, law.observed_by_kind),
            ("observed, drained + resident + lost", law.observed, accounted),
            ("observed, taken into derived totals", law.observed, law.derived),
            ("nothing resident at rest", 0, law.resident.unsigned_abs()),
            ("nothing lost", 0, law.packets_lost_detail),
            ("the markers' difference", 0, law.difference.unsigned_abs()),
        ];
        let rows = rows.map(|(name, sent, counted)| (name, Both { sent, counted }));
        Section::new("conservation", rows)
    }

    /// The sum of all absolute differences over everything compared.
    #[must_use]
    pub fn difference(&self) -> u64 {
        self.sections().iter().map(Section::difference).sum()
    }

    /// Whether nothing differs, estimates are within their error, and only the alerts fired that should.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.difference() == 0 && self.sources.is_right() && self.alerts.as_ref().is_none_or(Heard::is_right)
    }

    /// Packets of the scenario a second.
    #[must_use]
    pub fn packets_per_second(&self) -> u64 {
        let frames = u128::from(self.scenario_frames) * Duration::from_secs(1).as_nanos();
        u64::try_from(frames / self.sending.as_nanos().max(1)).unwrap_or(u64::MAX)
    }

    /// The whole as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let comparison = &self.comparison;
        let counted = |rows: &BTreeMap<String, Both<u64>>| -> Map<String, Value> {
            rows.iter()
                .map(|(name, both)| (name.clone(), json!(both.counted)))
                .collect()
        };
        let sent = |rows: &BTreeMap<String, Both<u64>>| -> Map<String, Value> {
            rows.iter()
                .map(|(name, both)| (name.clone(), json!(both.sent)))
                .collect()
        };
        let [before_surge, surge] = self.surge;
        json!({
            "schema": SCHEMA,
            "seed": self.seed,
            "xdp_mode": self.xdp_mode,
            "sent": comparison.frames.sent,
            "arrived": self.arrived,
            "seen": comparison.frames.counted,
            "difference": self.difference(),
            "differing": self.differing().iter().map(|(title, row)| json!({
                "of": title, "name": row.name, "sent": row.packets.sent, "counted": row.packets.counted,
            })).collect::<Vec<_>>(),
            "outcomes": counted(&comparison.outcomes),
            "outcomes_sent": sent(&comparison.outcomes),
            "classes": counted(&comparison.classes),
            "classes_sent": sent(&comparison.classes),
            "conservation": self.law,
            "mirai": both(comparison.mirai),
            "tools": self.tools_json(),
            "unique_sources": self.sources.to_json(),
            "ports": self.ports_json(),
            "protocols": comparison.protocols.iter().map(|(protocol, packets)| json!({
                "protocol": protocol, "sent": packets.sent, "counted": packets.counted,
            })).collect::<Vec<_>>(),
            "regions": comparison.regions.iter().map(|(region, count)| json!({
                "source_region": region,
                "sent": count.sent.packets, "counted": count.counted.packets,
                "mirai_sent": count.sent.mirai, "mirai_counted": count.counted.mirai,
            })).collect::<Vec<_>>(),
            "port_regions": comparison.pairs.iter().map(|((port, region), count)| json!({
                "transport": port.transport, "port": port.port, "source_region": region,
                "sent": count.sent.packets, "counted": count.counted.packets,
                "mirai_sent": count.sent.mirai, "mirai_counted": count.counted.mirai,
            })).collect::<Vec<_>>(),
            "port_regions_other": {
                "sent": comparison.other_pairs.sent.packets, "counted": comparison.other_pairs.counted.packets,
                "mirai_sent": comparison.other_pairs.sent.mirai, "mirai_counted": comparison.other_pairs.counted.mirai,
            },
            "scanners": self.scanners.iter().map(ScannerReport::to_json).collect::<Vec<_>>(),
            "surge": {
                "source_region": SURGE_REGION, "transport": "tcp", "port": SURGE_PORT,
                "sent_before": before_surge.packets, "sent": surge.packets,
            },
            "metrics": { "compared": self.metrics.rows.len(), "difference": self.metrics.difference() },
            "alerts": self.alerts.as_ref().map(Heard::to_json),
            "packets_per_second": self.packets_per_second(),
            "sending_seconds": self.sending.as_secs_f64(),
            "wall_seconds": self.wall.as_secs_f64(),
        })
    }

    fn ports_json(&self) -> Vec<Value> {
        let rows = self.comparison.ports.iter().map(|(port, count)| {
            json!({
                "transport": port.transport, "port": port.port,
                "sent": count.sent.packets, "counted": count.counted.packets,
                "syn_sent": count.sent.syn, "syn_counted": count.counted.syn,
                "mirai_sent": count.sent.mirai, "mirai_counted": count.counted.mirai,
            })
        });
        rows.collect()
    }

    fn tools_json(&self) -> Vec<Value> {
        let rows = self.comparison.tools.iter().map(|(tool, packets)| {
            let sure = self.sure.get(tool).copied().unwrap_or_default();
            json!({
                "tool": tool, "sent": packets.sent, "counted": packets.counted,
                "likely": packets.counted - sure, "sure": sure,
            })
        });
        rows.collect()
    }

    /// Every row that differs, with its section's title.
    fn differing(&self) -> Vec<(&'static str, Row)> {
        let rows = self.sections().into_iter().flat_map(|section| {
            let title = section.title;
            section.rows.into_iter().map(move |row| (title, row))
        });
        rows.filter(|(_, row)| row.packets.difference() > 0).collect()
    }
}

impl ScannerReport {
    fn to_json(&self) -> Value {
        let packets = self.packets();
        json!({
            "name": self.name, "command": self.command, "sent": packets.sent, "counted": packets.counted,
            "mark": self.mark, "marked": self.marked.counted, "sure": self.sure,
            "ports": self.ports.iter().map(|(port, packets)| json!({
                "transport": "tcp", "port": port, "sent": packets.sent, "counted": packets.counted,
            })).collect::<Vec<_>>(),
        })
    }
}

fn both(figures: Both<u64>) -> Value {
    json!({ "sent": figures.sent, "counted": figures.counted })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let differing = self.differing();
        if !differing.is_empty() {
            writeln!(f, "THESE DIFFER")?;
            write_head(f, "")?;
            for (title, row) in differing.iter().take(NAMED_ROWS) {
                write_row(f, &format!("{title}: {}", row.name), row.packets)?;
            }
            if let Some(more) = differing.len().checked_sub(NAMED_ROWS).filter(|more| *more > 0) {
                writeln!(f, "  and {} more; --json names them all", HumanCount(more as u64))?;
            }
            writeln!(f)?;
        }
        for section in self.sections() {
            // The metrics repeat the snapshot: what of them is right needs no line.
            if section.title != self.metrics.title {
                write_section(f, &section)?;
            }
        }
        let marks = self
            .sure
            .iter()
            .map(|(tool, packets)| format!("{tool} {}", HumanCount(*packets)));
        writeln!(f, "sure of the tool {}", marks.collect::<Vec<_>>().join(", "))?;
        let [before, surge] = self.surge;
        writeln!(
            f,
            "planted surge    {SURGE_REGION} on {SURGE_PORT}/tcp: {} packets before, {} in the second half",
            HumanCount(before.packets),
            HumanCount(surge.packets - before.packets)
        )?;
        for scanner in &self.scanners {
            let packets = scanner.packets();
            writeln!(
                f,
                "real scanner     {}: {} on the wire, {} counted, {} marked as {}, {} of them for sure",
                scanner.name,
                HumanCount(packets.sent),
                HumanCount(packets.counted),
                HumanCount(scanner.marked.counted),
                scanner.mark,
                HumanCount(scanner.sure)
            )?;
        }
        write!(f, "{}", self.sources)?;
        writeln!(
            f,
            "metrics          {} figures of /metrics held against the snapshot, difference {}",
            self.metrics.rows.len(),
            self.metrics.difference()
        )?;
        if let Some(alerts) = &self.alerts {
            write!(f, "{alerts}")?;
        }
        writeln!(f, "conservation     {}", live::law(&self.law))?;
        writeln!(
            f,
            "pace             {} packets a second in {:.1} s, XDP mode {}, {:.1} s in all",
            HumanCount(self.packets_per_second()),
            self.sending.as_secs_f64(),
            self.xdp_mode,
            self.wall.as_secs_f64()
        )?;
        let frames = self.comparison.frames;
        write!(
            f,
            "result           {} sent, {} seen, difference {} over all rows of everything",
            HumanCount(frames.sent),
            HumanCount(frames.counted),
            HumanCount(self.difference())
        )
    }
}

fn write_head(f: &mut fmt::Formatter<'_>, title: &str) -> fmt::Result {
    writeln!(
        f,
        "{title:<36} {:>13} {:>13} {:>12}",
        "sent", "counted", "difference"
    )
}

fn write_row(f: &mut fmt::Formatter<'_>, name: &str, packets: Both<u64>) -> fmt::Result {
    // Padding is for texts; these numbers bring a form of their own.
    let figures =
        [packets.sent, packets.counted, packets.difference()].map(|figure| HumanCount(figure).to_string());
    let [sent, counted, difference] = figures;
    writeln!(f, "  {name:<34} {sent:>13} {counted:>13} {difference:>12}")
}

fn write_section(f: &mut fmt::Formatter<'_>, section: &Section) -> fmt::Result {
    if section.rows.is_empty() {
        return Ok(());
    }
    let is_part = section.title.starts_with("Mirai") || section.title.starts_with("TCP");
    let shown = if is_part { SHOWN_ROWS_OF_PARTS } else { SHOWN_ROWS };
    let (own, others) = section.rows.split_at(shown.min(section.rows.len()));
    write_head(f, section.title)?;
    for row in own {
        write_row(f, &row.name, row.packets)?;
    }
    if !others.is_empty() {
        // Differences must not cancel out, so they are added up one by one.
        let sum = |figure: fn(&Row) -> u64| HumanCount(others.iter().map(figure).sum()).to_string();
        writeln!(
            f,
            "  {:<34} {:>13} {:>13} {:>12}",
            format!("all {} others", HumanCount(others.len() as u64)),
            sum(|row| row.packets.sent),
            sum(|row| row.packets.counted),
            sum(|row| row.packets.difference())
        )?;
    }
    writeln!(f)
}
