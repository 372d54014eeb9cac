//! What a person sees while the demo runs: counts redrawn in place on a terminal, plain lines elsewhere.

use std::{
    cell::RefCell,
    fmt::{Display, Write as _},
    time::{Duration, Instant},
};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::view::TopView;
use crate::daemon::{Law, Snapshot};

/// Rows of each list that are shown; as many are asked of the sensor.
pub const SHOWN_ROWS: usize = 6;
/// How often a line is written where nothing can be redrawn.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// The view. All of it goes to standard error: standard output is for the result.
#[derive(Debug)]
pub struct Live {
    bar: ProgressBar,
    begun: Instant,
    last_line: Option<Instant>,
    top: Option<TopView>,
    /// What was said while `top` had the terminal.
    waiting: RefCell<Vec<String>>,
}

impl Live {
    /// A view that shows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        // The template is a constant: a bad one would show in the first run.
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            begun: Instant::now(),
            last_line: None,
            top: None,
            waiting: RefCell::default(),
        }
    }

    /// Gives the terminal to `teiten top`, until that is left or [`Self::close_top`].
    pub fn open_top(&mut self, top: TopView) {
        self.top = Some(top);
    }

    /// Takes the terminal back.
    pub fn close_top(&mut self) {
        self.top = None;
        for line in self.waiting.take() {
            self.bar.suspend(|| eprintln!("{line}"));
        }
    }

    /// A line that stays.
    pub fn say(&self, line: impl Display) {
        let line = format!("{:5.1} s  {line}", self.begun.elapsed().as_secs_f64());
        if self.top.is_some() {
            self.waiting.borrow_mut().push(line);
        } else {
            self.bar.suspend(|| eprintln!("{line}"));
        }
    }

    /// The counts of this moment.
    pub fn show(&mut self, sent: u64, planned: u64, snapshot: &Snapshot) {
        if let Some(top) = &mut self.top {
            if top.is_open() {
                return;
            }
            self.close_top();
        }
        if !self.bar.is_hidden() {
            self.bar.set_message(block(sent, planned, snapshot));
        } else if self.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
            self.last_line = Some(Instant::now());
            self.say(line(sent, snapshot));
        }
    }

    /// Takes the counts away.
    pub fn clear(&mut self) {
        self.close_top();
        self.bar.finish_and_clear();
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

/// Several lines, each within 80 columns.
fn block(sent: u64, planned: u64, snapshot: &Snapshot) -> String {
    let law = &snapshot.conservation;
    let rows = [
        (
            "packets",
            format!(
                "{} of {} sent, {} seen",
                HumanCount(sent),
                HumanCount(planned),
                HumanCount(snapshot.seen)
            ),
        ),
        ("top ports", list(ports(snapshot), 60)),
        ("top regions", list(regions(snapshot), 60)),
        ("Mirai", format!("{} packets", HumanCount(mirai(snapshot)))),
        (
            "conservation",
            // Packets flow: the terms are of slightly different moments, and only the markers prove anything.
            format!(
                "drained {}, resident {}, lost {}",
                HumanCount(law.drained),
                HumanCount(law.resident.unsigned_abs()),
                HumanCount(law.lost_ring + law.lost_queue)
            ),
        ),
        ("", format!("difference at the markers {}", law.difference)),
    ];
    rows.iter().fold("\n".to_owned(), |mut text, (name, value)| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<14} {value}");
        text
    })
}

fn line(sent: u64, snapshot: &Snapshot) -> String {
    format!(
        "sent {}  seen {}  Mirai {}  {}  {}  difference {}",
        HumanCount(sent),
        HumanCount(snapshot.seen),
        HumanCount(mirai(snapshot)),
        list(ports(snapshot).take(3), usize::MAX),
        list(regions(snapshot).take(3), usize::MAX),
        snapshot.conservation.difference
    )
}

/// The law of conservation at rest, in one line.
#[must_use]
pub fn law(law: &Law) -> String {
    format!(
        "observed {} = drained {} + resident {} + lost {}; markers' difference {}",
        HumanCount(law.observed),
        HumanCount(law.drained),
        law.resident,
        law.lost_ring + law.lost_queue,
        law.difference
    )
}

fn ports(snapshot: &Snapshot) -> impl Iterator<Item = (String, u64)> {
    let name = |row: &crate::daemon::PortRow| format!("{}/{}", row.port, row.transport);
    snapshot.ports.iter().map(move |row| (name(row), row.packets))
}

fn regions(snapshot: &Snapshot) -> impl Iterator<Item = (String, u64)> {
    snapshot
        .source_regions
        .iter()
        .map(|row| (row.source_region.clone(), row.packets))
}

fn mirai(snapshot: &Snapshot) -> u64 {
    let rows = snapshot.tools.iter().filter(|row| row.tool == "mirai");
    rows.map(|row| row.packets).sum()
}

/// As many entries as fit into so many columns.
fn list(rows: impl Iterator<Item = (String, u64)>, columns: usize) -> String {
    let mut text = String::new();
    for (name, packets) in rows {
        let separator = if text.is_empty() { "" } else { "  " };
        let entry = format!("{separator}{name} {}", HumanCount(packets));
        if text.len() + entry.len() > columns {
            break;
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{entry}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_where_the_line_does() {
        let rows =
            || [("23/tcp", 1_234_567), ("22/tcp", 5)].map(|(name, packets)| (name.to_owned(), packets));
        assert_eq!(list(rows().into_iter(), 80), "23/tcp 1,234,567  22/tcp 5");
        assert_eq!(list(rows().into_iter(), 20), "23/tcp 1,234,567");
        assert_eq!(list([].into_iter(), 20), "");
    }
}
