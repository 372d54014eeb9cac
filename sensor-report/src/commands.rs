//! What each command does.

#[cfg(feature = "sql")]
mod sql;

use std::{
    io::{Write as _, stdout},
    path::Path,
};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::civil::Date;
use sensor_records::Day;
use serde_json::json;
use teiten_report::{
    analysis::{Progress, Request, analyse},
    gaps::gaps,
    lists::Lists,
    model::Period,
    page,
    period::{self, Zone},
    scan::Unreadable,
};

use crate::cli::{Command, Data, ReportOptions};

/// Does what was asked for. Whether all was well.
///
/// # Errors
/// When it could not be done.
pub(crate) fn run(command: Command) -> Result<bool> {
    match command {
        Command::Quarter {
            quarter,
            fiscal_start,
            report,
        } => write_report(period::quarter(&quarter, fiscal_start)?, &report),
        Command::Range { from, to, report } => write_report(period::range(from, to)?, &report),
        Command::Day { day, report } => write_report(period::range(day, day)?, &report),
        #[cfg(feature = "sql")]
        Command::Sql(options) => sql::run(&options).map(|()| true),
        Command::Coverage { data, from, to, json } => coverage(&data, from, to, json),
        Command::Verify { data, json } => verify(&data, json),
    }
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} files, {eta} to go") {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl Progress for Bar {
    fn expect(&self, files: usize) {
        self.0.inc_length(files as u64);
    }

    fn advance(&self) {
        self.0.inc(1);
    }
}

/// The report as pages and as JSON, and every table of it as CSV.
fn write_report(period: Period, options: &ReportOptions) -> Result<bool> {
    let store = options.data.open()?;
    let request = Request {
        period,
        zone: Zone::named(&options.timezone)?,
        measure: options.measure,
        sensors: options.sensors,
        domestic: options.domestic.clone(),
        top: options.top.clamp(1, 1_000),
        watched: options.watched.clone(),
        months: !options.no_history,
        lists: Lists::read(options.devices.as_deref(), options.research.as_deref())?,
        networks: !options.no_networks,
    };
    let bar = Bar::new();
    let analysed = analyse(&store, &request, &bar)?;
    bar.0.finish_and_clear();
    warn(&analysed.unreadable);
    let report = &analysed.report;
    let mut files = page::tables(report);
    let text = serde_json::to_string_pretty(report).context("the report cannot be written as JSON")?;
    files.push(page::File {
        path: "report.json".into(),
        bytes: (text + "\n").into_bytes(),
    });
    let own_notes = options.out.join("notes");
    let notes = options.notes.as_ref().unwrap_or(&own_notes);
    let mut languages = options.languages.clone();
    languages.dedup();
    for language in languages {
        files.extend(page::pages(report, language, notes)?);
    }
    page::write(&options.out, &files)?;
    let mut out = stdout().lock();
    let pages = files
        .iter()
        .filter(|file| file.path.extension().is_some_and(|ending| ending == "html"));
    for page in pages {
        writeln!(out, "{}", options.out.join(&page.path).display()).context("the result cannot be shown")?;
    }
    Ok(true)
}

fn warn(unreadable: &[Unreadable]) {
    for file in unreadable {
        eprintln!("warning: {} was passed over: {}", file.place, file.cause);
    }
    if !unreadable.is_empty() {
        eprintln!("warning: what these files hold is missing; `teiten-report verify` says which are damaged");
    }
}

fn coverage(data: &Data, from: Option<Date>, to: Option<Date>, json: bool) -> Result<bool> {
    let store = data.open()?;
    let (found, unreadable) = gaps(&store, from.map(Day), to.map(Day))?;
    warn(&unreadable);
    let mut out = stdout().lock();
    if json {
        let text = serde_json::to_string_pretty(&found).context("the gaps cannot be written as JSON")?;
        writeln!(out, "{text}").context("the gaps cannot be shown")?;
        return Ok(true);
    }
    let mut write = || -> std::io::Result<()> {
        writeln!(
            out,
            "{} sensors, observed {} of {} seconds, {} gaps",
            found.sensors,
            found.observed_seconds,
            found.expected_seconds,
            found.gaps.len()
        )?;
        if found.gaps.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "{:<20} {:<20} {:<20} {:>15} {:>13}",
            "sensor", "from", "to", "seconds missing", "packets lost"
        )?;
        for gap in &found.gaps {
            writeln!(
                out,
                "{:<20} {:<20} {:<20} {:>15} {:>13}",
                gap.sensor, gap.from, gap.to, gap.seconds, gap.lost_packets
            )?;
        }
        out.flush()
    };
    write().context("the gaps cannot be shown")?;
    Ok(true)
}

fn verify(root: &Path, json: bool) -> Result<bool> {
    let verified = sensor_records::verify(root)?;
    let mut out = stdout().lock();
    if json {
        let faults: Vec<_> = verified
            .faults
            .iter()
            .map(|(path, fault)| {
                json!({"path": path.display().to_string(), "fault": fault.to_string(), "damage": fault.is_damage()})
            })
            .collect();
        let found = json!({
            "schema": 1, "whole": verified.is_whole(), "files": verified.files, "bytes": verified.bytes,
            "removed": verified.removed, "faults": faults,
        });
        writeln!(out, "{found:#}").context("what was found cannot be shown")?;
        return Ok(verified.is_whole());
    }
    let mut write = || -> std::io::Result<()> {
        for (path, fault) in &verified.faults {
            writeln!(out, "{} {fault}", path.display())?;
        }
        writeln!(
            out,
            "{} files, {} bytes as written; {} removed on purpose; {} faults",
            verified.files,
            verified.bytes,
            verified.removed,
            verified.faults.len()
        )?;
        out.flush()
    };
    write().context("what was found cannot be shown")?;
    Ok(verified.is_whole())
}
