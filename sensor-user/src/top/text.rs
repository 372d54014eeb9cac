//! Writes the view as plain lines, for a pipe or a file.

use std::io::{self, Write};

use super::{
    figures,
    view::{Row, View},
};

/// Writes one answer.
///
/// # Errors
/// The reader has gone, or the disk is full.
pub fn write(view: &View<'_>, out: &mut impl Write) -> io::Result<()> {
    let Some(picture) = view.picture() else {
        return Ok(());
    };
    let time = picture.to.map_or_else(String::new, |to| to.to_string());
    let law = picture.conservation;
    let sources = picture.unique_sources.all;
    let sources = sources.map_or_else(String::new, |all| format!("  {} sources", figures::grouped(all)));
    writeln!(
        out,
        "{}  {}  {time}  seen {}  {}/s  difference {}  lost {} records{sources}",
        picture.sensor,
        picture.xdp_mode,
        figures::grouped(picture.seen),
        figures::rate(view.seen_rate()),
        law.difference,
        figures::grouped(law.records_lost),
    )?;
    table(out, "port", view.measure, &view.ports)?;
    table(out, "region", view.measure, &view.regions)?;
    table(out, "tool", view.measure, &view.tools)?;
    table(out, "class", view.measure, &view.classes)?;
    writeln!(out)
}

fn table(out: &mut impl Write, name: &str, measure: &str, rows: &[Row]) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "{name:<28}{measure:>12}{:>8}{:>10}", "Mirai", "sources")?;
    for row in rows {
        writeln!(
            out,
            "{:<28}{:>12}{:>8}{:>10}",
            row.name, row.figure, row.mirai, row.sources
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::{history::History, state::State};

    #[test]
    fn every_line_of_a_table_is_as_long_as_its_header() {
        let mut history = History::default();
        let picture = serde_json::from_value(serde_json::json!({
            "sensor": "a", "xdp_mode": "generic", "from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:10Z",
            "seen": 1000, "ports": [{"transport": "udp", "port": 65535, "packets": 990, "mirai": 1, "sources": 3}]
        }))
        .unwrap();
        assert!(history.push(picture));
        let mut text = Vec::new();
        write(&View::new(&history, &State::default(), 10), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].starts_with("a  generic  2026-01-01T00:00:10Z  seen 1,000  100.0/s")
                || lines[0].contains("100/s")
        );
        assert_eq!(
            lines[1].split_whitespace().collect::<Vec<_>>(),
            ["port", "mean/s", "Mirai", "sources"]
        );
        assert_eq!(
            lines[2].split_whitespace().collect::<Vec<_>>(),
            ["65535/udp", "99.0", "<1%", "3"]
        );
        assert_eq!(lines[1].len(), lines[2].len());
    }
}
