//! A replay's totals as a person reads them.

use std::io::{self, Write};

use crate::pipeline::snapshot::Snapshot;

/// Rows of each list.
const ROWS: usize = 10;

/// Writes the totals and the first rows of each list.
///
/// # Errors
/// The output cannot be written.
pub fn print(snapshot: &Snapshot, out: &mut impl Write) -> io::Result<()> {
    if snapshot.seen == 0 {
        return writeln!(out, "no packet was read");
    }
    writeln!(out, "{} to {}", snapshot.from, snapshot.to)?;
    writeln!(out, "\n{:>12}  packets seen", snapshot.seen)?;
    for (outcome, packets) in snapshot.outcomes.iter().filter(|(_, packets)| **packets > 0) {
        writeln!(out, "{packets:>12}    {outcome}")?;
    }
    writeln!(
        out,
        "\n{:>12}  of those observed, by class",
        snapshot.conservation.observed
    )?;
    for (class, packets) in &snapshot.classes {
        writeln!(out, "{packets:>12}    {class}")?;
    }
    writeln!(out, "\n{:>12} {:>12} {:>12}  port", "packets", "syn", "mirai")?;
    for row in snapshot.ports.iter().take(ROWS) {
        writeln!(
            out,
            "{:>12} {:>12} {:>12}  {}/{}",
            row.packets, row.syn, row.mirai, row.port, row.transport
        )?;
    }
    writeln!(out, "\n{:>12} {:>12}  source region", "packets", "mirai")?;
    for row in snapshot.source_regions.iter().take(ROWS) {
        writeln!(
            out,
            "{:>12} {:>12}  {}",
            row.packets, row.mirai, row.source_region
        )?;
    }
    writeln!(out, "\n{:>12}  tool", "packets")?;
    for row in snapshot.tools.iter().take(ROWS) {
        writeln!(out, "{:>12}  {}, {}", row.packets, row.tool, row.certainty)?;
    }
    Ok(())
}
