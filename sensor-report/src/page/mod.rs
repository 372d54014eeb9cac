//! A report as pages: HTML, Markdown, and every figure as a file of its own.
//!
//! Everything is made of [`Report`] alone, by the templates in `templates/`; the prose of a language is in one file
//! there. Nothing is read from the network, by this or by the pages.

mod drawings;
mod engine;
mod figure;
mod notes;
#[cfg(feature = "png")]
mod png;
mod view;
mod words;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering},
};

use minijinja::{Environment, Value, context};
use serde_json::json;

use self::{
    drawings::Drawing,
    engine::{Format, environment},
    notes::Notes,
};
pub use self::{notes::NotesError, words::Language};
use crate::model::{PeriodKind, Report};

/// Families with Japanese characters first: the reader's own machine has one of them.
pub(crate) const FONTS: &str = "'Noto Sans JP','Noto Sans CJK JP','Hiragino Sans','Yu Gothic',Meiryo,'IPAexGothic','DejaVu Sans',sans-serif";

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A template does not fit what it is given: a fault of this program.
    #[error("the page cannot be written: {0:#}; this is a fault of teiten-report")]
    Template(#[from] minijinja::Error),
    /// The report cannot be given to the templates.
    #[error("the report cannot be read: {0}; this is a fault of teiten-report")]
    Report(#[from] serde_json::Error),
    /// The analyst's notes cannot be read.
    #[error(transparent)]
    Notes(#[from] NotesError),
    /// A picture cannot be drawn.
    #[error("the figure {figure} cannot be drawn as PNG: {cause}; its SVG is whole")]
    Picture {
        /// Which figure.
        figure: String,
        /// Why.
        cause: String,
    },
    /// A file cannot be written.
    #[error("{path} cannot be written: {source}; is there room, and may you write there?")]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A file of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path from the report's folder.
    pub path: PathBuf,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Writes the files below a folder, which is made.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn write(folder: &Path, files: &[File]) -> Result<(), PageError> {
    for file in files {
        let path = folder.join(&file.path);
        let written = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, &file.bytes));
        written.map_err(|source| PageError::Io { path, source })?;
    }
    Ok(())
}

/// The tables that hold every number of the report, as CSV.
#[must_use]
pub fn tables(report: &Report) -> Vec<File> {
    let tables = report.tables().into_iter();
    tables
        .map(|table| File {
            path: Path::new("csv").join(format!("{}.csv", table.name)),
            bytes: table.to_csv().into_bytes(),
        })
        .collect()
}

/// The page of a language as HTML and as Markdown, and its figures. `notes` is the analyst's folder, which need not exist.
///
/// # Errors
/// When notes are there but cannot be read, or by a fault of a template.
pub fn pages(report: &Report, language: Language, notes: &Path) -> Result<Vec<File>, PageError> {
    let notes = Notes::read(notes, language)?;
    let drawings = drawings::drawings(report, language, &notes.events)?;
    let tag = language.tag();
    let mut files = Vec::new();
    for (format, ending) in [(Format::Html, "html"), (Format::Markdown, "md")] {
        let text = page(report, language, format, &drawings, &notes)?;
        files.push(File {
            path: PathBuf::from(format!("report.{tag}.{ending}")),
            bytes: text.into_bytes(),
        });
    }
    for drawing in &drawings {
        files.push(File {
            path: PathBuf::from(drawing.file(tag, "svg")),
            bytes: drawing.svg.clone().into_bytes(),
        });
    }
    #[cfg(feature = "png")]
    files.extend(png::pictures(&drawings, tag)?);
    Ok(files)
}

/// A page as text.
fn page(
    report: &Report,
    language: Language,
    format: Format,
    drawings: &[Drawing],
    notes: &Notes,
) -> Result<String, PageError> {
    let mut environment = environment(language, format)?;
    count_tables(&mut environment);
    let template = environment.get_template(match format {
        Format::Html => "page.html",
        Format::Markdown | Format::Plain => "page.md",
    })?;
    let tag = language.tag();
    let is_html = format == Format::Html;
    let figures: serde_json::Map<String, serde_json::Value> = drawings
        .iter()
        .zip(1..)
        .map(|(drawing, number)| {
            let figure = json!({
                "number": number, "svg": drawing.svg, "alt": drawing.alt, "title": drawing.title,
                "title_html": drawing.title_html, "file": drawing.file(tag, "svg"),
            });
            (drawing.name.clone(), figure)
        })
        .collect();
    let of_notes = if is_html {
        Value::from_serialize(notes.html())
    } else {
        Value::from_serialize(&notes.markdown)
    };
    let events: Vec<_> = notes
        .events
        .iter()
        .filter(|event| (report.period.from..=report.period.to).contains(&event.day))
        .map(|event| json!({"day": event.day, "text": event.text}))
        .collect();
    let files: Vec<String> = report.tables().into_iter().map(|table| table.name).collect();
    let text = template.render(context! {
        lang => tag,
        version => env!("CARGO_PKG_VERSION"),
        fonts => Value::from_safe_string(FONTS.to_owned()),
        r => Value::from_serialize(report_value(report)?),
        c => Value::from_serialize(coverage_value(report)),
        law => Value::from_serialize(law_value(report)?),
        digest => report.period.kind == PeriodKind::Day,
        period_name => words::period(&report.period, language),
        period_days => words::days(&report.period, language),
        port_stories => Value::from_serialize(view::stories(report, true)),
        region_stories => Value::from_serialize(view::stories(report, false)),
        figures => Value::from_serialize(figures),
        notes => of_notes,
        events => Value::from_serialize(events),
        files => files,
    })?;
    Ok(without_blank_runs(&text))
}

/// Tables are numbered in the order that they are printed in.
fn count_tables(environment: &mut Environment<'static>) {
    let tables = Arc::new(AtomicUsize::new(1));
    environment.add_function("next_table", move || tables.fetch_add(1, Ordering::Relaxed));
}

/// At most one blank line at a time: templates leave more behind.
fn without_blank_runs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = true;
    for line in text.lines() {
        let line = line.trim_end();
        if line.is_empty() && blank {
            continue;
        }
        blank = line.is_empty();
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// The report with what its types work out: shares, and the names of figures.
fn report_value(report: &Report) -> Result<serde_json::Value, PageError> {
    let mut value = serde_json::to_value(report)?;
    let mut set = |path: String, name: &str, number: serde_json::Value| {
        if let Some(serde_json::Value::Object(object)) = value.pointer_mut(&path) {
            object.insert(name.to_owned(), number);
        }
    };
    for (place, port) in report.mirai.ports.iter().enumerate() {
        set(format!("/mirai/ports/{place}"), "share", json!(port.share()));
    }
    for (place, sensor) in report.coverage.sensors.iter().enumerate() {
        set(
            format!("/coverage/sensors/{place}"),
            "share",
            json!(sensor.share()),
        );
    }
    if let Some(devices) = &report.mirai.devices {
        set("/mirai/devices".to_owned(), "share", json!(devices.share()));
    }
    for (place, service) in report.watched.iter().enumerate() {
        let name = service.table_name();
        for (field, ending) in [
            ("daily_name", "days"),
            ("months_name", "months"),
            ("sources_name", "sources"),
        ] {
            set(
                format!("/watched/{place}"),
                field,
                json!(format!("{name}_{ending}")),
            );
        }
    }
    Ok(value)
}

fn coverage_value(report: &Report) -> serde_json::Value {
    let total = report.coverage.total();
    json!({
        "share": total.share, "observed": total.observed_seconds, "expected": total.expected_seconds,
        "outages": total.outages, "missing": total.missing_seconds,
    })
}

fn law_value(report: &Report) -> Result<serde_json::Value, PageError> {
    let law = &report.coverage.conservation;
    let mut value = serde_json::to_value(law)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("declared".to_owned(), json!(law.declared()));
    }
    Ok(value)
}
